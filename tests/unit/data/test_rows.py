"""Rows as people have them: taken where unambiguous and said so, refused with place and words."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.config.schema import DatasetEntry
from eager.data.escapes import COMMANDS, CONTROLS, eaten
from eager.data.rows import read_row
from eager.data.tasks import Task, fetch_tasks, read_tasks
from eager.util.errors import EagerError
from tests.support.sandbox import shared_data

MATH = {"problem": "2 + 2?", "answer": "4"}
CODE = {
    "task_id": "mine/0",
    "prompt": "def f(x):\n",
    "canonical_solution": "    return x\n",
    "entry_point": "f",
    "base_input": [[1]],
    "plus_input": [[2]],
    "atol": 0,
}
FIELDS: dict[str, dict[str, str]] = {
    "math": {},
    "choice": {},
    "code": {"id_field": "task_id", "prompt_field": "prompt"},
}
NAN = float("nan")


def fetch(folder: Path, kind: Any, *rows: Any, **fields: Any) -> tuple[list[Task], dict[str, int]]:
    """Tasks and the manifest's counts of conversions."""
    path = folder / "rows.jsonl"
    text = "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    entry = DatasetEntry(kind=kind, path=str(path), **(FIELDS[kind] | fields))
    fetch_tasks("mine", entry, folder / "tasks.jsonl", folder / "manifest.json")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return read_tasks(folder / "tasks.jsonl"), manifest["converted"]


def refusal(folder: Path, kind: str, *rows: Any, **fields: Any) -> str:
    with pytest.raises(EagerError) as caught:
        fetch(folder, kind, *rows, **fields)
    assert not (folder / "tasks.jsonl").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "change", "expected", "form"),
    [
        ("math", {"answer": ["70"]}, "70", "answer: a list of one element"),
        ("math", {"answer": [70]}, "70", "answer: a list of one element"),
        ("math", {"answer": 70.0}, "70", "answer: a whole number written as a float"),
        ("math", {"answer": 0.5}, "0.5", None),
        ("math", {"answer": -3}, "-3", None),
        ("math", {"answer": " x, y "}, "x, y", None),
        ("math", {"answer": "4 + 5 = <<9>>9\n#### 9"}, "9", "answer: the answer after ####"),
        ("math", {"answer": r"$\boxed{\frac{1}{2}}$"}, r"\frac{1}{2}", r"answer: the answer in \b"),
        ("math", {"answer": r"\boxed{2} or \boxed{3}"}, r"\boxed{2} or \boxed{3}", None),
        ("math", {"answer": "['70']"}, "70", "answer: a list of one element"),
        ("math", {"answer": "('a',)"}, "a", "answer: a list of one element"),
        ("math", {"answer": "{'70'}"}, "70", "answer: a list of one element"),
        ("math", {"answer": '["\\\\frac{1}{2}"]'}, r"\frac{1}{2}", "answer: a list of one element"),
        ("math", {"answer": "[70]"}, "[70]", None),
        ("math", {"answer": r"(1, 2.5], {3}, f'(x), (a)(b), [1., 2)"}, None, None),
        ("choice", {"answer": "C"}, "C", None),
        ("choice", {"answer": "['C']"}, "C", "answer: a list of one element"),
        ("choice", {"answer": "c"}, "C", "answer: a small letter"),
        ("choice", {"answer": "(C)"}, "C", "answer: a letter with signs around it"),
        ("choice", {"answer": "C."}, "C", "answer: a letter with signs around it"),
        ("choice", {"answer": "**C**"}, "C", "answer: a letter with signs around it"),
        ("choice", {"answer": r"\boxed{C}"}, "C", "answer: a letter with signs around it"),
        ("choice", {"answer": ["C"]}, "C", "answer: a list of one element"),
    ],
)
def test_targets_that_are_taken(
    kind: str, change: dict[str, Any], expected: str | None, form: str | None, tmp_path: Path
) -> None:
    tasks, forms = fetch(tmp_path, kind, MATH | change, MATH | change)
    expected = expected or change["answer"]
    assert [task.target for task in tasks] == [expected, expected]
    if form is None:
        assert forms == {}
    else:
        ((name, count),) = forms.items()
        assert (name.startswith(form), count) == (True, 2)


USER = {"role": "user", "content": "2 + 2?"}


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (["2 + 2?"], "a list of one element"),
        ([USER], "a chat of one turn of the user"),
        ([USER | {"content": [{"type": "text", "text": "2 + 2?"}]}], "a chat of one turn"),
        (json.dumps([USER]), "a chat of one turn of the user"),
    ],
)
def test_problems_that_are_taken(value: Any, form: str, tmp_path: Path) -> None:
    (task,), forms = fetch(tmp_path, "math", MATH | {"problem": value})
    assert task.problem == "2 + 2?"
    ((name, count),) = forms.items()
    assert (name.startswith(f"problem: {form}"), count) == (True, 1)


def test_texts_stay_as_they_are(tmp_path: Path) -> None:
    """What merely looks like another form is the problem's text."""
    for problem in ("[{1, 2}] is what?", '[{"a": 1}]', "  indented\r\n\ttext  ", "½ ≤ \U0001d465"):
        (task,), forms = fetch(tmp_path, "math", MATH | {"problem": problem})
        assert (task.problem, forms) == (problem, {})


@pytest.mark.parametrize("inputs", ["[[1], [2]]", "[[[1, 2]]]"])
def test_inputs_as_json_text_are_parsed_and_said(inputs: str, tmp_path: Path) -> None:
    (task,), forms = fetch(tmp_path, "code", CODE | {"base_input": inputs, "plus_input": inputs})
    assert task.code is not None
    assert task.code["base_input"] == task.code["plus_input"] == json.loads(inputs)
    form = "JSON text of a list of inputs"
    assert forms == {f"base_input: {form}": 1, f"plus_input: {form}": 1}


HONEST = [
    "\t", "\n", "\r\n", " ", "    ", "|", "= 1", "$", "2", "-", "to", "a", "top", "e", "u", "not",
    "an", "ext", "ot", "frac", "x", "the", "eagle", "thetas", "extra", "rack", "parallel", "au",
]  # fmt: skip


@given(words=st.lists(st.sampled_from(HONEST)))
def test_tabs_and_line_breaks_of_prose_tables_and_programs_are_no_fault(words: list[str]) -> None:
    assert eaten("".join(words), target=False) is None


@pytest.mark.parametrize("file", ["math500", "gsm8k_test", "aime24", "aime25", "hmmt_feb25"])
def test_eaten_backslashes_of_real_problems_are_noticed_and_no_whole_ones(file: str) -> None:
    path = shared_data() / f"{file}.jsonl"
    marked = re.compile(rf"\\({'|'.join(COMMANDS)})(?![A-Za-z])")
    for line in path.read_text(encoding="utf-8").splitlines():
        for name in ("problem", "answer"):
            text = json.loads(line)[name]
            assert eaten(text, name == "answer") is None
            damaged = marked.sub(lambda hit: CONTROLS[hit[1][0]][0] + hit[1][1:], text)
            assert damaged == text or "double the backslash" in str(eaten(damaged, False))


MATH_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"answer": NAN}, "answer: the number nan; write a number with all its digits"),
    ({"answer": float("inf")}, "answer: the number inf"),
    ({"answer": 1e22}, "answer: the number 1e+22"),
    ({"answer": "nan"}, "answer: 'nan', which stands for a missing value"),
    ({"answer": ""}, "answer: the text '' is blank"),
    ({"answer": " \t "}, "answer: the text ' \\t ' is blank"),
    ({"answer": True}, "answer: the truth value true"),
    ({"answer": {"value": 4}}, "answer: an object, {'value': 4}"),
    ({"answer": ["2", "3"]}, "answer: a list of 2 elements"),
    ({"answer": []}, "answer: a list of 0 elements"),
    ({"answer": [None]}, "answer: null"),
    ({"answer": r"\boxed{}"}, "answer: the answer is empty"),
    ({"answer": "so ####"}, "answer: the answer is empty"),
    ({"answer": "['2', '3']"}, "answer: a list of 2 elements"),
    ({"answer": "{'x': 'y'}"}, "answer: an object, {'x': 'y'}"),
    ({"answer": "[np.float64(0.5)]"}, "answer: '[np.float64(0.5)]', as Python prints a value"),
    ({"answer": "Decimal('70')"}, "as Python prints a value; write the answer alone"),
    ({"answer": "(70,)"}, "as Python prints a value; write the answer alone"),
    ({"answer": "[70.]"}, "as Python prints a value; write the answer alone"),
    ({"answer": "\frac{1}{2}"}, "a form feed before 'rac', which is what JSON makes of \\frac"),
    ({"answer": "\text{no}"}, "a tab before 'ext'"),
    ({"answer": "['\frac{1}{2}']"}, "a form feed before 'rac'"),
    ({"answer": "x\to 0"}, "a tab before 'o', which is what JSON makes of \\to; double the"),
    ({"answer": "so $\rho$\n#### \boxed{4}"}, "a carriage return before 'ho'"),
    ({"problem": [USER | {"content": "$2 \times 3$"}]}, "a tab before 'imes'"),
    ({"problem": "Why is $a \neq b$?"}, "a line break before 'eq'"),
    ({"problem": "$\vec{a}$"}, "a vertical tab before 'ec'"),
    ({"problem": r"$\tan\theta$".replace(r"\tan", "\tan")}, "a tab before 'an'"),
    ({"problem": NAN}, "problem: the number nan; write a text"),
    ({"problem": 7}, "problem: the number 7"),
    ({"problem": "\u00a0"}, "problem: the text '\\xa0' is blank"),
    ({"problem": {"text": "x"}}, "problem: an object"),
    ({"problem": "a \ud83d b"}, "half a character (lone surrogate U+D83D) at place 3"),
    ({"problem": "NaN"}, "problem: 'NaN', which stands for a missing value"),
    ({"problem": "a\0b"}, "holds a NUL character"),
    ({"problem": [USER, USER]}, "problem: a chat with the turns 'user, user'"),
    ({"problem": [{"role": "system", "content": "x"}, USER]}, "the turns 'system, user'"),
    ({"problem": [USER | {"content": ""}]}, "problem: the text '' is blank"),
    ({"problem": [USER | {"role": "system"}]}, "problem: a chat with the turns 'system'"),
]


@pytest.mark.parametrize(("change", "message"), MATH_MISTAKES)
def test_problems_and_targets_that_are_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    told = refusal(tmp_path, "math", "\n", MATH, MATH | change)
    # The file's own line: blank ones count.
    assert f"{tmp_path / 'rows.jsonl'}, line 3, {next(iter(change))}: " in told
    assert message in told


@pytest.mark.parametrize(
    "target",
    [2, 2.0, "photosynthesis", "AB", "A, C", "C. elegans", "", True, None, ["A", "B"], "3"],
)
def test_a_choice_is_a_letter(target: Any, tmp_path: Path) -> None:
    told = refusal(tmp_path, "choice", MATH | {"answer": "A"}, MATH | {"answer": target})
    assert "rows.jsonl, line 2, answer: " in told
    assert 'such as "C"' in told or target is None
    if isinstance(target, int | float) and target is not True:
        assert "whether choices count from 0 or 1" in told


CODE_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"base_input": "abc"}, "base_input is text"),
    ({"base_input": [1, 2]}, "base_input, test 0 is 1"),
    ({"base_input": "[]", "plus_input": []}, "base_input and plus_input are empty"),
    ({"base_input": [["\ud800"]]}, "base_input: holds a value that JSON in UTF-8 cannot hold"),
    ({"plus_input": 3}, "plus_input is 3"),
    ({"entry_point": "f(x)"}, 'entry_point is "f(x)"'),
    ({"entry_point": ""}, "entry_point: the text '' is blank"),
    ({"entry_point": "g"}, "entry_point: 'g' is neither in the prompt nor in canonical_solution"),
    ({"canonical_solution": ["return x"] * 2}, "canonical_solution: a list of 2 elements"),
    ({"atol": NAN}, "atol is NaN"),
    ({"atol": "small"}, 'atol is "small"'),
]


@pytest.mark.parametrize(("change", "message"), CODE_MISTAKES)
def test_programming_tasks_that_are_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    rows = [CODE, CODE | {"task_id": "mine/1"} | change]
    told = refusal(tmp_path, "code", *rows)
    assert f"rows.jsonl, line 2, {message}" in told


def test_no_plus_inputs_are_written_as_evalplus_writes_them_or_as_null(tmp_path: Path) -> None:
    rows = [CODE | {"task_id": f"mine/{n}", "plus_input": v} for n, v in enumerate(({}, None, []))]
    tasks, _ = fetch(tmp_path, "code", *rows)
    assert [task.code and task.code["plus_input"] for task in tasks] == [{}, None, []]


def test_a_task_twice(tmp_path: Path) -> None:
    told = refusal(tmp_path, "code", CODE, "\n", CODE)
    assert f"line 3, task_id: the id 'mine/0' is that of {tmp_path / 'rows.jsonl'}, line 1" in told
    numbers = [MATH | {"id": "1"}, MATH | {"id": 1}, MATH | {"id": 1.0}]
    told = refusal(tmp_path, "math", *numbers, id_field="id")
    assert told.count("the id '1' is that of") == 2


def test_all_mistakes_are_told_at_once_up_to_twenty(tmp_path: Path) -> None:
    told = refusal(
        tmp_path,
        "math",
        MATH | {"answer": "", "problem": 1},
        "{\n",
        MATH,
        "[1]\n",
        {"problem": "x"},
    )
    places = ["line 1, problem", "line 1, answer", "line 2: not JSON", "line 4: an object is"]
    for place in [*places, "line 5, answer: is missing; the fields are problem"]:
        assert f"{tmp_path / 'rows.jsonl'}, {place}" in told
    told = refusal(tmp_path, "math", *[MATH | {"answer": ""}] * 25)
    assert len(told.splitlines()) == 22
    assert told.endswith("and 5 more mistakes")


def test_a_key_twice_in_a_row(tmp_path: Path) -> None:
    told = refusal(tmp_path, "math", '{"problem": "x", "answer": "1", "answer": "2"}\n')
    assert "line 1: the key 'answer' is there twice" in told


def test_files_that_are_no_json_lines(tmp_path: Path) -> None:
    assert "not JSON lines; write one object per line" in refusal(
        tmp_path, "math", json.dumps([MATH], indent=1)
    )
    path = tmp_path / "rows.parquet"
    entry = DatasetEntry(kind="math", path=str(path))
    for content, message in ((b"PAR1 and no more", "not a readable Parquet"), (None, "a folder")):
        if content is None:
            path.unlink()
            path.mkdir()
        else:
            path.write_bytes(content)
        with pytest.raises(EagerError, match=message):
            fetch_tasks("mine", entry, tmp_path / "t.jsonl", tmp_path / "m.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(MATH).encode("utf-16"), "the text is in UTF-16; save it as UTF-8"),
        (json.dumps(MATH).encode("utf-32-be"), "a binary file; name a text file in UTF-8"),
        (b"PK\x03\x04", "a binary file (zip, as Excel writes)"),
        (b"\x28\xb5\x2f\xfd", "a binary file (zstd)"),
        (b'{"problem": "\\sqrt{2}", "answer": "1"}', r"line 1: not JSON: Invalid \escape: line"),
        (b'{"problem": "\\underline{2}", "answer": "1"}', "; double each backslash"),
        (json.dumps(MATH).encode() + b"\n\n\xe9\n", "line 3: the byte 0xe9 is not UTF-8"),
        (
            gzip.compress(gzip.compress(json.dumps(MATH).encode(), mtime=0), mtime=0),
            "a binary file (gzip); name a text file",
        ),
        (None, "a folder; name a file in it"),
    ],
)
def test_other_encodings_are_told(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.mkdir() if content is None else path.write_bytes(content)
    entry = DatasetEntry(kind="math", path=str(path))
    with pytest.raises(EagerError) as caught:
        fetch_tasks("mine", entry, tmp_path / "t.jsonl", tmp_path / "m.json")
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_rows_of_parquet_are_checked_alike(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"problem": ["x", "y"], "answer": [1.0, NAN]}), path)
    entry = DatasetEntry(kind="math", path=str(path))
    with pytest.raises(EagerError, match=r"rows\.parquet, row 2, answer: the number nan"):
        fetch_tasks("mine", entry, tmp_path / "t.jsonl", tmp_path / "m.json")


def test_a_damaged_page_of_parquet_is_told_where_it_has_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"problem": ["x", "y"], "answer": [21, 22]})
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(table, path, write_page_checksum=True, **plain)
    path.write_bytes(path.read_bytes().replace(b"\x15\0\0\0\0\0\0\0", b"\x17" + bytes(7), 1))
    assert pq.read_table(path).column("answer").to_pylist() == [23, 22]
    entry = DatasetEntry(kind="math", path=str(path))
    with pytest.raises(EagerError, match=r"rows\.parquet: not a readable Parquet file"):
        fetch_tasks("mine", entry, tmp_path / "t.jsonl", tmp_path / "m.json")


def test_what_is_stored_and_damaged_is_told(tmp_path: Path) -> None:
    fetch(tmp_path, "math", MATH)
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"id": 1}\n', encoding="utf-8")
    with pytest.raises(EagerError, match=r"tasks\.jsonl, line 1: not a task; delete it and rerun"):
        read_tasks(path)


@pytest.mark.parametrize("name", ["r.jsonl.gz?download=true", "R.JSONL.GZ", "r.jsonl", "r.pq"])
@pytest.mark.parametrize("form", ["gzip", "parquet", "text"])
def test_the_form_of_a_file_is_told_by_its_content(form: str, name: str, tmp_path: Path) -> None:
    path, text = tmp_path / name, json.dumps(MATH).encode()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist([MATH]), path)
    else:
        path.write_bytes(gzip.compress(text, mtime=0) if form == "gzip" else text)
    entry = DatasetEntry(kind="math", path=str(path))
    fetch_tasks("mine", entry, tmp_path / "tasks.jsonl", tmp_path / "manifest.json")
    assert read_tasks(tmp_path / "tasks.jsonl")[0].target == "4"


@pytest.mark.parametrize(
    ("problem", "row", "expected"),
    [
        ("Which?", {"choices": ["red", "blue"]}, "Which?\nA. red\nB. blue"),
        ("Which?", {"options": {"text": [2, 3], "label": ["A", "B"]}}, "Which?\nA. 2\nB. 3"),
        ("Which? A) red B) blue", {"choices": ["red", "blue"]}, "Which? A) red B) blue"),
        ("2 + 1?", {"choices": [2, 1]}, "2 + 1?\nA. 2\nB. 1"),
        ("Which?", {"choices": "red"}, "Which?"),
    ],
)
def test_choices_of_a_row_stand_in_the_problem(
    problem: str, row: dict[str, Any], expected: str
) -> None:
    entry = DatasetEntry(kind="choice", path="x")
    task, reader = read_row(entry, 1, {"problem": problem, "answer": "B", **row})
    assert (task.problem, task.target, reader.mistakes) == (expected, "B", [])
    assert bool(reader.forms) == (problem != expected)
    _, reader = read_row(entry, 1, {"problem": problem, "answer": "D", **row})
    named = "options" if "options" in row else "choices"
    told = [f"answer: D is none of the {named}, A to B"] * (row != {"choices": "red"})
    assert reader.mistakes == told
