"""An estimate as a table with totals and what it rests on, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from eager.progress.estimate import BYTES_PER_TOKEN, Cost, Speed, longest_chain
from eager.util.errors import EagerError

AMOUNTS = {"tokens": "million tokens", "gpu_hours": "GPU hours", "disk_gigabytes": "disk GB"}
"""What is added up, and the name of its column."""


def as_json(
    costs: Sequence[Cost], speeds: Mapping[str, Speed], price: float | None, gpus: int | None
) -> dict[str, Any]:
    """Costs, totals and what they rest on, ready for JSON.

    Args:
        costs: of every result.
        speeds: of each model.
        price: of a GPU hour, in any currency; None: not asked for.
        gpus: that run jobs; None: not asked for.

    Raises:
        EagerError: a job needs more GPUs than there are.
    """
    left = _left(costs)
    return {
        "results": [asdict(cost) | _price(cost.gpu_hours, price) for cost in costs],
        "total": _total(costs, price),
        "used": _total(_done(costs), price),
        "still_to_run": _total(left, price),
        **({"time": _time(left, gpus)} if gpus else {}),
        "assumptions": _assumptions(costs, speeds),
    }


def as_text(
    costs: Sequence[Cost], speeds: Mapping[str, Speed], price: float | None, gpus: int | None
) -> str:
    """As `as_json`: a table with a row per cell, the totals, and what they rest on.

    Raises:
        EagerError: a job needs more GPUs than there are.
    """
    cells: dict[tuple[Any, ...], list[Cost]] = {}
    for cost in costs:
        cells.setdefault(tuple(cost.cell.values()), []).append(cost)
    left = _left(costs)
    known = [group for group in cells.values() if any(cost.tokens is not None for cost in group)]
    table = pd.DataFrame([_row(group, price) for group in known or cells.values()])
    lines = [table.to_string(index=False), ""]
    groups = {"in total": costs, "used so far": _done(costs), "still to run": left}
    for label, group in groups.items():
        told = ", ".join(f"{name} {value}" for name, value in _columns(group, price).items())
        unknown = sum(cost.tokens is None for cost in group)
        lines.append(f"{label}: {told}" + f"; {unknown} results unknown" * bool(unknown))
    if gpus:
        lines.append(_time_line(_time(left, gpus)))
    return "\n".join([*lines, "", *(f"- {line}" for line in _assumptions(costs, speeds))])


def _where(cost: Cost) -> str:
    return f"{cost.cell['model']} {cost.cell['dataset']} M {cost.cell['max_sequences']}"


def _done(costs: Sequence[Cost]) -> list[Cost]:
    return [cost for cost in costs if cost.basis == "done"]


def _left(costs: Sequence[Cost]) -> list[Cost]:
    return [cost for cost in costs if cost.basis != "done"]


def _row(group: Sequence[Cost], price: float | None) -> dict[str, str]:
    cell, prompts = group[0].cell, group[0].prompts
    return {
        "model": cell["model"],
        "dataset": cell["dataset"],
        "M": cell["max_sequences"],
        "theta": cell["entropy_threshold"],
        "seed": cell["seed"],
        **({"rule": cell["rule"]} if "rule" in cell else {}),
        "prompts": "unknown" if prompts is None else f"{prompts:,}",
        **_columns(group, price),
        "from": ", ".join(dict.fromkeys(cost.basis for cost in group)),
    }


def _columns(costs: Sequence[Cost], price: float | None) -> dict[str, str]:
    """What is added up over results, in words; `>`: not of all of them."""
    shown = {"GPU jobs": f"{sum(cost.jobs for cost in costs):,}"}
    for key, name in AMOUNTS.items():
        value, complete = _sum(costs, key)
        shown[name] = _shown(value, complete, 1e-6 if key == "tokens" else 1)
        if key == "gpu_hours" and price is not None:
            shown["cost"] = _shown(value, complete, price)
    return shown


def _shown(value: float | None, complete: bool, unit: float) -> str:
    return "unknown" if value is None else ">" * (not complete) + f"{value * unit:,.2f}"


def _sum(costs: Sequence[Cost], key: str) -> tuple[float | None, bool]:
    """The sum of what is known, None where that is nothing of several; whether all is known."""
    known = [value for cost in costs if (value := getattr(cost, key)) is not None]
    return (sum(known) if known or not costs else None), len(known) == len(costs)


def _total(costs: Sequence[Cost], price: float | None) -> dict[str, Any]:
    sums = {key: _sum(costs, key)[0] for key in AMOUNTS}
    return {
        "results": len(costs),
        "results_known": sum(cost.tokens is not None for cost in costs),
        "jobs": sum(cost.jobs for cost in costs),
        **sums,
        **_price(sums["gpu_hours"], price),
    }


def _price(hours: float | None, price: float | None) -> dict[str, float | None]:
    if price is None:
        return {}
    return {"cost": None if hours is None else hours * price}


def _time(left: Sequence[Cost], gpus: int) -> dict[str, Any]:
    """The least time to the end on so many GPUs: by the work, and by the longest chain."""
    if short := [cost for cost in left if cost.gpus > gpus]:
        raise EagerError(
            f"--gpus {gpus}: a job of {short[0].cell['model']} needs {short[0].gpus}; give at "
            "least as many, or lower its tensor_parallel_size"
        )
    chain = longest_chain(left)
    by_work = sum(cost.gpu_hours or 0 for cost in left) / gpus
    by_chain = sum(cost.hours for cost in chain)
    return {
        "gpus": gpus,
        "hours_at_least": max(by_work, by_chain),
        "hours_by_work": by_work,
        "hours_by_chain": by_chain,
        "chain": [f"{_where(cost)} {cost.method}" for cost in chain],
        "results_unknown": sum(cost.gpu_hours is None for cost in left),
    }


def _time_line(time: Mapping[str, Any]) -> str:
    chain = f" ({' -> '.join(time['chain'])})" if time["chain"] else ""
    return (
        f"on {time['gpus']} GPUs: at least {time['hours_at_least']:,.2f} hours to the end, "
        f"{time['hours_by_work']:,.2f} by the work, {time['hours_by_chain']:,.2f} by the longest "
        f"chain{chain}"
    )


def _assumptions(costs: Sequence[Cost], speeds: Mapping[str, Speed]) -> list[str]:
    """What the figures rest on."""
    used = {cost.basis for cost in costs}
    models = dict.fromkeys(cost.cell["model"] for cost in costs)
    told = [speeds[model].source for model in models]
    if "published" in used:
        told.append(
            "published counts were made by the authors' rule at a theta that is not published; "
            "once a prompt has stopped branching they count words, so that true tokens of the "
            "EAGer methods are more (up to about twice); those of eager_adapt and eager may hold "
            "an EAGer-init of their own"
        )
    if "measured at another M" in used:
        told.append("tokens of Full Parallel grow in proportion to M")
    if "unknown" in used:
        unknown = dict.fromkeys(_where(cost) for cost in costs if cost.basis == "unknown")
        told.append(f"unknown and in no sum (run one cell of it first): {', '.join(unknown)}")
    return [
        *told,
        "samples of Full Parallel are generated once for all M",
        "interruptions, evaluation, downloads and waiting for a cluster are not counted",
        (
            f"disk: as of former results, else {BYTES_PER_TOKEN} bytes per token before "
            "compression; models, data sets and the store are not counted"
        ),
    ]
