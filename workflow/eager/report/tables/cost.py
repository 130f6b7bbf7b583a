"""What a result costs beside tokens: steps one after another, KV cache, operations, seconds.

All but the seconds follow from the stored sequences and the shape of the model, and are the same on
every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eager.evaluation.statistics.inference import Table, estimate, mean, ratio
from eager.report.tables.comparison import with_estimate
from eager.report.tables.pairing import Pooled, baselines_of, compare
from eager.report.tables.summary import relative

MIB, GIB = 2**20, 2**30
RATIOS = ("steps", "kv_read", "flop")
ENGINE = ("computed_tokens", "engine_seconds", "seconds")
"""Of the run as it was: they depend on the machine, on other prompts in the batch, on chance."""


def cost_table(results: Sequence[Pooled]) -> list[dict[str, Any]]:
    """A row per cell and method.

    Ratios are to Full Parallel in the same cell: of means over prompts, with intervals over
    prompts. Those of the engine's seconds have none: on a machine of one's own another run of the
    same tokens takes another time.
    """
    rows = []
    for one, baseline in zip(results, baselines_of(results), strict=True):
        if one.prompts:
            found = _figures(one) | _ratios(one, baseline)
            seconds = {f"{name}_relative": relative(one, baseline, name) for name in ENGINE}
            rows.append({**one.cell, "method": one.method, **found, **seconds})
    return rows


def amount(one: Pooled, name: str) -> Table | None:
    """What each prompt and seed asks for; None where the prompts' lengths or the model are unknown.

    Args:
        one: the result.
        name: `steps` (one after another), `kv_read` and `kv_peak` (bytes), or `flop`: two per
            parameter and token, and four per layer, unit of the attention's width and position
            that a token attends to.

    Source: Kaplan et al. 2020, arXiv 2001.08361, table 1, and Chowdhery et al. 2022, arXiv
    2204.02311, appendix B (of a forward pass).
    """
    if name == "steps":
        return one.values("steps")
    metrics = next(iter(one.seeds.values()))
    shape = metrics.get("model_shape")
    if shape is None or None in {row["prompt_tokens"] for row in metrics["per_prompt"].values()}:
        return None
    if name != "flop":
        return one.values(name) * float(shape["kv_bytes_per_position"])
    if shape["parameters"] is None:
        return None
    prompt = one.values("prompt_tokens")
    attended = one.values("kv_read") + prompt * (prompt - 1) / 2
    return np.asarray(
        2.0 * shape["parameters"] * (prompt + one.values("tokens"))
        + 4.0 * shape["layers"] * shape["attention_width"] * attended
    )


def _figures(one: Pooled) -> dict[str, Any]:
    steps = one.values("steps")
    read, peak, flop = (amount(one, name) for name in ("kv_read", "kv_peak", "flop"))
    return {
        "prompts": len(one.prompts),
        "rounds": float(one.values("rounds").mean()),
        **with_estimate("steps_per_prompt", estimate([mean(steps, None)])),
        "steps_p95": float(np.percentile(steps, 95)),
        "steps_worst": float(steps.max()),
        "kv_read_gib_per_prompt": None if read is None else float(read.mean()) / GIB,
        "kv_peak_mib": None if peak is None else float(peak.max()) / MIB,
        "tflop_per_prompt": None if flop is None else float(flop.mean()) / 1e12,
        **{name: one.total(name) for name in ENGINE},
    }


def _ratios(one: Pooled, baseline: Pooled | None) -> dict[str, Any]:
    row = compare(one, baseline) if baseline else None
    columns: dict[str, Any] = {}
    for name in RATIOS:
        both = [amount(some, name) for some in row.strata[0]] if row else [None, None]
        found = None
        if both[0] is not None and both[1] is not None:
            found = estimate([ratio(both[0], both[1])])
        columns |= with_estimate(f"{name}_relative", found)
    worst = columns["steps_relative"] and baseline and baseline.values("steps").max()
    columns["steps_worst_relative"] = float(one.values("steps").max() / worst) if worst else None
    return columns
