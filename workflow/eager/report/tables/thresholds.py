"""What choosing theta is worth: the best of a sweep, and one chosen without the prompt it serves.

Where several thetas are run, the figure at the best of them is chosen on the prompts that it is
measured on, and so flatters. Beside it stands the figure with theta chosen for each prompt on all
other prompts (leave-one-out), which does not. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from eager.report.tables.pairing import Result

COLUMNS = ("best_threshold", "pass_at_k_at_best", "pass_at_k_held_out")


class Sweep(NamedTuple):
    """Figures of one method over several thetas.

    Attributes:
        best: theta (nats) with the highest Pass@k.
        at_best: Pass@k with it.
        held_out: Pass@k where the theta of each prompt is the best one on all other prompts.
    """

    best: float
    at_best: float
    held_out: float


def sweep(solved: Mapping[float, Mapping[str, bool]], tokens: Mapping[float, float]) -> Sweep:
    """Best and held-out Pass@k over thetas; of equally good ones that with fewer tokens is taken.

    Args:
        solved: by theta (nats), for each prompt whether it has a right sequence; the prompts are
            the same for every theta.
        tokens: by theta, tokens per prompt.

    Raises:
        ValueError: no theta or no prompt, or prompts differ between thetas.
    """
    prompts = next(iter(solved.values()), {}).keys()
    if not prompts or any(found.keys() != prompts for found in solved.values()):
        raise ValueError("a sweep needs a theta, a prompt, and the same prompts for every theta")
    counts = {theta: sum(found.values()) for theta, found in solved.items()}

    def chosen(without: str | None) -> float:
        def merit(theta: float) -> tuple[int, float]:
            own = 0 if without is None else solved[theta][without]
            return counts[theta] - own, -tokens[theta]

        return max(sorted(solved), key=merit)

    best = chosen(None)
    return Sweep(
        best,
        counts[best] / len(prompts),
        fmean(solved[chosen(prompt)][prompt] for prompt in prompts),
    )


def sweep_columns(results: Sequence[Result]) -> list[dict[str, float | None]]:
    """Columns of each result's row: those of its method over the thetas that its cell is run with.

    Empty rows, without the columns, where no method has several thetas; columns without values
    where this one has not (Full Parallel knows none).
    """
    families: dict[tuple[Any, ...], list[Result]] = {}
    for result in results:
        families.setdefault(_family(result), []).append(result)
    found = {key: _columns(members) for key, members in families.items()}
    if not any(found.values()):
        return [{} for _ in results]
    return [dict.fromkeys(COLUMNS) | found[_family(result)] for result in results]


def _family(result: Result) -> tuple[Any, ...]:
    cell, method, _ = result
    return method, *(item for item in sorted(cell.items()) if item[0] != "entropy_threshold")


def _columns(members: list[Result]) -> dict[str, float]:
    by_theta = {float(cell.get("entropy_threshold", 0)): metrics for cell, _, metrics in members}
    per_prompt = [metrics["per_prompt"] for metrics in by_theta.values()]
    same = all(found and found.keys() == per_prompt[0].keys() for found in per_prompt)
    if members[0][1] == "parallel" or len(by_theta) < 2 or not same:
        return {}
    solved = {
        theta: {name: bool(row["solved"]) for name, row in metrics["per_prompt"].items()}
        for theta, metrics in by_theta.items()
    }
    tokens = {theta: metrics["tokens_per_prompt"] for theta, metrics in by_theta.items()}
    return dict(zip(COLUMNS, sweep(solved, tokens), strict=True))
