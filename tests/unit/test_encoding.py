"""Text is UTF-8 wherever it is read or written: nothing is left to the machine's locale."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

# Where the encoding stands if it is not named, counted from 0.
PLACE_OF_ENCODING = {"read_text": 0, "write_text": 1, "open": None, "fdopen": 3}
PLACE_OF_MODE = {"open": 1, "fdopen": 1}
OWN_FUNCTIONS = ("eager.util.files", "eager.util.text", "tools.docs.sections")
SUBPROCESS = ("run", "Popen", "check_output", "call", "check_call")


def faults(source: str) -> list[int]:
    """Lines of a program that leave the encoding of text to the locale."""
    tree = ast.parse(source)
    own = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in OWN_FUNCTIONS
        for alias in node.names
    } | {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _leaves_encoding_open(node, own)
    ]


def _leaves_encoding_open(call: ast.Call, own: set[str]) -> bool:
    function = call.func
    is_method = isinstance(function, ast.Attribute)
    name = function.attr if is_method else getattr(function, "id", "")
    named = {keyword.arg for keyword in call.keywords}
    if "encoding" in named or (not is_method and name in own):
        return False
    base = ast.unparse(function.value) if is_method else ""
    if name in SUBPROCESS and base == "subprocess":
        return bool(named & {"text", "universal_newlines"})
    if name in ("NamedTemporaryFile", "TemporaryFile"):
        return _mode(call, 0, "w+b").find("b") < 0
    if name in ("read_text", "write_text"):
        return len(call.args) <= PLACE_OF_ENCODING[name]
    if name == "fdopen" or (name == "open" and base not in ("os", "archive", "tarfile", "zipfile")):
        # A path's own `open` has the mode first.
        first = 0 if is_method and base not in ("io", "gzip", "os") else 1
        default = "rb" if base == "gzip" else "r"
        return "b" not in _mode(call, first, default)
    return False


def _mode(call: ast.Call, place: int, default: str) -> str:
    for keyword in call.keywords:
        if keyword.arg == "mode" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    given = call.args[place] if len(call.args) > place else None
    return str(given.value) if isinstance(given, ast.Constant) else default


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("open(p)", True),
        ("open(p, 'w')", True),
        ("path.open()", True),
        ("gzip.open(p, 'rt')", True),
        ("os.fdopen(1, 'w')", True),
        ("path.read_text()", True),
        ("path.write_text(text)", True),
        ("subprocess.run(c, text=True)", True),
        ("NamedTemporaryFile('w')", True),
        ("open(p, 'rb')", False),
        ("gzip.open(p)", False),
        ("path.open('w', encoding='utf-8')", False),
        ("path.read_text('utf-8')", False),
        ("subprocess.run(c)", False),
        ("from eager.util.files import write_text\nwrite_text(p, t)", False),
    ],
)
def test_the_search_finds_what_it_should(source: str, fault: bool) -> None:
    assert bool(faults(source)) == fault


def sources() -> Iterator[Path]:
    yield from sorted((ROOT / "workflow").rglob("*.py"))


def test_no_text_is_left_to_the_locale() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := faults(path.read_text("utf-8")))
    }
    # What runs in the sandbox, as text of other programs.
    found.pop("workflow/eager/sandbox/probes.py", None)
    assert found == {}
    for path in [*(ROOT / "workflow/rules").glob("*.smk"), ROOT / "workflow/Snakefile"]:
        assert not re.search(r"\b(read_text|open)\(\s*\)|\bopen\([^)]*\)", path.read_text("utf-8"))


PROGRAM = """
import sys
from pathlib import Path
from eager.config.load import load_experiment, read_yaml
from eager.config.schema import DatasetEntry
from eager.data.tasks import fetch_tasks, read_tasks
from eager.report.tables.published import read_published
folder = Path(sys.argv[1])
entry = DatasetEntry(kind="math", path=str(folder / "rows.jsonl"))
fetch_tasks("mine", entry, folder / "tasks.jsonl", folder / "manifest.json")
(task,) = read_tasks(folder / "tasks.jsonl")
assert task.problem == "\\u00bd \\u2264 \\U0001d465?", ascii(task.problem)
assert task.target == "\\u221e", ascii(task.target)
load_experiment(read_yaml(folder / "mine.yaml"), str(folder / "mine.yaml"))
assert read_published(folder / "published.csv")[0].source == "table \\u00a7 1"
"""


STRICT = ("-X", "utf8=0", "-X", "warn_default_encoding", "-W", "error::EncodingWarning")


@pytest.fixture(scope="session")
def latin_locale(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a locale whose encoding is ISO-8859-1, made here."""
    folder = tmp_path_factory.mktemp("locales")
    made = folder / "en_US.ISO-8859-1"
    command = ["localedef", "-f", "ISO-8859-1", "-i", "en_US", str(made)]
    if shutil.which("localedef") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("no locale can be made here (localedef)")
    return {"LOCPATH": str(folder), "LC_ALL": made.name}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("locale", ["C", "ISO-8859-1"])
def test_files_are_read_alike_whatever_the_locale(
    mark: str, locale: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Python warns, here an error, wherever the locale would decide; byte order marks are read."""
    variables = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    if locale != "C":
        variables = request.getfixturevalue("latin_locale")
    files = {
        "rows.jsonl": '{"problem": "½ ≤ \U0001d465?", "answer": "∞"}\n',
        "models.yaml": 'tiny:\n  path: models/tiny\n  end_of_thinking: "⟨/denken⟩"\n',
        "datasets.yaml": 'sums:\n  kind: math\n  path: x.jsonl\n  prompt_template: "→ {prompt}"\n',
        "mine.yaml": "\n".join(
            ["experiment: mine"]
            + [f"{key}: {tmp_path / key}.yaml" for key in ("models", "datasets")]
            + [f"cells: {tmp_path}/cells.tsv"]
        ),
        "cells.tsv": "model\tdataset\ttemperature\tmax_sequences\tentropy_threshold\tseed\n"
        "tiny\tsums\t0.6\t4\t2.0\t55\n",
        "published.csv": "model,dataset,method,max_sequences,pass_at_k,tokens_per_prompt,source\n"
        "tiny,sums,eager,4,0.5,,table § 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes((mark + text).encode())
    done = subprocess.run(
        [sys.executable, *STRICT, "-c", PROGRAM, str(tmp_path)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_the_terminal_cannot_show_is_escaped(latin_locale: dict[str, str]) -> None:
    """A message about a file with another script in its name must not end in a traceback."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "eager", "verify", "数.zip"],
        env=os.environ | latin_locale | {"PYTHONIOENCODING": ""},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"no such file" in done.stderr
    assert b"Traceback" not in done.stderr
    listed = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", SPEAK],
        env=os.environ | latin_locale | {"PYTHONIOENCODING": ""},
        capture_output=True,
        check=False,
    )
    assert (listed.returncode, listed.stdout) == (0, b"\\u6570\n"), listed.stderr


SPEAK = """
import sys
import typer
from eager import cli
cli.app = lambda: typer.echo("\\u6570")
cli.main()
"""
