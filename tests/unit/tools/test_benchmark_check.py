"""`make bench-check` fails where a figure is worse by a third than the committed one."""

from __future__ import annotations

import re

import pytest

from eager.util.files import read_json
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import check
from tests.benchmarks.figures import Figure


def of(faster: float, cost: float) -> list[Figure]:
    """A figure where more is better and one where less is."""
    return [
        Figure.of("faster", [faster], higher_is_better=True, target=5),
        Figure.of("cost", [cost], higher_is_better=False),
    ]


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        (of(4.1, 14.9), []),
        (of(3.9, 10.0), ["faster: 3.9, the reference is 6"]),
        (of(60.0, 15.1), ["cost: 15.1, the reference is 10"]),
        (of(6.0, 10.0)[1:], ["not measured: faster"]),
    ],
)
def test_worse_by_a_third_is_reported(measured: list[Figure], told: list[str]) -> None:
    assert check.problems({"faster": 6.0, "cost": 10.0}, measured) == told


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
