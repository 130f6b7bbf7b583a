"""`make bench-check` fails where a figure is worse by a third than the committed one."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from eager.util.files import read_json, write_json
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import check
from tests.benchmarks.figures import Figure


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run: every part has a figure where more is better and one where less is."""
    for module in (benchmarks, check):
        monkeypatch.setattr(module, "OUTPUT", tmp_path)
    monkeypatch.setattr(check, "REFERENCE", tmp_path / "reference.json")
    monkeypatch.setattr("sys.argv", ["check"])
    for part in benchmarks.PARTS:
        write(tmp_path, part, faster=6.0, cost=10.0)
    check.accept()
    return tmp_path


def write(folder: Path, part: str, faster: float, cost: float) -> None:
    figures = [
        Figure.of(f"{part} faster", [faster], higher_is_better=True, target=5),
        Figure.of(f"{part} cost", [cost], higher_is_better=False),
    ]
    run = {"finished_at": "2026-11-24T20:00", "versions": {}, "hardware": {"processor": "x"}}
    run["hardware"]["cores"] = 2
    write_json(folder / f"{part}.json", run | {"figures": [asdict(f) for f in figures]})


@pytest.mark.parametrize(
    ("faster", "cost", "worse"),
    [(4.1, 14.9, []), (3.9, 10.0, ["limit faster"]), (60.0, 15.1, ["limit cost"])],
)
def test_worse_by_a_third_is_reported(
    bench: Path, capsys: pytest.CaptureFixture[str], faster: float, cost: float, worse: list[str]
) -> None:
    write(bench, "limit", faster, cost)
    if worse:
        with pytest.raises(SystemExit) as ended:
            check.main()
        assert ended.value.code == 1
    else:
        check.main()
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in told if line.startswith("WORSE")] == [
        f"WORSE BY A THIRD {name}" for name in worse
    ]


def test_what_was_not_measured_is_reported(bench: Path) -> None:
    (bench / "micro.json").unlink()
    with pytest.raises(SystemExit, match="run make bench first: micro"):
        check.main()


def test_the_table_says_whether_a_target_holds() -> None:
    figures = [
        Figure.of("a", [4.0, 6.0, 5.0], higher_is_better=True, target=5),
        Figure.of("b", [1.2], higher_is_better=False, target=1.15),
    ]
    rows = benchmarks.markdown(figures).splitlines()[2:]
    assert rows == [
        "| a | 5 | 4 to 6 | at least 5 | yes |",
        "| b | 1.2 | 1.2 to 1.2 | at most 1.15 | no |",
    ]


def test_the_notes_say_what_was_measured() -> None:
    notes = (benchmarks.ROOT / "tests/benchmarks/NOTES.md").read_text()
    results = notes.partition("## Results\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| (.+?) \| ([\d.]+) \|", results, re.MULTILINE))
    assert len(rows) >= 10
    reference = read_json(check.REFERENCE)
    assert rows == {name: f"{reference['figures'][name]:.3g}" for name in rows}
    assert reference["run"][:10] in results
