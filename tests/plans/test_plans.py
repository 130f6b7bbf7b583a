"""Plans and configuration mistakes, as `snakemake -n` shows them; no engine."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.planning import jobs_planned
from tests.support.repository import ROOT, ROW, Repository, rules_run
from tools.docs.schemas import write_schemas


def test_the_paper_is_planned_offline_with_every_cell(repository: Repository) -> None:
    done = repository.snakemake("--dry-run", "--configfile", "config/paper.yaml")
    with (repository.folder / "config/paper.tsv").open() as stream:
        cells = list(csv.DictReader(stream, delimiter="\t"))
    assert len(cells) == 4 * 5 + 4 * 4
    for cell in cells:
        cap = f"max_sequences={cell['max_sequences']}"
        base = f"results/paper/{cell['model']}/{cell['dataset']}/temperature=0.6+"
        assert f"{base}seed=55/parallel/metrics+{cap}.json" in done.stdout
        place = f"{base}{cap}+seed=55"
        for method in ("eager_init", "eager_adapt", "eager"):
            rule = "" if cell["rule"] == "described" else f"+rule={cell['rule']}"
            folder = f"{place}+entropy_threshold=2.2{rule}/{method}"
            assert f"{folder}/sequences.parquet" in done.stdout


def test_keys_on_the_command_line_alone_are_keys_of_the_demo(repository: Repository) -> None:
    planned = rules_run(repository.snakemake("--dry-run", "--config", "methods=[parallel]"))
    assert planned["parallel"] == 2
    assert "eager_init" not in planned
    wrong = repository.snakemake("--dry-run", "--config", "enigne=x", check=False)
    assert "config/config.yaml, unknown key 'enigne'; did you mean 'engine'?" in wrong.stdout


def test_cells_that_differ_in_the_threshold_share_parallel(repository: Repository) -> None:
    cells = repository.folder / "config/small.tsv"
    row = cells.read_text().splitlines()[-1]
    cells.write_text(cells.read_text() + row.replace("1.0", "1.5") + "\n")
    planned = jobs_planned(repository)
    assert planned["parallel"] == 1
    assert [planned[rule] for rule in ("eager_init", "eager_adapt", "eager")] == [2, 2, 2]
    assert planned["allocate"] == 4


@pytest.mark.long
def test_programs_are_evaluated_beside_generation(repository: Repository) -> None:
    """They take half of the cores, so that they wait for no generation job to end, and memory for
    as many programs as run at once. Beside a GPU there are cores."""
    demo = ("--dry-run", "--configfile", "config/config.yaml", "--cores")
    done = repository.snakemake(*demo, "6").stdout
    done += repository.snakemake(*demo, "6", "--config", "generate_image=generate").stdout
    taken: dict[tuple[str, bool], list[list[str]]] = {}
    for rule, job in re.findall(r"^rule (\w+):\n((?:    .*\n)+)", done, re.MULTILINE):
        asked = re.findall(r"threads: (\d+)|mem_mb=(\d+)", job)
        place = taken.setdefault((rule, "minicode" in job), [])
        place.append(["".join(pair) for pair in asked])
    programs = str(4000 + 3 * (4 << 30) // 1_000_000)
    assert taken["evaluate", True] == [["3", programs]] * 8
    assert taken["evaluate", False] == [["4000"]] * 8
    assert taken["eager_init", True] == [["32000"], ["4", "32000"]]


@pytest.mark.parametrize(("free", "one_at_a_time"), [(8_999_999, True), (9_000_000, False)])
def test_the_demo_runs_one_engine_at_a_time_where_memory_is_short(
    free: int, one_at_a_time: bool, tmp_path: Path
) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal: 64000000 kB\nMemAvailable: {free} kB\n")
    words = ["make", "--just-print", "demo", f"MEMINFO={tmp_path / 'meminfo'}"]
    planned = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ("--resources gpu=1" in planned) == one_at_a_time


def test_mistakes_stop_snakemake_without_traceback(repository: Repository) -> None:
    """All at once, before anything is begun; which ones are found is tested without Snakemake."""
    table = repository.folder / "config/small.tsv"
    other = ROW.replace("\tsmall", "\tsmal")
    table.write_text(table.read_text().replace("0.6", "0") + other)
    done = repository.snakemake("--cores=1", "--configfile", "config/small.yaml", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    for text in (
        "the configuration has mistakes:",
        "config/small.tsv, line 2, temperature",
        "did you mean 'small'?",
    ):
        assert text in output
    assert "Traceback" not in output
    assert not (repository.folder / "results/small").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ["archive", "--configfile", "config/small.yaml"],
        ["--configfile", "config/small.yaml", "--", "archive"],
    ],
)
def test_a_target_before_the_option_or_after_the_dashes(
    words: list[str], repository: Repository
) -> None:
    """As config/README.md says: behind the option Snakemake takes it for a file."""
    done = repository.snakemake("--dry-run", *words)
    assert "archive" in done.stdout + done.stderr


@pytest.mark.long
def test_snakemake_lint_finds_nothing(repository: Repository) -> None:
    repository.snakemake("--lint")


def test_schemas_and_reference_tables_are_up_to_date() -> None:
    assert write_schemas(check=True) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "files", "subject"),
    [
        ("fetch-dataset", ("--tasks", "t.jsonl"), "data set mine"),
        ("fetch-model", ("--folder", "model"), "model mine"),
    ],
)
def test_hub_without_network_is_reported(
    repository: Repository, command: str, files: tuple[str, str], subject: str
) -> None:
    revision = "6fdc4277120810ff75aa22d2d5489b91f7a262a1"
    entry = {"repo": "MathArena/hmmt_feb_2025", "revision": revision}
    experiment = {
        "experiment": "e",
        "configuration": {},
        "targets": [],
        "models": {"mine": entry},
        "datasets": {"mine": entry | {"kind": "math"}},
    }
    (repository.folder / "experiment.json").write_text(json.dumps(experiment))
    done = repository.eager(
        command,
        *("--experiment", "experiment.json"),
        *("--name", "mine"),
        *files,
        *("--manifest", "m.json"),
        *("--log", "fetch.log"),
    )
    if (repository.folder / "m.json").exists():
        pytest.skip("this machine reaches the hub")
    assert done.returncode == 1
    assert f"{subject}: cannot fetch MathArena/hmmt_feb_2025 at 6fdc42" in done.stderr
    assert "set `path:` to the local" in done.stderr
    assert "Traceback" not in done.stderr
