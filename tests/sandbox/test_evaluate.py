"""`evaluate`: submissions in, verdicts out, in a container."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eager.sandbox import evaluate as evaluate_module
from eager.sandbox.cache import Cache
from eager.sandbox.cli import app
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.evaluate import evaluate
from eager.sandbox.references import stored_reference
from eager.sandbox.runner import stored_outcome
from eager.sandbox.sanitizing import Sanitized
from eager.sandbox.session import Session
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, Submission
from eager.util.errors import EagerError
from tests.support.repository import ROOT
from tests.support.sandbox import MINICODE, Sandbox

ANSWER = """Sure! Here is the function:

```python
def helper(a, b):
    return a + b

def sum_of_two(a: int, b: int) -> int:
    return helper(a, b)
```

It adds the numbers. For instance `sum_of_two(1, 2)` is 3.
"""


@pytest.fixture
def each(engine: SandboxEngine, minicode: list[CodeTask], tmp_path: Path) -> Sandbox:
    """Our own tasks in every engine."""
    return Sandbox(engine, minicode, tmp_path / "cache")


def test_texts_are_sanitized_inside(each: Sandbox) -> None:
    """evalplus's sanitizer finds the code; where there is none, there is no answer."""
    reference = each.tasks[0].reference
    texts = {
        "chat": ANSWER,
        "bare": reference,
        "rules before": "---\n" * 61 + ANSWER,
        "rules around": "Hm.\n---\n" * 5000 + ANSWER + "---\n" * 5000,
        "apostrophes": "I don't know yet (or do I).\n" * 5000 + ANSWER,
        "passes": "def sum_of_two(a, b):\n" + "    pass\n" * 5000 + "    return a + b\n",
        "comments": "```python\n" + "# sum\n" * 5000 + reference + "```",
        "nothing": "I do not know.",
        "loop": "wait a bit\n" * 5000,
        "empty": "  \n",
        "hostile": "(" * 5000 + "\x00\ud800" + ANSWER,
    }
    verdicts = each.judge(texts, "text", sanitize_seconds=20.0)
    assert verdicts.pop("hostile").status in ("ok", "no_answer")
    wrong = [name for name, verdict in verdicts.items() if not verdict.correct]
    assert wrong == ["nothing", "loop", "empty"]
    assert verdicts["empty"].status == "no_answer"
    assert "helper" in verdicts["chat"].solution
    assert "Sure" not in verdicts["chat"].solution


def test_statuses(each: Sandbox) -> None:
    """One program for each way to end."""
    head = "def sum_of_two(a, b):\n    "
    programs = {
        "ok": head + "return a + b",
        "wrong": head + "return a",
        "exception": head + "return a / 0",
        "timeout": head + "while True: pass",
        "memory": head + "return [0] * (1 << 40)",
        "crashed": "import os\n" + head + "os._exit(0)",
        "output": head + "return '1' * (1 << 21)",
        "malformed": "import os\n" + head + "os.write(3, bytes(40))",
        "no entry point": "def other(): pass",
        "no syntax": "def sum_of_two(a, b) return",
    }
    verdicts = each.judge(programs, output_bytes=1 << 20)
    for name in ("ok", "wrong", "exception", "timeout", "memory", "crashed", "output"):
        assert verdicts[name].status == name, verdicts[name]
    assert verdicts["malformed"].detail == "malformed reply, base test 0"
    assert verdicts["no entry point"].detail == "KeyError while loading"
    assert verdicts["no syntax"].detail == "SyntaxError while loading"


def test_stored_verdicts_are_not_made_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same program, task and limits: answered from the store; other limits: run again."""
    body = "    return a + b\n"
    first = sandbox.judge({"0": body}, "completion")
    starts: list[None] = []
    start = Session.start
    monkeypatch.setattr(Session, "start", lambda session: starts.append(None) or start(session))
    again = sandbox.judge({"0": body, "1": body}, "completion")
    assert starts == []
    assert again == {"0": first["0"], "1": first["0"].model_copy(update={"sample_id": "1"})}
    sandbox.judge({"0": body}, "completion", min_time_limit=2.0)
    assert starts != []


def test_keys_name_the_software_and_the_limits(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict of one engine, image, Python or numpy is not served to another."""
    task = sandbox.tasks[0]

    def keys(**settings: Any) -> set[str]:
        one = sandbox.evaluation(**settings)
        text = Submission(task_id=task.task_id, sample_id=0, text=ANSWER)
        program = one.verdict_key(task, task.reference)
        return {program, one.text_key(text), one.reference_key(task.task_id)}

    seen = keys()
    assert keys() == seen
    for place, name, value in (
        (evaluate_module, "version", lambda _: "9"),
        (evaluate_module, "sys", types.SimpleNamespace(version="9")),
        (type(sandbox.engine), "identity", ["docker", "sha256:1"]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, value)
            assert not keys() & seen
    assert len(keys(sanitize_seconds=1.0) - seen) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:20] + bytes(20) + whole[40:],
        lambda whole: gzip.compress(b"[]"),
        lambda whole: gzip.compress(b"{"),
    ],
)
def test_what_is_damaged_counts_as_absent(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache = Cache(tmp_path)
    cache.put("verdicts", "a1", {"base": "x" * 100})
    assert cache.get("verdicts", "a1") == {"base": "x" * 100}
    (stored,) = tmp_path.glob("*/*/*")
    stored.write_bytes(damage(stored.read_bytes()))
    assert cache.get("verdicts", "a1") is None


def test_what_is_no_result_is_told_apart(minicode: list[CodeTask]) -> None:
    for value in ({}, {"base": {}, "plus": {}}, {"base": {"passed": True, "status": "wrong"}}):
        assert stored_outcome(value) is None
        assert stored_reference(minicode[0], value) is None
    short = {"kinds": "v", "payloads": ["5"], "seconds": [0.1]}
    assert len(minicode[0].base_inputs) > 1
    assert stored_reference(minicode[0], {"base": short, "plus": short}) is None
    for value in ({}, {"code": None, "reason": ""}, {"code": 5, "reason": ""}):
        assert Sanitized.read(value) is None


@pytest.mark.parametrize("kind", ["verdicts", "references", "sanitized"])
def test_damaged_results_are_made_again(sandbox: Sandbox, kind: str) -> None:
    verdicts = sandbox.judge({"0": ANSWER}, "text")
    assert verdicts["0"].correct
    assert len(list(sandbox.folder.glob("*/*/*"))) == 3
    (stored,) = (sandbox.folder / kind).glob("*/*")
    whole = stored.read_bytes()
    stored.write_bytes(b"")
    if kind == "references":
        # Otherwise nothing would ask for the reference.
        (sandbox.folder / "verdicts").rename(sandbox.folder / "gone")
    assert sandbox.judge({"0": ANSWER}, "text") == verdicts
    before, after = (json.loads(gzip.decompress(one)) for one in (whole, stored.read_bytes()))
    assert after.keys() == before.keys()


def test_the_command_reads_and_writes_evalplus_s_files(tmp_path: Path) -> None:
    samples = tmp_path / "samples.jsonl"
    rows = [
        {"task_id": "minicode/0", "completion": "    return a + b\n"},
        {"task_id": "minicode/0", "solution": "def sum_of_two(a, b): return a"},
        {"task_id": "minicode/3", "completion": "    while True: pass\n"},
    ]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "deep/results.json"
    result = CliRunner().invoke(
        app,
        [
            "evaluate", f"--dataset={MINICODE}", f"--samples={samples}", f"--output={output}",
            "--engine=bubblewrap",
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "3 samples of 2 of 14 tasks" in result.output
    assert "base and plus, pass@1: 0.250" in result.output
    content = json.loads(output.read_text())
    assert set(content) == {"date", "hash", "eval"}
    right, wrong = content["eval"]["minicode/0"]
    assert (right["base_status"], right["plus_status"]) == ("pass", "pass")
    assert right["base_fail_tests"] == []
    assert (wrong["base_status"], wrong["base_fail_tests"]) == ("fail", [[2, 3]])
    assert content["eval"]["minicode/3"][0]["base_status"] == "timeout"


def test_no_file_is_read_in_the_locale_s_encoding(tmp_path: Path) -> None:
    """Python warns of each, here as an error: samples as a folder, sources for the container."""
    row = MINICODE.read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "one.jsonl").write_text(json.dumps(json.loads(row)))
    program = tmp_path / "samples/minicode_0/0.py"
    program.parent.mkdir(parents=True)
    program.write_text("# é\ndef sum_of_two(a, b):\n    return a + b\n", encoding="utf-8")
    code = (
        "import sys, warnings\n"
        "from pathlib import Path\n"
        "from eager.sandbox import evaluate, samples, settings, tasks\n"
        "rows = tasks.load_evalplus(Path(sys.argv[1]))\n"
        "warnings.filterwarnings('error', category=EncodingWarning, module='eager.sandbox')\n"
        "given = samples.read_samples(Path(sys.argv[2]), rows)\n"
        "engine = settings.SandboxSettings(engine='bubblewrap')\n"
        "(verdict,) = evaluate.evaluate(rows, given, engine, Path(sys.argv[3]))\n"
        "assert verdict.correct and chr(233) in verdict.solution\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", code, str(tmp_path / "one.jsonl"),
         str(tmp_path / "samples"), str(tmp_path / "cache")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "LC_ALL": "C", "PYTHONUTF8": "0",
                          "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_submissions_must_fit_the_tasks(minicode: list[CodeTask], tmp_path: Path) -> None:
    unknown = Submission(task_id="minicode/99", sample_id=0, text="")
    with pytest.raises(EagerError, match="minicode/99"):
        evaluate(minicode, [unknown], SandboxSettings(), tmp_path)
    with pytest.raises(EagerError, match="task minicode/3 occurs twice"):
        evaluate([*minicode, minicode[3]], [], SandboxSettings(), tmp_path)
    with pytest.raises(EagerError, match="exactly one"):
        Submission(task_id="minicode/0", sample_id=0, text="", solution="")
