"""What a plan costs before it starts: GPU hours, tokens, disk; a cell and in total.

Nothing is guessed: a figure comes from former runs, from published counts, or from the caller, and
is unknown otherwise. Every assumption is named in the output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from eager.config.paths import result_folder
from eager.config.schema import Cell, Experiment
from eager.config.settings import Method
from eager.monitor.history import FormerRun, Key, load_seconds, tokens_per_second
from eager.report.tables.published import PublishedFigures

Basis = Literal["done", "measured", "measured at another M", "published", "unknown"]
BYTES_PER_TOKEN = 12
"""Token id 4, entropy 4, text about 4; before compression, inherited tokens once."""
HOUR, GIGABYTE = 3600, 1e9


@dataclass(frozen=True)
class Speed:
    """How fast one model is generated with.

    Attributes:
        tokens_per_second: of one GPU, all its sequences together; None: not known.
        load_seconds: to load the model, once per job; None: not known.
        source: where the figures are from, in words.
    """

    tokens_per_second: float | None
    load_seconds: float | None
    source: str


@dataclass(frozen=True)
class PerPrompt:
    """Tokens and bytes of tables of one prompt, and where they are from; None: not known."""

    tokens: float | None
    bytes: float | None
    basis: Basis


@dataclass(frozen=True)
class Cost:
    """What one result costs; None: not known.

    Attributes:
        folder: where the result goes.
        cell: the row of the TSV.
        method: the method.
        basis: where the tokens are from; `done` is what the result there has cost.
        prompts: prompts.
        jobs: GPU jobs, one per shard.
        tokens: generated tokens.
        gpu_hours: generation and loading of the model in each job.
        disk_gigabytes: its tables.
    """

    folder: str
    cell: dict[str, Any]
    method: Method
    basis: Basis
    prompts: int | None
    jobs: int
    tokens: float | None
    gpu_hours: float | None
    disk_gigabytes: float | None


def gpu_hours(tokens: float, speed: Speed, jobs: int) -> float | None:
    """Hours of one GPU for a result assigned to some jobs, each of which loads the model.

    The time to load counts as zero where it is not known (the output says so).
    """
    if speed.tokens_per_second is None:
        return None
    return (tokens / speed.tokens_per_second + jobs * (speed.load_seconds or 0)) / HOUR


def per_prompt(
    folder: str, key: Key, runs: Iterable[FormerRun], published: Iterable[PublishedFigures]
) -> PerPrompt:
    """What a prompt of a planned result costs, and where the figure is from.

    The result itself comes first if it is there, then former runs with the same key. Full
    Parallel's samples are independent, so that its tokens grow with M; those of the branching
    methods do not, and are not scaled.
    """
    model, dataset, method, cap, _, temperature = key
    runs = list(runs)
    if own := [run for run in runs if run.folder == folder]:
        return _mean(own, "done")
    if same := [run for run in runs if run.key == key]:
        return _mean(same, "measured")
    if method == "parallel":
        alike = [
            run
            for run in runs
            if run.key[:3] == (model, dataset, method) and run.key[5] == temperature
        ]
        if alike:
            samples = sum(run.prompts * run.key[3] for run in alike)
            tokens = cap * sum(run.tokens for run in alike) / samples
            return PerPrompt(tokens, tokens * BYTES_PER_TOKEN, "measured at another M")
    for fact in published:
        if fact.key == (model, dataset, method, cap) and fact.tokens_per_prompt is not None:
            tokens = fact.tokens_per_prompt
            return PerPrompt(tokens, tokens * BYTES_PER_TOKEN, "published")
    return PerPrompt(None, None, "unknown")


def _mean(runs: list[FormerRun], basis: Basis) -> PerPrompt:
    prompts = sum(run.prompts for run in runs)
    tokens = sum(run.tokens for run in runs) / prompts
    return PerPrompt(tokens, sum(run.bytes for run in runs) / prompts, basis)


def estimate(
    experiment: Experiment,
    runs: list[FormerRun],
    published: list[PublishedFigures],
    prompts: Mapping[str, int | None],
    speeds: Mapping[str, Speed],
) -> list[Cost]:
    """The cost of every result of an experiment, each once, in order of the cells.

    Args:
        experiment: the plan.
        runs: former runs.
        published: published token counts.
        prompts: number of prompts of each data set.
        speeds: of each model.
    """
    costs: dict[str, Cost] = {}
    for cell in experiment.cells:
        for method in experiment.config.methods:
            folder = result_folder(experiment.config.experiment, cell, method)
            if folder in costs:
                continue
            prompt = per_prompt(folder, _key(cell, method), runs, published)
            count, jobs = prompts[cell.dataset], experiment.shards(cell.model, cell.dataset)
            tokens, size = _times(prompt.tokens, count), _times(prompt.bytes, count)
            costs[folder] = Cost(
                folder=folder,
                cell=experiment.columns(cell),
                method=method,
                basis=prompt.basis,
                prompts=count,
                jobs=jobs,
                tokens=tokens,
                gpu_hours=None if tokens is None else gpu_hours(tokens, speeds[cell.model], jobs),
                disk_gigabytes=_times(size, 1 / GIGABYTE),
            )
    return list(costs.values())


def speeds_of(
    models: Iterable[str], runs: list[FormerRun], given: Mapping[str, float], load: float | None
) -> dict[str, Speed]:
    """The speed of each model: what the caller says, else what former runs had.

    Args:
        models: their names.
        runs: former runs.
        given: tokens a second by model; the name "" stands for all others.
        load: seconds to load any model; None: as in former runs.
    """
    speeds = {}
    for model in models:
        own = [run for run in runs if run.model == model]
        rate = given.get(model, given.get("")) or tokens_per_second(own)
        loading = load_seconds(own) if load is None else load
        measured = f"measured on {', '.join(sorted({run.hardware for run in own}))}"
        rate_source = "given" if model in given or "" in given else measured
        load_source = measured if load is None else "given"
        source = (
            f"{model}: no speed known (give --tokens-per-second)"
            if rate is None
            else f"{model}: {rate:,.0f} tokens/s ({rate_source})"
        )
        source += (
            "; time to load it not known, counted as 0 (give --load-seconds)"
            if loading is None
            else f"; {loading:,.0f} s to load it in each job ({load_source})"
        )
        speeds[model] = Speed(rate, loading, source)
    return speeds


def as_json(costs: list[Cost], speeds: Mapping[str, Speed]) -> dict[str, Any]:
    """Costs, totals and assumptions, ready for JSON."""
    return {
        "results": [asdict(cost) for cost in costs],
        "total": _total(costs),
        "still_to_run": _total([cost for cost in costs if cost.basis != "done"]),
        "assumptions": assumptions(costs, speeds),
    }


def as_text(costs: list[Cost], speeds: Mapping[str, Speed]) -> str:
    """A table with a row per cell, the totals, and every assumption."""
    cells: dict[tuple[Any, ...], list[Cost]] = {}
    for cost in costs:
        cells.setdefault(tuple(cost.cell.values()), []).append(cost)
    rows = []
    for group in cells.values():
        total, cell = _total(group), group[0].cell
        basis = dict.fromkeys(cost.basis for cost in group)
        rows.append(
            {
                "model": cell["model"],
                "dataset": cell["dataset"],
                "M": cell["max_sequences"],
                "theta": cell["entropy_threshold"],
                "seed": cell["seed"],
                **({"rule": cell["rule"]} if "rule" in cell else {}),
                "prompts": _number(group[0].prompts, "{:,}"),
                **_shown(total),
                "from": ", ".join(basis),
            }
        )
    left = [cost for cost in costs if cost.basis != "done"]
    lines = [pd.DataFrame(rows).to_string(index=False), ""]
    for label, group in (("in total", costs), ("still to run", left)):
        total = _total(group)
        shown = ", ".join(f"{name} {value}" for name, value in _shown(total).items())
        unknown = total["results"] - total["results_known"]
        lines.append(
            f"{label}: {shown}"
            + (f"; {unknown} of {total['results']} results not counted" if unknown else "")
        )
    return "\n".join([*lines, "", "assumptions:", *(f"- {a}" for a in assumptions(costs, speeds))])


def assumptions(costs: list[Cost], speeds: Mapping[str, Speed]) -> list[str]:
    """What the figures rest on, in words."""
    used = {cost.basis for cost in costs}
    told = [speeds[model].source for model in dict.fromkeys(c.cell["model"] for c in costs)]
    if "published" in used:
        told += [
            (
                "published counts are the authors': once a prompt has stopped branching they count "
                "words, so that true tokens of the EAGer methods are more (up to about twice)"
            ),
            (
                "published counts of eager_adapt and eager may hold an EAGer-init of their own, "
                "which is shared here: they are counted in full"
            ),
        ]
    if "measured at another M" in used:
        told.append("tokens of Full Parallel grow in proportion to M")
    if "unknown" in used:
        told.append("nothing is measured or published for results from unknown: run one cell first")
    told.append(
        f"disk: the size of former results, else {BYTES_PER_TOKEN} bytes a generated token (id, "
        "entropy, text) before compression; models and data sets are not counted"
    )
    return told


def _times(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def _key(cell: Cell, method: Method) -> Key:
    threshold = None if method == "parallel" else cell.entropy_threshold
    return cell.model, cell.dataset, method, cell.max_sequences, threshold, cell.temperature


def _total(costs: list[Cost]) -> dict[str, Any]:
    """Sums over what is known; a sum without a known part is None."""

    def add(name: str) -> float | None:
        known = [value for cost in costs if (value := getattr(cost, name)) is not None]
        return sum(known) if known else None

    return {
        "results": len(costs),
        "results_known": sum(cost.tokens is not None for cost in costs),
        "jobs": sum(cost.jobs for cost in costs),
        "tokens": add("tokens"),
        "gpu_hours": add("gpu_hours"),
        "disk_gigabytes": add("disk_gigabytes"),
    }


def _shown(total: Mapping[str, Any]) -> dict[str, str]:
    partly = total["results_known"] < total["results"] and total["tokens"] is not None
    mark = ">" if partly else ""
    millions = None if total["tokens"] is None else total["tokens"] / 1e6
    return {
        "GPU jobs": f"{total['jobs']:,}",
        "million tokens": mark + _number(millions, "{:,.2f}"),
        "GPU hours": mark * (total["gpu_hours"] is not None)
        + _number(total["gpu_hours"], "{:,.2f}"),
        "disk GB": mark + _number(total["disk_gigabytes"], "{:,.3f}"),
    }


def _number(value: float | None, form: str) -> str:
    return "unknown" if value is None else form.format(value)
