"""Simple rivals beside Full Parallel, from whose samples they are derived, and pairs of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from eager.config.settings import RivalSettings
from eager.evaluation.measure import interval_of, sequences_of
from eager.evaluation.statistics.equal_compute import compare_at_equal_cost
from eager.evaluation.statistics.rivals import Rival, rivals_of, sharing_rivals
from eager.report.tables.comparison import (
    ENDPOINT,
    USES_RIGHT_ANSWERS,
    measured,
    with_bounds,
    with_p_value,
)
from eager.report.tables.pairing import (
    BASELINE,
    OF_BRANCHING,
    Comparison,
    MetricsFile,
    Pooled,
    compare,
    key_of,
    paired_result,
)

FIGURES = {
    "pass_at_k": "solved",
    "cons_at_max": "majority_correct",
    "pass_rate": "share_correct",
    "tokens": "tokens",
    "tokens_upstream": "tokens_upstream",
    "sequences": "sequences",
    "rounds": "rounds",
}
"""Figures of a rival, and the value per prompt of a result that each stands beside."""
SHARES = ("pass_at_k", "cons_at_max", "pass_rate")
ONLY_IN_CSV = ("tokens_upstream_per_prompt",)
BESIDE = {
    "eager": ("until_solved", "until_solved_shared"),
    "eager_adapt": ("early_stopping", "adaptive_consistency", "adaptive_consistency_shared"),
}
"""The rivals of a method, which know of the answers what it knows."""


def derive(results: Sequence[Pooled], settings: RivalSettings) -> list[Pooled]:
    """The rivals of every result of Full Parallel, in its cell.

    Those that share a budget of M samples per prompt need more samples than that: they are there
    where Full Parallel was run with several seeds, or with a larger M beside.
    """
    baselines = [one for one in results if one.method == BASELINE and one.prompts]
    found = []
    for one in baselines:
        per_seed = {seed: _rivals(metrics, settings) for seed, metrics in one.seeds.items()}
        for name in next(iter(per_seed.values())):
            seeds = {seed: _as_metrics(rivals[name]) for seed, rivals in per_seed.items()}
            found.append(Pooled(one.cell, name, seeds))
        samples = one.cell["max_sequences"]
        pool = _pool(one, baselines)
        if min(map(len, pool)) > samples:
            shared = sharing_rivals(pool, samples, settings.confidence)
            for name, outcomes in shared.items():
                metrics = _as_metrics(dict(zip(one.prompts, outcomes, strict=True)))
                found.append(Pooled(one.cell, name, dict.fromkeys(one.seeds, metrics)))
    return found


def rivals_table(results: Sequence[Pooled], rivals: Sequence[Pooled]) -> list[dict[str, Any]]:
    """A row per rival and result of Full Parallel, with its differences from that.

    Nothing was generated for them: their figures are expected over orders of Full Parallel's
    samples. `rounds` says how often one waits for samples: the latency that drawing in turn costs.
    """
    baselines = {key_of(one.cell): one for one in results if one.method == BASELINE}
    rows: dict[Any, dict[str, Any]] = {}
    for one in rivals:
        place = {name: value for name, value in one.cell.items() if name not in OF_BRANCHING}
        if (*place.values(), one.method) not in rows:
            compared = compare(one, baselines[key_of(one.cell)])
            figures = _figures(compared) if compared else {}
            rows[*place.values(), one.method] = {**place, "method": one.method, **figures}
    return list(rows.values())


def pairs_of(results: Sequence[Pooled], rivals: Sequence[Pooled]) -> list[Comparison]:
    """Any two methods of a cell but Full Parallel, and methods with the rivals beside them."""
    cells: dict[Any, list[Pooled]] = {}
    for one in results:
        if one.method != BASELINE:
            cells.setdefault(key_of(one.cell, "seed"), []).append(one)
    beside: dict[Any, list[Pooled]] = {}
    for rival in rivals:
        beside.setdefault(key_of(rival.cell, "seed"), []).append(rival)
    found = []
    for place, members in cells.items():
        found += [compare(later, earlier) for earlier, later in combinations(members, 2)]
        for one in members:
            known = BESIDE.get(one.method, ())
            found += [compare(one, r) for r in beside.get(place, ()) if r.method in known]
    return [row for row in found if row is not None]


def _figures(row: Comparison) -> dict[str, Any]:
    [(rival, baseline)] = row.strata
    figures: dict[str, Any] = {
        "uses_right_answers": rival.method in USES_RIGHT_ANSWERS,
        "prompts": row.prompts,
    }
    for name, value in FIGURES.items():
        table = rival.values(value)
        label = name if name in (*SHARES, "rounds") else f"{name}_per_prompt"
        interval = interval_of(value, table) if name != "rounds" else None
        figures |= with_bounds(label, float(table.mean()), interval)
    used = float(baseline.values("tokens").mean())
    figures["tokens_relative"] = figures["tokens_per_prompt"] / used if used else None
    figures |= with_p_value("pass_at_k_difference", measured(row, ENDPOINT))
    equal = compare_at_equal_cost([paired_result(rival, baseline, ENDPOINT)])
    return figures | with_p_value("pass_at_k_equal_tokens_difference", equal and equal.difference)


def _rivals(metrics: MetricsFile, settings: RivalSettings) -> dict[str, dict[str, Rival]]:
    """By rival and prompt."""
    by_prompt = {
        prompt: rivals_of(sequences_of(metrics, prompt), settings.window, settings.confidence)
        for prompt in metrics["per_prompt"]
    }
    names = next(iter(by_prompt.values()))
    return {name: {p: found[name] for p, found in by_prompt.items()} for name in names}


def _as_metrics(outcomes: Mapping[str, Rival]) -> MetricsFile:
    """What a metrics.json would say of a rival."""
    return {
        "per_prompt": {
            prompt: {value: getattr(rival, name) for name, value in FIGURES.items()}
            for prompt, rival in outcomes.items()
        }
    }


def _pool(one: Pooled, baselines: Sequence[Pooled]) -> list[list[Any]]:
    """All samples of each prompt of Full Parallel: of each seed those of its largest M.

    Samples of a smaller M are the first ones of a larger.
    """
    but = ("seed", "max_sequences", *OF_BRANCHING)
    same = [other for other in baselines if key_of(other.cell, *but) == key_of(one.cell, *but)]
    largest: dict[Any, MetricsFile] = {}
    for other in sorted(same, key=lambda known: int(known.cell["max_sequences"])):
        if other.prompts == one.prompts:
            largest |= other.seeds
    return [
        [sample for metrics in largest.values() for sample in sequences_of(metrics, prompt)]
        for prompt in one.prompts
    ]
