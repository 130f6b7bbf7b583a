"""An estimate as a table with totals and assumptions, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from eager.progress.assumptions import assumptions
from eager.progress.estimate import Cost
from eager.progress.speeds import Speed
from eager.progress.timeline import Timeline
from eager.progress.totals import (
    Saving,
    Sum,
    Total,
    hours_saved,
    tokens_saved,
    total,
    without_guesses,
)


@dataclass(frozen=True)
class Estimate:
    """What is told of a plan.

    Attributes:
        costs: of each result.
        speeds: of each model.
        max_num_seqs: sequences that a job decodes at once.
        snapshot_steps: steps of a prompt between two states that are kept.
        price: of a GPU hour, in any currency; None: not asked for.
        timeline: to the end; None: not asked for.
    """

    costs: list[Cost]
    speeds: Mapping[str, Speed]
    max_num_seqs: int
    snapshot_steps: int
    price: float | None = None
    timeline: Timeline | None = None

    @property
    def left(self) -> list[Cost]:
        """What is still to run."""
        return [cost for cost in self.costs if cost.basis != "done"]

    @property
    def assumptions(self) -> list[str]:
        """What the figures rest on, in words."""
        return assumptions(
            self.costs,
            self.speeds,
            self.max_num_seqs,
            self.snapshot_steps,
            timed=bool(self.timeline),
        )


def as_json(estimate: Estimate) -> dict[str, Any]:
    """Costs, totals and assumptions, ready for JSON."""
    price, known = estimate.price, without_guesses(estimate.costs)
    return {
        "results": [
            _without(asdict(cost), "caps", "initial") | _price(cost.gpu_hours, price)
            for cost in estimate.costs
        ],
        "total": _total_as_json(total(estimate.costs), price),
        "still_to_run": _total_as_json(total(estimate.left), price),
        "naive": _savings_as_json(estimate.costs) | {"of_known": _savings_as_json(known)},
        **({"time": asdict(estimate.timeline)} if estimate.timeline else {}),
        "assumptions": estimate.assumptions,
    }


def as_text(estimate: Estimate) -> str:
    """A table with a row per cell, the totals, and every guess and assumption."""
    cells: dict[tuple[Any, ...], list[Cost]] = {}
    for cost in estimate.costs:
        cells.setdefault(tuple(cost.cell.values()), []).append(cost)
    rows = [_row(group, estimate.price) for group in cells.values()]
    sections = [
        [pd.DataFrame(rows).to_string(index=False)],
        [
            *(
                _total_line(label, total(group), estimate.price)
                for label, group in (("in total", estimate.costs), ("still to run", estimate.left))
            ),
            _naive_line(estimate.costs),
            *(_time_lines(estimate.timeline) if estimate.timeline else []),
        ],
        _listed("guesses", _guess_lines(estimate.costs)),
        _listed("assumptions", estimate.assumptions),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _row(group: Sequence[Cost], price: float | None) -> dict[str, str]:
    sums, cell = total(group), group[0].cell
    return {
        "model": cell["model"],
        "dataset": cell["dataset"],
        "M": cell["max_sequences"],
        "theta": cell["entropy_threshold"],
        "seed": cell["seed"],
        **({"rule": cell["rule"]} if "rule" in cell else {}),
        "prompts": _number(group[0].prompts, "{:,}"),
        **{name: _at_least(value, form) for name, value, form in _columns(sums, price)},
        "from": ", ".join(dict.fromkeys(cost.basis for cost in group)),
    }


def _columns(sums: Total, price: float | None) -> list[tuple[str, Sum, str]]:
    """Name, sum and format of each column that is added up."""
    cost = [("cost", _scaled(sums.gpu_hours, price), "{:,.2f}")] if price is not None else []
    return [
        ("GPU jobs", Sum(sums.jobs, 0, complete=True), "{:,}"),
        ("loads", Sum(sums.loads, 0, complete=True), "{:,}"),
        ("million tokens", _scaled(sums.tokens, 1e-6), "{:,.2f}"),
        ("GPU hours", sums.gpu_hours, "{:,.2f}"),
        *cost,
        ("disk GB", sums.disk_gigabytes, "{:,.3f}"),
    ]


def _total_line(label: str, sums: Total, price: float | None) -> str:
    told = []
    for name, value, form in _columns(sums, price):
        guessed = f" (of which guessed {form.format(value.guessed)})" if value.guessed else ""
        told.append(f"{name} {_at_least(value, form)}{guessed}")
    unknown = sums.results - sums.known - sums.guessed
    left = f"; {unknown} of {sums.results} results not counted" if unknown else ""
    return f"{label}: {', '.join(told)}{left}"


def _naive_line(costs: Sequence[Cost]) -> str:
    known = without_guesses(costs)
    told = [_saved(tokens_saved(costs), tokens_saved(known), 1e-6, "million tokens")]
    hours, known_hours = hours_saved(costs), hours_saved(known)
    if not tokens_saved(costs).saved and not (hours and hours.saved):
        return "run naively: the same, nothing is shared"
    if hours is not None:
        told.append(_saved(hours, known_hours, 1, "GPU hours"))
    return f"run naively: {'; '.join(told)}"


def _saved(every: Saving, known: Saving | None, unit: float, name: str) -> str:
    apart = f"; {known.share:.1%} of what is not guessed" if known and known != every else ""
    return (
        f"{every.naive * unit:,.2f} {name}, here {every.here * unit:,.2f}: "
        f"{every.saved * unit:,.2f} saved ({every.share:.1%}{apart})"
    )


def _time_lines(found: Timeline) -> list[str]:
    left = f"; {found.uncounted} results of unknown hours not counted" if found.uncounted else ""
    path = " -> ".join(
        f"{result.cell['model']} {result.cell['dataset']} {result.method} M "
        f"{result.cell['max_sequences']} {result.hours:,.2f} h"
        for result in found.path
    )
    told = (
        f"on {found.gpus} GPU{'s' * (found.gpus > 1)}: {found.hours:,.2f} hours to the end; at "
        f"least {found.hours_of_work:,.2f} by the work, {found.hours_of_path:,.2f} by the "
        f"critical path{left}"
    )
    return [told, f"critical path: {path}"] if path else [told]


def _guess_lines(costs: Iterable[Cost]) -> list[str]:
    """What guesses are from, with the results that are guessed from it."""
    planned: dict[str, set[str]] = {}
    guessed: dict[str, dict[str, dict[str, None]]] = {}
    for cost in costs:
        where = f"{cost.cell['model']} {cost.cell['dataset']} M {cost.cell['max_sequences']}"
        planned.setdefault(where, set()).add(cost.method)
        if cost.guessed_from:
            places = guessed.setdefault(cost.guessed_from, {})
            places.setdefault(where, {})[cost.method] = None
    return [
        f"from {words}: "
        + "; ".join(
            where if set(methods) == planned[where] else f"{where} ({', '.join(methods)})"
            for where, methods in places.items()
        )
        for words, places in guessed.items()
    ]


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"- {line}" for line in dict.fromkeys(lines))] if lines else []


def _total_as_json(sums: Total, price: float | None) -> dict[str, Any]:
    amounts = {
        name: {"": value.value, "_guessed": value.guessed}
        for name in ("tokens", "gpu_hours", "disk_gigabytes")
        if isinstance(value := getattr(sums, name), Sum)
    }
    return {
        "results": sums.results,
        "results_known": sums.known,
        "results_guessed": sums.guessed,
        "jobs": sums.jobs,
        "loads": sums.loads,
        **{name + part: found for name, both in amounts.items() for part, found in both.items()},
        **_price(sums.gpu_hours.value, price),
    }


def _savings_as_json(costs: Sequence[Cost]) -> dict[str, Any]:
    tokens, hours = tokens_saved(costs), hours_saved(costs)
    return {
        "tokens": tokens.naive,
        "tokens_saved": tokens.saved,
        "tokens_saved_share": tokens.share,
        "gpu_hours": hours and hours.naive,
        "gpu_hours_saved": hours and hours.saved,
        "gpu_hours_saved_share": hours and hours.share,
    }


def _price(hours: float | None, price: float | None) -> dict[str, float | None]:
    if price is None:
        return {}
    return {"cost": None if hours is None else hours * price}


def _scaled(value: Sum, factor: float | None) -> Sum:
    if value.value is None or factor is None:
        return Sum(None, 0, complete=False)
    return Sum(value.value * factor, value.guessed * factor, value.complete)


def _at_least(value: Sum, form: str) -> str:
    mark = "" if value.complete or value.value is None else ">"
    return mark + _number(value.value, form)


def _number(value: float | None, form: str) -> str:
    return "unknown" if value is None else form.format(value)


def _without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in names}
