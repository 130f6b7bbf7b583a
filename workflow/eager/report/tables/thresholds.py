"""What choosing theta is worth: the best of a sweep, and one chosen without the prompt it serves.

Where several thetas are run, the figure at the best of them is chosen on the prompts that it is
measured on, and so flatters. Beside it stands the figure with theta chosen for each prompt on all
other prompts (leave-one-out), which does not. Pure functions.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from eager.evaluation.statistics.inference import DIGITS, Table, share_interval
from eager.report.tables.comparison import with_bounds
from eager.report.tables.pairing import BASELINE, Pooled, key_of

COLUMNS = ("best_threshold", "pass_at_k_at_best", *with_bounds("pass_at_k_held_out", None, None))


def sweep(solved: Mapping[float, Table], tokens: Mapping[float, float]) -> dict[str, Any]:
    """Best and held-out Pass@k over thetas; of equally good ones that with fewer tokens is taken.

    The interval is as if the choices were given: they hardly change with one prompt.

    Args:
        solved: by theta (nats), for each prompt the share of seeds in which it has a right
            sequence; at least one theta, and the same prompts, one or more, for every theta.
        tokens: by theta, tokens per prompt.

    Returns:
        A value for each of `COLUMNS`.
    """

    def chosen(without: float | Table) -> float:
        def merit(theta: float) -> tuple[float, float]:
            # Shares that are equal but for the last digit are equal.
            return round(float((solved[theta] * without).sum()), DIGITS), -tokens[theta]

        return max(sorted(solved), key=merit)

    best = chosen(1)
    others = 1 - np.eye(len(solved[best]))
    held_out = np.array([[solved[chosen(row)][n]] for n, row in enumerate(others)])
    figures = {"best_threshold": best, "pass_at_k_at_best": float(solved[best].mean())}
    bounds = share_interval(held_out)
    return {**figures, **with_bounds("pass_at_k_held_out", float(held_out.mean()), bounds)}


def sweep_columns(results: Sequence[Pooled]) -> list[dict[str, float | None]]:
    """Columns of each result's row: those of its method over the thetas that its cell is run with.

    Empty rows, without the columns, where no method has several thetas; columns without values
    where this one has not (Full Parallel knows none).
    """
    families: dict[Hashable, list[Pooled]] = {}
    for one in results:
        families.setdefault(_family(one), []).append(one)
    found = {key: _columns(members) for key, members in families.items()}
    if not any(found.values()):
        return [{} for _ in results]
    return [dict.fromkeys(COLUMNS) | found[_family(one)] for one in results]


def _family(one: Pooled) -> Hashable:
    return one.method, key_of(one.cell, "entropy_threshold")


def _columns(members: list[Pooled]) -> dict[str, Any]:
    by_theta = {float(one.cell.get("entropy_threshold") or 0): one for one in members}
    prompts = members[0].prompts
    same = all(one.prompts and one.prompts == prompts for one in members)
    if members[0].method == BASELINE or len(by_theta) < 2 or not same:
        return {}
    solved = {theta: one.values("solved").mean(axis=1) for theta, one in by_theta.items()}
    tokens = {theta: float(one.total("tokens_per_prompt") or 0) for theta, one in by_theta.items()}
    return sweep(solved, tokens)
