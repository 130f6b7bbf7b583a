"""What runs again after a change: planned exactly on a finished run, and some of it run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pyarrow.parquet as pq
import pytest

from eager.config.settings import METHODS
from tests.support.changes import ALL, CHANGES, NONE
from tests.support.repository import (
    PROBLEMS,
    Repository,
    copy_finished,
    result_folder,
    rules_run,
)

pytestmark = pytest.mark.long


def change(repository: Repository, name: str) -> Callable[[], None]:
    """Make a change of the list; returns what takes it back."""
    file, old, new, *_ = CHANGES[name]
    path = repository.folder / file
    original = path.read_text()
    assert old in original
    path.write_text(original.replace(old, new, 1))
    return lambda: path.write_text(original) and None


def to_generate(repository: Repository) -> tuple[int, ...]:
    """Prompts that `parallel` and `eager_init` would not find in the store."""
    done = repository.eager("status", "--json", "--configfile", "config/small.yaml")
    assert done.returncode == 0, done.stderr
    rows = {row["method"]: row for row in json.loads(done.stdout)}
    return tuple(
        rows[method]["prompts"] - rows[method]["prompts_finished"]
        for method in ("parallel", "eager_init")
    )


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
) -> dict[str, tuple[dict[str, int], tuple[int, ...] | None]]:
    """What follows from each change whose test was asked for: one plan per core at a time."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    names = [call.params["name"] for call in calls if call.params.get("name") in CHANGES]
    copies: SimpleQueue[Repository] = SimpleQueue()
    cores = len(os.sched_getaffinity(0))
    for _ in range(cores):
        copies.put(copy_finished(small_run, tmp_path_factory.mktemp("plans") / "repository"))

    def planned(name: str) -> tuple[dict[str, int], tuple[int, ...] | None]:
        repository = copies.get()
        take_back = change(repository, name)
        try:
            jobs = repository.planned()
            if CHANGES[name].prompts is None:
                return jobs, None
            if "encode_prompts" not in jobs:
                return jobs, to_generate(repository)
            changed = copy_finished(repository, tmp_path_factory.mktemp("encoded") / "copy")
            changed.small("--until", "encode_prompts")
            return jobs, to_generate(changed)
        finally:
            take_back()
            copies.put(repository)

    with ThreadPoolExecutor(cores) as pool:
        return dict(zip(names, pool.map(planned, names), strict=True))


@pytest.mark.parametrize("name", CHANGES)
def test_only_what_a_change_touches_is_planned_and_generated(
    plans: dict[str, tuple[dict[str, int], tuple[int, ...] | None]], name: str
) -> None:
    assert plans[name] == (CHANGES[name].jobs, CHANGES[name].prompts)


# The files of another revision of the package are the same here, but not those of new software.
AFTER_A_FETCH = {"model revision": NONE, "pin of the generation": ALL}
# The software for GPUs cannot run here.
REALLY = [
    name
    for name, change in CHANGES.items()
    if "eager_init" in change.jobs and (change.prompts is not None or name in AFTER_A_FETCH)
]


@pytest.mark.slow
@pytest.mark.parametrize("name", REALLY)
def test_what_the_engine_really_generates_after_a_change(
    small_run: Repository, tmp_path: Path, name: str
) -> None:
    """The rows above with generations in their plan, run: prompts that were not found finished."""
    repository = copy_finished(small_run, tmp_path / "copy")
    runs = {path: path.read_bytes() for path in repository.folder.glob("results/**/run.json")}
    change(repository, name)
    status = repository.eager("status", "--json", "--configfile", "config/small.yaml")
    folders = {row["method"]: Path(row["folder"]) for row in json.loads(status.stdout)}
    asked = [folders[method] for method in ("parallel", "eager_init")]
    repository.small(*(str(folder / "sequences.parquet") for folder in asked))
    generated = []
    for folder in asked:
        run = (repository.folder / folder / "run.json").read_bytes()
        described = json.loads(run)
        made = described["prompts"] - described["prompts_found_finished"]
        generated.append(0 if runs.get(repository.folder / folder / "run.json") == run else made)
    assert tuple(generated) == (CHANGES[name].prompts or AFTER_A_FETCH[name])


def test_new_code_of_metrics_leaves_generations_and_verdicts_alone(
    small_run: Repository, tmp_path: Path
) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    results = repository.folder / "results/small"
    before = state(results)
    change(repository, "metrics code")
    assert rules_run(repository.small()) == CHANGES["metrics code"].jobs
    after = state(results)
    assert after.keys() == before.keys()
    touched = {Path(name).name for name in after if after[name][0] != before[name][0]}
    untouched = {Path(name).name for name in after} - touched
    assert "metrics.json" in touched
    made_by_generation = {"sequences.parquet", "branches.parquet", "run.json", "allocation.json"}
    assert untouched == made_by_generation | {
        "verdicts.parquet",
        "prompts.parquet",
        "experiment.json",
    }
    # The code means the same, so that every table and figure has the same bytes.
    assert {name: entry[1] for name, entry in after.items()} == {
        name: entry[1] for name, entry in before.items()
    }
    assert repository.planned() == {}


NOTHING = "Nothing to be done (all requested files are present and up to date)."


def test_a_look_changes_nothing_and_says_no_more_than_that_nothing_is_to_be_done(
    small_run: Repository, tmp_path: Path
) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    before = state(repository.folder)
    done = repository.small("--dry-run")
    lines = done.stdout.splitlines()
    assert lines[lines.index("Building DAG of jobs...") + 1 :] == [NOTHING]
    repository.eager("status", "--configfile", "config/small.yaml")
    repository.eager("estimate", "--configfile", "config/small.yaml")
    # Snakemake keeps a log of every call and a cache of times, and Python its bytecode.
    kept = (".snakemake/log", ".snakemake/iocache", "__pycache__")
    looked_at = [
        {name: entry for name, entry in found.items() if not any(word in name for word in kept)}
        for found in (before, state(repository.folder))
    ]
    assert looked_at[0] == looked_at[1]


def touch_manifest(folder: Path) -> None:
    os.utime(next(folder.glob("results/models/*/manifest.json")))


def touch_prompts(folder: Path) -> None:
    os.utime(next(folder.glob("results/small/*/*/prompts.parquet")))


def copy_without_times(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("fresh"), copy_function=shutil.copyfile, symlinks=True)
    shutil.rmtree(folder)
    folder.with_name("fresh").rename(folder)


def refetch(folder: Path) -> None:
    Repository(folder).small(
        "--forcerun", "fetch_dataset", "--", "results/datasets/small/tasks.jsonl"
    )


@pytest.mark.parametrize("act", [touch_manifest, touch_prompts, copy_without_times, refetch])
@pytest.mark.parametrize("profile", [(), ("--workflow-profile", "workflow/profiles/cpu")])
def test_the_same_bytes_with_a_new_time_rerun_nothing(
    small_run: Repository, tmp_path: Path, act: Callable[[Path], None], profile: tuple[str, ...]
) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    act(repository.folder)
    done = repository.snakemake("--dry-run", "--configfile", "config/small.yaml", *profile)
    assert NOTHING in done.stdout + done.stderr


def test_a_lost_record_or_another_name_costs_no_engine(
    small_run: Repository, tmp_path: Path
) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    change(repository, "renamed experiment")
    # An engine could not start: the weights are gone.
    files = next(repository.folder.glob("results/models/*/files")).resolve()
    light = tmp_path / "light"
    shutil.copytree(files, light, ignore=shutil.ignore_patterns("*.safetensors"))
    link = next(repository.folder.glob("results/models/*/files"))
    link.unlink()
    link.symlink_to(light)
    repository.small()
    for run in repository.folder.glob("results/other/*/*/*/*/run.json"):
        described = json.loads(run.read_text())
        assert described["prompts_found_finished"] == described["prompts"] == PROBLEMS
        assert described["load_seconds"] == 0
        ours = run.with_name("sequences.parquet").read_bytes()
        assert (
            ours
            == Path(
                str(run.with_name("sequences.parquet")).replace("/other/", "/small/")
            ).read_bytes()
        )


def test_an_edited_row_is_generated_alone(small_run: Repository, tmp_path: Path) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    change(repository, "one row of the data set")
    repository.small()
    generated = {}
    for method in METHODS:
        run = json.loads((result_folder(repository, method) / "run.json").read_text())
        generated[method] = run["prompts"] - run["prompts_found_finished"]
    assert (generated["parallel"], generated["eager_init"]) == (1, 1)
    # Shares may move from prompt to prompt, but not those that stay as they are.
    shares = [
        {
            entry["prompt_id"]: (entry["share"], entry["saturated"])
            for entry in json.loads((result_folder(run, "eager") / "allocation.json").read_text())[
                "prompts"
            ]
        }
        for run in (small_run, repository)
    ]
    moved = {name for name in shares[0] if shares[0][name] != shares[1][name]}
    assert generated["eager"] <= len(moved) + 1


def test_other_settings_by_two_shards(small_run: Repository, tmp_path: Path) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    change(repository, "shards of the data set")
    config = repository.folder / "config/small.yaml"
    # More patience than an answer has tokens: made again, with the same trees.
    config.write_text(config.read_text() + "branching: {max_steps_without_branch: 999}\n")
    folder = result_folder(repository, "eager_init")
    parallel = state(result_folder(repository, "parallel"))
    target = str(folder.relative_to(repository.folder) / "sequences.parquet")
    done = repository.small(target)
    assert rules_run(done) == {"eager_init": 2, "gather": 1}
    assert state(result_folder(repository, "parallel")) == parallel
    assert not list(folder.glob("shard-*"))
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
