"""Sums over results: what is known and what is guessed apart, and what sharing saves: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eager.progress.estimate import Cost
from eager.progress.knowledge import KNOWN


@dataclass(frozen=True)
class Sum:
    """A sum over results.

    Attributes:
        value: of what is known and guessed together; None: neither of any result.
        guessed: the guessed part.
        complete: whether no result is missing in it.
    """

    value: float | None
    guessed: float
    complete: bool


@dataclass(frozen=True)
class Total:
    """Sums over some results.

    Attributes:
        results: their number.
        known: results whose tokens are measured or published.
        guessed: results whose tokens are guessed.
        jobs: GPU jobs.
        loads: jobs that load the model.
        tokens: generated tokens.
        gpu_hours: of generation and loads.
        disk_gigabytes: of tables.
    """

    results: int
    known: int
    guessed: int
    jobs: int
    loads: int
    tokens: Sum
    gpu_hours: Sum
    disk_gigabytes: Sum


@dataclass(frozen=True)
class Saving:
    """What sharing saves in one unit (tokens, or GPU hours), where both figures are known."""

    naive: float
    here: float

    @property
    def saved(self) -> float:
        """The difference."""
        return self.naive - self.here

    @property
    def share(self) -> float:
        """Share of the naive figure that is saved."""
        return self.saved / self.naive if self.naive else 0.0


def total(costs: Sequence[Cost]) -> Total:
    """Sums over results."""
    counted = [cost for cost in costs if cost.tokens is not None]
    return Total(
        results=len(costs),
        known=sum(cost.basis in KNOWN for cost in counted),
        guessed=sum(cost.basis == "guess" for cost in counted),
        jobs=sum(cost.jobs for cost in costs),
        loads=sum(cost.loads for cost in costs),
        tokens=_sum(costs, "tokens"),
        gpu_hours=_sum(costs, "gpu_hours"),
        disk_gigabytes=_sum(costs, "disk_gigabytes"),
    )


def tokens_saved(costs: Sequence[Cost]) -> Saving:
    """Tokens of the naive program and here, over results of which both are known or guessed."""
    pairs = [(cost.tokens_naive, cost.tokens) for cost in costs]
    return _saving(pairs)


def hours_saved(costs: Sequence[Cost]) -> Saving | None:
    """GPU hours of the naive program and here; None where no result's are known."""
    pairs = [(cost.gpu_hours_naive, cost.gpu_hours) for cost in costs]
    return _saving(pairs) if any(None not in pair for pair in pairs) else None


def without_guesses(costs: Sequence[Cost]) -> list[Cost]:
    """The results whose tokens are measured or published."""
    return [cost for cost in costs if cost.basis in KNOWN]


def _saving(pairs: Sequence[tuple[float | None, float | None]]) -> Saving:
    both = [(naive, here) for naive, here in pairs if naive is not None and here is not None]
    return Saving(sum(naive for naive, _ in both), sum(here for _, here in both))


def _sum(costs: Sequence[Cost], name: str) -> Sum:
    found = [(getattr(cost, name), cost.basis == "guess") for cost in costs]
    values = [value for value, _ in found if value is not None]
    guessed = sum(value for value, guess in found if guess and value is not None)
    unknown = bool(found) and not values
    return Sum(None if unknown else sum(values), guessed, len(values) == len(found))
