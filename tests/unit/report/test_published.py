"""The file of published figures: what spreadsheets write is read, mistakes come all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from eager.report.tables.published import read_published
from eager.util.errors import EagerError
from tests.support.repository import ROOT

HEADER = "model,dataset,method,max_sequences,pass_at_k,tokens_per_prompt,source\n"
ROW = "tiny,sums,eager,4,0.5,100,a table\n"


def read(folder: Path, text: str) -> list[str]:
    path = folder / "published.csv"
    path.write_bytes(text.encode())
    return [fact.source for fact in read_published(path)]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + ROW,
        HEADER + "\n" + ROW + "\n  \n",
        (HEADER + ROW).replace("\n", "\r\n"),
        (HEADER + ROW).replace(",", " , "),
        HEADER + ROW.replace("a table", '"a table"'),
    ],
)
def test_what_spreadsheets_write_is_read(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == ["a table"]


@pytest.mark.parametrize(
    "case",
    [
        (ROW + "\n" + ROW.replace("0.5", "1.5"), "line 4, pass_at_k: Input should be less"),
        (ROW.replace("0.5", "nan"), "line 2, pass_at_k: Input should be a finite number"),
        (ROW.replace("100", "inf"), "line 2, tokens_per_prompt: Input should be a finite number"),
        (ROW.replace("a table", "a, b"), "line 2: 8 values in 7 columns; remove 'b'"),
        (ROW + ",,,,,,\n", "line 3: no values; remove the line"),
        (ROW.replace(",", ";"), "line 2: 1 values in 7 columns"),
        (ROW + "\n\n" + ROW, "line 5: ('tiny', 'sums', 'eager', 4) is there already"),
        (ROW.replace("eager", "eagre"), "line 2, method: unknown method; did you mean 'eager'?"),
        (ROW.replace("a table", ""), "line 2, source"),
        # All mistakes are told at once.
        (
            ROW.replace("0.5", "2") + "x\n" + ROW.replace(",4,", ",0,"),
            "line 2, pass_at_k: ",
            "3",
            "4",
        ),
    ],
)
def test_mistakes_name_the_files_own_line(case: tuple[str, ...], tmp_path: Path) -> None:
    rows, message, *others = case
    with pytest.raises(EagerError) as caught:
        read(tmp_path, HEADER + rows)
    told = str(caught.value).splitlines()
    assert f"{tmp_path / 'published.csv'}, {message}" in told[0]
    assert [line.partition("line ")[2][0] for line in told[1:]] == others


def test_other_columns_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match=r"the columns are \['model', 'method'\]; write"):
        read(tmp_path, "model,method\n")
    with pytest.raises(EagerError, match="no such file; `published` names"):
        read_published(tmp_path / "nowhere.csv")


def test_the_file_in_the_repository_fits_the_paper() -> None:
    known = read_published(ROOT / "config/published.csv")
    assert len(known) == 2 * 2 * 4 * 5
    assert {fact.max_sequences for fact in known} == {4, 8, 16, 24, 32}
