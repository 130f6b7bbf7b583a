"""Mistakes of a user as `snakemake` tells them: a message with the place, never a traceback."""

from __future__ import annotations

import json

import pytest

from tests.support.repository import HEADER, ROW, SMALL_YAML, Repository


def told(repository: Repository, *arguments: str) -> str:
    """What a dry run says that must fail."""
    done = repository.snakemake(
        "--dry-run", *arguments, "--configfile", "config/small.yaml", check=False
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("small.yaml", SMALL_YAML + "experiment: other\n", "small.yaml, line 6: the key 'experim"),
        (
            "small.yaml",
            SMALL_YAML.replace("small", "README.md", 1),
            "may not be called 'README.md'",
        ),
        ("small.tsv", HEADER + ROW + "\t\t\t\t\t\n", "small.tsv, line 3: no values; remove the"),
        ("small.tsv", HEADER + ROW.replace("55", "55\tx"), "small.tsv, line 2: 7 values in 6 col"),
        ("models.yaml", "a: {}\na: {}\n", "models.yaml, line 2: the key 'a' is in line 1 too"),
        ("models.yaml", "a: [\n", "models.yaml, line 2: not YAML"),
    ],
)
def test_mistakes_in_files(name: str, content: str, message: str, repository: Repository) -> None:
    (repository.folder / "config" / name).write_text(content, encoding="utf-8")
    assert message in told(repository)


def test_a_row_is_refused_before_anything_is_generated(repository: Repository) -> None:
    path = repository.folder / "config/data/small.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows[2]["answer"] = [1, 2]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    target = "results/datasets/small/tasks.jsonl"
    done = repository.snakemake(
        "--cores=1", target, "--configfile", "config/small.yaml", check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "config/data/small.jsonl, line 3, answer: a list of 2 elements" in said
    assert "Traceback" not in said
    assert not (repository.folder / "results/datasets/small").exists() or not list(
        (repository.folder / "results/datasets/small").iterdir()
    )


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
