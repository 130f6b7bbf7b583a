"""Reasons in words."""

from __future__ import annotations

import json

from eager.fingerprint import code_fingerprint
from eager.planning import Plan, PlannedJob, Reason
from eager.why import causes_of, explain


def job(rule: str, reason: Reason | None) -> PlannedJob:
    return PlannedJob(
        rule=rule,
        wildcards={"experiment": "e", "model": "M"},
        inputs=(),
        outputs=(f"results/{rule}",),
        log=None,
        reason=reason,
        started_at=None,
        cluster_jobs=(),
    )


def causes(before: list[object], now: dict[str, object]) -> list[str]:
    reason = Reason(
        params_before=tuple(map(repr, before)),
        params_now={name: repr(value) for name, value in now.items()},
    )
    return causes_of(job("parallel", reason), reason)


def test_settings_are_compared_key_by_key() -> None:
    old = json.dumps({"seed": 1, "temperature": 0.6, "top_k": 0})
    new = json.dumps({"seed": 2, "temperature": 0.6, "top_p": 1.0})
    other = json.dumps({"repo": "x"})
    assert causes([other, old], {"settings": new, "model": json.dumps({"repo": "y"})}) == [
        "settings: seed was 1, is 2",
        "settings: top_k was 0, is left out",
        "settings: top_p was left out, is 1.0",
        'model: repo was "x", is "y"',
    ]


def test_scalars_find_their_earlier_value_by_kind() -> None:
    assert causes([4, 2.0], {"theta": 2.5, "cap": 8}) == [
        "theta was 2.0, is 2.5",
        "cap was 4, is 8",
    ]
    assert causes([4, 5], {"cap": 8}) == [
        "cap is now 8",
        "a parameter is gone: 4",
        "a parameter is gone: 5",
    ]


def test_a_fingerprint_is_told_as_the_code_of_its_module() -> None:
    [cause] = causes(["0" * 16], {"code": code_fingerprint("decoder")})
    assert cause.startswith("the code of module decoder, or of one it uses, has changed")


def test_long_texts_are_shown_where_they_differ() -> None:
    begin = "x" * 500
    [cause] = causes([f"{begin} old"], {"template": f"{begin} new"})
    assert 'old", is "...' in cause
    assert len(cause) < 100


def test_what_follows_is_told_apart_from_what_has_changed() -> None:
    plan = Plan(
        (
            job("fetch_model", None),
            job("fetch_dataset", Reason(changed_inputs=("rows.jsonl",))),
            job("encode", Reason(coming_inputs=("tasks.jsonl",), missing=("prompts",))),
            job("measure", Reason(missing=("metrics.json",))),
        ),
        snakemake_is_running=False,
    )
    text = explain(plan, "report.html")
    assert text.startswith("report.html: 3 jobs would run.")
    assert "fetch_dataset M, because\n  - rows.jsonl has changed" in text
    assert "Never made, or deleted: measure M" in text
    assert "what they read is made anew: encode" in text
    assert "fetch_model" not in text
    assert "nothing would run" in explain(Plan(plan.jobs[:1], False), "report.html")
