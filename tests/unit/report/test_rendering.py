"""A table has the same cells in Markdown, in LaTeX and on the page, whatever text is in them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from eager.config.settings import METHODS, RivalSettings
from eager.report.figures.style import style_of
from eager.report.page import page, parts
from eager.report.tables.experiment import write_tables
from eager.report.tables.rendering import for_people, latex, markdown, write_forms
from eager.report.tables.stored import ShownTable, store_tables, stored_tables
from tests.support.reports import tables_of_targets
from tests.support.synthetic import SyntheticRun


class Cells(HTMLParser):
    """The texts of the cells of all tables, a list per row; `other` is the text around them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.other = ""
        self.elements: set[str] = set()
        self._inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data
        else:
            self.other += data


def cells_of(html: str) -> Cells:
    found = Cells()
    found.feed(html)
    found.close()
    return found


def on_page(shown: ShownTable) -> Cells:
    return cells_of(page.render("tables.html.j2", tables=[parts.table(shown)]))


def read_markdown(text: str) -> Cells:
    """What a program shows that knows tables and strikethrough, as GitHub does."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return cells_of(reader.render(text))


AWKWARD = [
    *("|", "\\", "\\|", "a|b\nc", "a\r\nb", "a\u2028b", " a  b ", "\x1b[1m", ""),
    *("<b>", "&lt;", "&#39;", "*x*", "_x_", "~~x~~", "[x](y)", "![x](y)", "`x`", "[x]", "(x)"),
    *("$&%#{}^~", "<http://x>", "--", "# x"),
]
texts = st.one_of(
    st.sampled_from(AWKWARD), st.text(max_size=8), st.text("|\\\n\r<&;*_~`[]()!x1-", max_size=8)
)
numbers = st.one_of(st.none(), st.floats(-1e7, 1e7), st.sampled_from([0.0005, -0.0001, 1e6]))
rows = st.fixed_dictionaries(
    {
        "model": texts,
        "entropy_threshold": st.sampled_from([1.0, 2.2]),
        "seed": st.sampled_from([55, "all"]),
        "method": st.sampled_from(METHODS),
        "prompts": st.integers(0, 10**7),
        "pass_at_k": numbers,
        "pass_at_k_low": numbers,
        "pass_at_k_high": numbers,
        "tokens_per_prompt": numbers,
        "tokens_relative": numbers,
        "inside_our_interval": st.one_of(st.none(), st.booleans()),
        "source": st.one_of(st.none(), texts),
    }
)


USUAL = {"method": "eager", "pass_at_k": 0.5, "tokens_relative": 1.0}
ALL_AWKWARD = [{"model": text, **USUAL, "source": text} for text in AWKWARD]


@given(st.lists(rows, min_size=1, max_size=4))
@example(ALL_AWKWARD)
@example(ALL_AWKWARD[3:4])
def test_page_and_markdown_show_the_same_cells(records: list[dict[str, Any]]) -> None:
    shown = ShownTable("t", pd.DataFrame(records), ["tokens_relative"])
    above, (columns, *cells) = for_people(shown.frame, shown.only_in_csv)
    wanted = [columns, *cells]
    read = read_markdown(markdown(above, wanted))
    assert read.rows == wanted
    assert read.elements <= {"p", "table", "thead", "tbody", "tr", "th", "td"}
    there = on_page(shown)
    place = columns.index("method")
    for row in cells:
        row[place] = style_of(row[place]).name
    assert there.rows == [[column.replace("_", " ") for column in columns], *cells]
    for name, value in above.items():
        assert f"{name} {value}".strip() in read.other
        assert f"{name} {value}" in there.other


@given(st.lists(rows, min_size=1, max_size=4))
@example(ALL_AWKWARD)
def test_no_text_breaks_a_latex_table(records: list[dict[str, Any]]) -> None:
    above, cells = for_people(pd.DataFrame(records))
    comment, *lines = latex(above, cells).splitlines()
    assert comment.startswith("%")
    assert len(lines) == len(cells) + 5
    for line in lines[2:3] + lines[4:-2]:
        unescaped = line.removesuffix(r" \\").replace(r"\&", "")
        assert unescaped.count("&") == len(cells[0]) - 1
        assert not line.startswith(("[", "*"))


def test_the_page_shows_the_files_tables(tmp_path: Path) -> None:
    targets = SyntheticRun().make(tmp_path)
    made = tables_of_targets(targets, RivalSettings(window=2))
    write_tables(made, tmp_path)
    store_tables(made, tmp_path / "tables.json")
    page.write_report(
        targets, stored_tables(tmp_path / "tables.json"), [], tmp_path / "report.html"
    )
    shown = cells_of((tmp_path / "report.html").read_text().split('id="figures"')[0]).rows
    for name in ("summary", "comparison", "rivals", "parallel_curve"):
        rows = read_markdown((tmp_path / f"{name}.md").read_text()).rows
        place = rows[0].index("method") if "method" in rows[0] else None
        for row in rows[1:]:
            named = [style_of(text).name if n == place else text for n, text in enumerate(row)]
            assert named in shown


def forms(folder: Path, table: pd.DataFrame, only_in_csv: list[str]) -> list[str]:
    write_forms(table, folder / "t", only_in_csv)
    return [(folder / f"t.{form}").read_text() for form in ("csv", "md", "tex")]


def test_three_forms_of_a_table(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "model": ["a_b", "a_b"],
            "seed": [1, 2],
            "method": ["eager", "eager_init"],
            "pass_at_k": [0.5, 1.0],
            "pass_at_k_low": [0.25, None],
            "pass_at_k_high": [0.75, None],
            "tokens": [12345, 9],
            "seconds": [1.0, 2.0],
        }
    )
    csv, markdown, latex = forms(tmp_path, table, ["seconds"])
    assert csv.splitlines()[1] == "a_b,1,eager,0.5,0.25,0.75,12345,1"
    assert markdown.splitlines()[0] == "model a_b"
    assert "| 1    | eager      | 0.500 [0.250, 0.750] | 12,345 |" in markdown
    assert "| 2    | eager_init | 1.000                | 9      |" in markdown
    assert r"2 & eager\_init & 1.000 & 9 \\" in latex
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{llll}"):
        assert rule in latex
    assert "seconds" not in markdown + latex


def test_a_table_without_rows(tmp_path: Path) -> None:
    csv, markdown, latex = forms(tmp_path, pd.DataFrame(), [])
    assert csv.strip() == ""
    assert (markdown, latex) == ("No rows.\n", "% No rows.\n")
