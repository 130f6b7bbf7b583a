"""What a benchmark brings: a figure with its spread, its target, and which way is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: of the figure, for people and for the comparison with the committed ones.
        value: what is compared.
        lowest: the lowest of the repeats.
        highest: the highest of the repeats.
        higher_is_better: the direction.
        target: what it has to reach; None: reported only.
    """

    name: str
    value: float
    lowest: float
    highest: float
    higher_is_better: bool
    target: float | None = None

    @classmethod
    def of(
        cls,
        name: str,
        repeats: Sequence[float],
        *,
        higher_is_better: bool,
        target: float | None = None,
        value: float | None = None,
    ) -> Figure:
        """The median of repeats, unless a value over all of them is given."""
        middle = median(repeats) if value is None else value
        return cls(name, middle, min(repeats), max(repeats), higher_is_better, target)

    @property
    def holds(self) -> bool | None:
        """Whether the target is reached; None if there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.higher_is_better else self.value <= self.target

    def is_worse_by_a_third(self, reference: float) -> bool:
        """Whether a figure has fallen to two thirds of the reference, or grown to 3/2 of it."""
        if self.higher_is_better:
            return self.value < reference * 2 / 3
        return self.value > reference * 3 / 2


Measured = tuple[list[Figure], dict[str, Any]]
"""Figures and the measurements behind them."""


def markdown(figures: Sequence[Figure]) -> str:
    """The figures as a table."""
    lines = ["| figure | value | spread | target | holds |", "| --- | --- | --- | --- | --- |"]
    for figure in figures:
        sign = "at least" if figure.higher_is_better else "at most"
        target = "" if figure.target is None else f"{sign} {figure.target:g}"
        holds = {None: "", True: "yes", False: "no"}[figure.holds]
        spread = f"{figure.lowest:.3g} to {figure.highest:.3g}"
        lines.append(f"| {figure.name} | {figure.value:.3g} | {spread} | {target} | {holds} |")
    return "\n".join(lines) + "\n"
