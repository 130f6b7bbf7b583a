"""Options and hours for the paper's models, on cases worked out by hand."""

from __future__ import annotations

import pytest

from eager.monitor.machine import plan
from eager.monitor.machine.speed import (
    GIB,
    PAPER_MODELS,
    ModelSize,
    Rate,
    Suggestion,
    fastest,
    kv_bytes,
    mean_length,
    suggest,
)
from eager.report.tables.published import PublishedFigures

SIZE = ModelSize(weights=8 * GIB, kv=2**17)


def test_bytes_of_the_cache() -> None:
    # Key and value of 36 layers, 8 heads of 128 values, 2 bytes each.
    assert kv_bytes(36, 8, 128) == 147_456
    assert PAPER_MODELS["SmolLM3-3B"].kv == 73_728


def test_options_follow_from_memory() -> None:
    # 0.9 of 40 GiB less 3 and 8: 25 GiB, of 8192 tokens each.
    assert suggest(SIZE, 40 * GIB, 1, 10_000) == Suggestion(1, 16, 25 * 8192)
    # 0.9 of 16 GiB less 3 and 8: 3.4 GiB, less than two contexts; two GPUs have 14.8.
    assert suggest(SIZE, 16 * GIB, 1, 10_000) is None
    assert suggest(SIZE, 16 * GIB, 2, 10_000) == Suggestion(2, 8, int(14.8 * 8192))
    assert suggest(SIZE, 640 * GIB, 1, 1000) == Suggestion(1, 512, 565 * 8192)


def test_bandwidth_bounds_the_speed() -> None:
    # A step reads 8 GiB and 16 caches of half of 8192 tokens, 0.5 GiB each: 16 GiB.
    choice = Suggestion(1, 16, 0)
    assert fastest(SIZE, 160 * GIB, choice, 8192) == pytest.approx(160)


def test_lengths_are_the_published_ones() -> None:
    def published(model: str, method: str, cap: int, tokens: float | None) -> PublishedFigures:
        return PublishedFigures(
            model=model,
            dataset="d",
            method=method,
            max_sequences=cap,
            pass_at_k=None,
            tokens_per_prompt=tokens,
            source="a figure",
        )

    rows = [
        published("m", "parallel", 4, 40_000),
        published("m", "parallel", 8, 160_000),
        published("m", "parallel", 8, None),
        published("m", "eager", 4, 1),
        published("n", "parallel", 4, 4),
    ]
    assert mean_length("m", rows) == 15_000
    assert mean_length("unknown", rows) == 16_384


def test_the_papers_plan_on_a_large_gpu() -> None:
    lines, chosen = plan.options(80 * GIB, 1)
    assert set(chosen) == set(PAPER_MODELS)
    assert all(line.verdict == "note" for line in lines)
    line = plan.hours(chosen, 3e12, load_seconds=60)
    slower = plan.hours(chosen, 1.5e12, load_seconds=60)
    hours, twice = (float(one.found.split()[2].replace(",", "")) for one in (line, slower))
    assert hours < twice < 2 * hours  # the loads stay as long as they are
    assert "Qwen3-4B" in line.found


def test_nothing_fits_a_small_gpu() -> None:
    lines, chosen = plan.options(6 * GIB, 1)
    assert chosen == {}
    assert all("do not fit" in line.found for line in lines)
    assert plan.hours(chosen, 1e12, 60).found == "no model fits, no hours"


def test_a_rate_in_words() -> None:
    rate = Rate(
        method="parallel",
        sequences=32,
        tokens=3200,
        seconds=2.0,
        replay_seconds=1.6,
        driver_seconds=0.1,
    )
    found = rate.line().found
    assert "1,600 tokens/s; 1.25 times" in found
    assert "(2,000 tokens/s); our driver 5.0%" in found
