"""The file of published figures: what spreadsheets write is read, mistakes come all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from eager.report.tables.published import read_published
from eager.util.errors import EagerError

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
    ("rows", "message"),
    [
        (ROW + "\n" + ROW.replace("0.5", "1.5"), "line 4, pass_at_k: Input should be less"),
        (ROW.replace("0.5", "nan"), "line 2, pass_at_k: Input should be a finite number"),
        (ROW.replace("100", "inf"), "line 2, tokens_per_prompt: Input should be a finite number"),
        (ROW.replace("a table", "a, b"), "line 2: 8 values in 7 columns; remove 'b'"),
        (ROW + ",,,,,,\n", "line 3: no values; remove the line"),
        (ROW.replace(",", ";"), "line 2: 1 values in 7 columns"),
        (ROW + "\n\n" + ROW, "line 5: ('tiny', 'sums', 'eager', 4) is there already"),
        (ROW.replace("eager", "eagre"), "line 2, method: unknown method; did you mean 'eager'?"),
    ],
)
def test_mistakes_name_the_files_own_line(rows: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EagerError) as caught:
        read(tmp_path, HEADER + rows)
    assert f"{tmp_path / 'published.csv'}, {message}" in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    rows = ROW.replace("0.5", "2") + "x\n" + ROW.replace(",4,", ",0,")
    with pytest.raises(EagerError) as caught:
        read(tmp_path, HEADER + rows)
    assert [line.partition("line ")[2][0] for line in str(caught.value).splitlines()] == list("234")
