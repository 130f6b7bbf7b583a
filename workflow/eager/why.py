"""In words: what would rerun a file, and why."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eager.fingerprint import PACKAGE, code_fingerprint, modules_behind
from eager.planning import Plan, PlannedJob, Reason

CONTEXT = 20
"""Characters of a long text shown before the place where it has changed."""
FINGERPRINT = re.compile(r"[0-9a-f]{16,}")


def explain(plan: Plan, target: str) -> str:
    """What would run to make a target anew, and what has changed, key by key.

    Args:
        plan: Snakemake's plan for the target.
        target: the file, for the text.
    """
    waiting = [job for job in plan.jobs if job.reason is not None]
    if not waiting:
        return f"{target} is up to date: nothing would run."
    lines = [f"{target}: {_count(len(waiting), 'job')} would run."]
    new: list[str] = []
    followers: list[PlannedJob] = []
    for job in waiting:
        assert job.reason is not None
        causes = causes_of(job, job.reason)
        if causes:
            lines += ["", f"{_name(job)}, because", *(f"  - {cause}" for cause in causes)]
        elif job.reason.coming_inputs:
            followers.append(job)
        else:
            new.append(_name(job))
    if new:
        lines += ["", f"Never made, or deleted: {', '.join(new)}"]
    if followers:
        rules = Counter(job.rule for job in followers)
        named = ", ".join(rule if n == 1 else f"{rule} ({n})" for rule, n in rules.items())
        lines += ["", f"After that, because what they read is made anew: {named}"]
    return "\n".join(lines)


def causes_of(job: PlannedJob, reason: Reason) -> list[str]:
    """What has changed for a job itself, in words.

    None if its outputs are only missing, or if it only follows another job.
    """
    causes = _changed_params(reason, job)
    causes += [f"{path} has changed" for path in reason.changed_inputs]
    if reason.rule_changed:
        causes.append(f"the text of rule {job.rule} has changed")
    if reason.other_files:
        causes.append("it reads other files than last time")
    if reason.environment_changed:
        causes.append("its container or environment is another")
    if reason.incomplete:
        causes.append(f"it was interrupted: {', '.join(reason.incomplete)} is not complete")
    return causes


def _changed_params(reason: Reason, job: PlannedJob) -> list[str]:
    before = [_value(text) for text in reason.params_before]
    causes = []
    for name, text in reason.params_now.items():
        now = _value(text)
        old = _counterpart(now, before)
        if old is not None:
            before.remove(old)
        if isinstance(now, str) and FINGERPRINT.match(now):
            causes.append(_changed_code(now, job))
        elif isinstance(now, dict) and isinstance(old, dict):
            causes += _changed_keys(name, old, now)
        elif old is None:
            causes.append(f"{name} is now {_show(now)}")
        else:
            causes.append(f"{name} {_was_is(old, now)}")
    return causes + [f"a parameter is gone: {_show(old)}" for old in before]


def _changed_keys(name: str, old: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    causes = []
    for key in sorted(old.keys() | now.keys()):
        if key not in now:
            causes.append(f"{name}: {key} was {_show(old[key])}, is left out")
        elif key not in old:
            causes.append(f"{name}: {key} was left out, is {_show(now[key])}")
        elif old[key] != now[key]:
            causes.append(f"{name}: {key} {_was_is(old[key], now[key])}")
    return causes


def _changed_code(fingerprint: str, job: PlannedJob) -> str:
    """Names the module whose fingerprint it is, and its files that are newer than the result."""
    module = next(
        (name for name in _modules() if fingerprint.startswith(code_fingerprint(name))), None
    )
    if module is None:
        return "the code that makes it has changed"
    made = min(
        (Path(path).stat().st_mtime for path in job.outputs if Path(path).exists()), default=0
    )
    newer = [
        f"{name}.py"
        for name in modules_behind(module)
        if (path := PACKAGE.joinpath(*name.split(".")).with_suffix(".py")).exists()
        and path.stat().st_mtime > made
    ]
    hint = f" (newer than the result: {', '.join(newer)})" if newer and made else ""
    return f"the code of module {module}, or of one it uses, has changed{hint}"


def _modules() -> list[str]:
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts) for path in paths)


def _counterpart(now: Any, before: list[Any]) -> Any:
    """The earlier value that a new one most likely replaces: of its kind, its keys alike."""
    alike = [old for old in before if type(old) is type(now)]
    if isinstance(now, dict):
        alike = [old for old in alike if old.keys() & now.keys()]
        return max(alike, key=lambda old: len(old.keys() & now.keys()), default=None)
    if isinstance(now, str):
        is_code = bool(FINGERPRINT.match(now))
        alike = [old for old in alike if bool(FINGERPRINT.match(old)) == is_code]
    return alike[0] if len(alike) == 1 else None


def _value(text: str) -> Any:
    """A recorded parameter: Python text, in which a text may hold JSON."""
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _was_is(old: Any, now: Any) -> str:
    """Both values; of long texts what follows their common beginning."""
    if isinstance(old, str) and isinstance(now, str):
        pairs = enumerate(zip(old, now, strict=False))
        same = next((place for place, pair in pairs if pair[0] != pair[1]), min(len(old), len(now)))
        if same > CONTEXT:
            old, now = f"...{old[same - CONTEXT :]}", f"...{now[same - CONTEXT :]}"
    return f"was {_show(old)}, is {_show(now)}"


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _name(job: PlannedJob) -> str:
    values = " ".join(value for name, value in job.wildcards.items() if name != "experiment")
    return f"{job.rule} {values}".strip()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
