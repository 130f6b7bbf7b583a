"""A result that is wrong as a whole says so, on the terminal and on the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from eager.data.encoding import SCHEMA
from eager.data.prompts import Vocabulary
from eager.evaluation.evaluate import evaluate
from eager.evaluation.measure import measure_target
from eager.evaluation.programs import CodeOptions, references_that_fail
from eager.evaluation.warnings import warnings_of
from eager.report.page.page import write_report
from eager.sandbox.checker import REFERENCE_FAILS
from eager.sandbox.settings import SandboxSettings
from eager.util.tables import read_table, write_table
from tests.support.reports import tables_of_targets
from tests.support.scripted_results import make_result


@pytest.mark.parametrize(
    ("texts", "answered", "marker", "said"),
    [
        ([], 0, "</think>", ""),
        (["", " \n"], 0, "", "every text is empty"),
        (["", "a"], 1, "", ""),
        (["", "a", "b"], 1, "", "2 of 3 sequences hold no answer; say in the data set's prompt_"),
        (["a", "b</think>"], 2, "</think>", ""),
        (["a", "</thin k>"], 2, "</think>", "no sequence holds the end of thinking '</think>'"),
    ],
)
def test_what_is_wrong_with_all_texts(
    texts: list[str], answered: int, marker: str, said: str
) -> None:
    assert "".join(warnings_of(texts, answered, marker)).startswith(said)
    assert bool(warnings_of(texts, answered, marker)) == bool(said)


def test_references_that_fail_their_own_tests_are_told_once_each() -> None:
    fails = f"plus test 2{REFERENCE_FAILS}"
    verdicts = [{"prompt_id": "c"}, {"prompt_id": "d", "detail": "base test 0"}]
    assert references_that_fail(verdicts) == []
    verdicts += [{"prompt_id": name, "detail": detail} for name in "ba" for detail in (fails, None)]
    (line,) = references_that_fail(verdicts)
    assert f"no program can solve 2 of the tasks, such as 'a': {fails} (NaN" in line


def test_the_page_carries_it(tmp_path: Path) -> None:
    target = make_result(tmp_path, "parallel")
    prompts = read_table(Path(target.prompts), "prompts").cast(SCHEMA)
    vocabulary = Vocabulary(end_of_sequence=(0,), context_length=64, end_of_thinking="</think>")
    marks = {"vocabulary": vocabulary.model_dump_json()}
    write_table(Path(target.prompts), prompts, "prompts", marks)
    (line,) = evaluate(target, CodeOptions(), SandboxSettings(), tmp_path)
    measure_target(target)
    write_report([target], tables_of_targets([target]), [], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "tiny, sums, parallel, M 4" in page
    assert line.replace("'", "&#39;").replace("<", "&lt;").replace(">", "&gt;") in page
