"""The header of a table without rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eager.report.tables.comparison import WANTED, Row, with_bounds, with_p_value
from eager.report.tables.pairing import OF_BRANCHING


def _bounds(*names: str) -> list[str]:
    return [column for name in names for column in with_bounds(name, None, None)]


def _tested(*names: str) -> list[str]:
    return [column for name in names for column in with_p_value(f"{name}_difference", None)]


COLUMNS: Mapping[str, Sequence[str]] = {
    "comparison": [
        *("prompts", "seeds", "uses_right_answers"),
        *_bounds("tokens_saved", "tokens_upstream_saved"),
        *("saved_by_the_unit", "equal_tokens_samples", "pass_at_k_at_equal_tokens"),
        *_bounds("pass_at_k_equal_tokens_difference", "pass_at_k_difference"),
        *("p_value", "holm_p_value", "detectable_difference"),
        *(f"seeds_for_{difference:g}" for difference in WANTED),
        *("tokens", "verdict"),
    ],
    "cost": [
        *("prompts", "rounds", *_bounds("steps_per_prompt"), "steps_p95", "steps_worst"),
        *("kv_read_gib_per_prompt", "kv_peak_mib", "tflop_per_prompt"),
        *("computed_tokens", "engine_seconds", "seconds"),
        *_bounds("steps_relative", "kv_read_relative", "flop_relative"),
        *("steps_worst_relative", "computed_tokens_relative", "engine_seconds_relative"),
        "seconds_relative",
    ],
    "secondary": [
        *("prompts", *_tested("cons_at_max", "pass_rate", "cons_at_max_equal_tokens")),
        *_tested("pass_rate_equal_tokens", "distinct_answers_equal_tokens"),
    ],
    "pairs": [
        *("against", "prompts", *_tested("pass_at_k", "cons_at_max"), *_bounds("tokens_saved")),
    ],
    "rivals": [
        *("uses_right_answers", "prompts", *_bounds("pass_at_k", "cons_at_max", "pass_rate")),
        *_bounds("tokens_per_prompt", "tokens_upstream_per_prompt", "sequences_per_prompt"),
        *(*_bounds("rounds"), "tokens_relative"),
        *_tested("pass_at_k", "pass_at_k_equal_tokens"),
    ],
    "parallel_curve": [
        *("samples", *_bounds("pass_at_k", "cons_at_max", "pass_rate", "distinct_answers")),
        *("cons_error", "tokens_per_prompt", "tokens_upstream_per_prompt"),
    ],
}
"""Behind `method`, of each table but those that have a row per result."""


def header(name: str, row: Row) -> list[str]:
    """The columns of a table.

    Args:
        name: of the table.
        row: of the summary, whose parameters it has too; `seeds` has all of its columns.
    """
    if name == "seeds":
        return list(row)
    place = list(row)[: list(row).index("method") + 1]
    if name in ("rivals", "parallel_curve"):
        place = [parameter for parameter in place if parameter not in OF_BRANCHING]
    return [*place, *COLUMNS[name]]
