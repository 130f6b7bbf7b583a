"""Data sets of programs that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eager.sandbox.tasks import load_evalplus
from eager.util.errors import EagerError

ROW = {
    "task_id": "t/0", "prompt": "def f(a):\n", "entry_point": "f", "atol": 0,
    "canonical_solution": "    return a\n", "base_input": [[1]], "plus_input": [[2]],
}  # fmt: skip


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        # Taken apart into characters these made a wrong program pass.
        ({"base_input": "[[1], [2]]"}, ["base_input is text", "write the list itself"]),
        ({"plus_input": "[]"}, ["plus_input is text"]),
        ({"base_input": ["[1]"]}, ["base_input, test 0", "list of its arguments"]),
        ({"base_input": [[1], "ab"]}, ['base_input, test 1 is "ab"', '["ab"]']),
        ({"base_input": [[1], {"a": 1}]}, ["base_input, test 1"]),
        ({"base_input": [5]}, ["base_input, test 0 is 5", "[5] for a single one"]),
        ({"base_input": {"a": [1]}}, ["base_input is", "list of lists"]),
        ({"base_input": None}, ["base_input is null"]),
        ({"plus_input": {"a": 1}}, ["plus_input is"]),
        ({"base_input": [], "plus_input": {}}, ["every program would pass"]),
        ({"base_input": [], "plus_input": []}, ["every program would pass"]),
        ({"base_input": [], "plus_input": None}, ["every program would pass"]),
        ({"prompt": ["def f"]}, ["prompt is", "write a string"]),
        ({"canonical_solution": None}, ["canonical_solution is null"]),
        ({"task_id": 5}, ["task_id is 5"]),
        ({"entry_point": " "}, ['entry_point is " "', "a function's name"]),
        ({"atol": "small"}, ['atol is "small"', "1e-6"]),
        ({"atol": True}, ["atol is true"]),
        ({"atol": -1}, ["atol is -1"]),
        ({"task_id": "Mbpp/2", "base_input": [[[3, 4], 5]]}, ["evalplus's Mbpp/2"]),
    ],
)
def test_a_row_that_is_not_a_task_is_told(
    tmp_path: Path, change: dict[str, Any], words: list[str]
) -> None:
    path = write(tmp_path, ROW, {**ROW, "task_id": "t/1", **change})
    with pytest.raises(EagerError) as caught:
        load_evalplus(path)
    for word in [f"{path}, line 2: ", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("empty", [[], {}, None])
def test_one_set_of_inputs_is_enough(tmp_path: Path, empty: Any) -> None:
    (task,) = load_evalplus(write(tmp_path, ROW | {"plus_input": empty}))
    assert (task.base_inputs, task.plus_inputs) == (([1],), ())


def test_mistakes_are_told_at_once_and_a_task_twice_with_both_lines(tmp_path: Path) -> None:
    rows = [ROW | {"task_id": f"t/{number}", "atol": "x"} for number in range(24)]
    with pytest.raises(EagerError) as caught:
        load_evalplus(write(tmp_path, ROW, ROW | {"entry_point": "g"}, *rows))
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert "line 2: the task_id 't/0' is that of line 1 too" in lines[0]
    assert "line 21: " in lines[19]
    assert lines[20] == "and 5 more"


@pytest.mark.parametrize(
    ("number", "call", "arguments"),
    [
        (2, "similar_elements((3, 4, 5, 6),(5, 7, 4, 10))", [[3, 4], [4, 5, 6]]),
        (63, "max_difference([(3, 5), (1, 7)])", [[[1, 2], [3, 4], [5, 6]]]),
        (75, "find_tuples([(6, 24, 12), (7, 9, 6)], 6)", [[[6, 24, 12]], 6]),
        (106, "add_lists([5, 6, 7], (9, 10))", [[5, 6], [9, 10, 11]]),
        (750, "add_tuple([5, 6, 7], (9, 10))", [[5], [9]]),
        (722, "filter_data({'Cierra': (6.2, 70), 'A': (5.9, 65)},6.0,70)", [{"A": [6, 7]}, 6, 7]),
        (580, "extract_even((4, 5, (7, 6, (2, 4)), 6, 8))", [[4, 5, [7, 6, [2, 4]], 6, 8]]),
        (3, "is_not_prime(2)", [7]),
    ],
)
def test_mbpp_is_known_by_its_prompt(
    tmp_path: Path, number: int, call: str, arguments: list[Any]
) -> None:
    """Under ids of another form inputs get the same types as evalplus gives by number."""
    prompt = f'"""\nWrite a function.\nassert {call} == 1\n"""\n'
    name = call.partition("(")[0]
    row = ROW | {"prompt": prompt, "entry_point": name, "base_input": [arguments], "plus_input": []}
    own, evalplus = load_evalplus(
        write(tmp_path, row | {"task_id": "7"}, row | {"task_id": f"Mbpp/{number}"})
    )
    assert own.suite == evalplus.suite == "mbpp"
    assert repr(list(own.base_inputs[0])) == repr(list(evalplus.base_inputs[0]))


def test_find_zero_is_known_by_its_prompt(tmp_path: Path) -> None:
    prompt = "import math\n\ndef poly(xs: list, x: float):\n    ...\n\ndef find_zero(xs: list):\n"
    rows = [
        ROW | {"prompt": prompt, "entry_point": "find_zero", "task_id": "a-32"},
        ROW | {"entry_point": "find_zero", "task_id": "b"},
        ROW | {"prompt": 'def f(a):\n    """\nassert f(1) == 1\n"""\n', "task_id": "c"},
    ]
    tasks = load_evalplus(write(tmp_path, *rows))
    assert [task.suite for task in tasks] == ["humaneval", "other", "other"]
