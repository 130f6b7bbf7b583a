"""The parts of README.md that are made from the demo: a small table and one of its figures.

The demo's metrics are kept beside the workflow, so that they can be compared on any day; the table
and the figure are made from that copy, and the copy from `results/demo`.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from eager.config.experiment import Target
from eager.report.figures.draw import draw_figure
from eager.report.figures.facts import ResultData
from eager.report.tables.rendering import format_with_bounds, markdown
from eager.util.files import read_json
from tools.docs.sections import read_text, update_files, with_section

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
FRESH = ROOT / "results/demo/tables/summary.csv"
KEPT = ROOT / "workflow/report/demo/summary.csv"
FIGURE = ROOT / "workflow/report/demo/pass_at_k.svg"
DATASET = "arithmetic"
EQUAL_TOKENS = "pass_at_k_equal_tokens_difference"


def write_readme(*, check: bool) -> list[Path]:
    """Bring README.md, the kept metrics and the figure up to date.

    Args:
        check: leave the files as they are.

    Returns:
        The files that were not up to date. Where there is a finished demo, the kept copy is
        compared with it; where not, it is taken as it is.
    """
    kept = with_processor(FRESH) if FRESH.exists() else read_text(KEPT)
    table = pd.read_csv(io.StringIO(kept))
    text = with_section(read_text(README), "demo", small_table(table))
    wanted = {KEPT: kept, FIGURE: _figure(table), README: text}
    return update_files(wanted, check=check)


def with_processor(summary: Path) -> str:
    """The summary as CSV, and the processor it was made on.

    Another processor rounds differently, so other figures are to be expected there.

    Args:
        summary: `tables/summary.csv` of an experiment's folder.
    """
    table = pd.read_csv(summary, dtype=str, keep_default_na=False)
    runs = [read_json(path) for path in sorted(summary.parents[1].rglob("run.json"))]
    processors = {run["hardware"]["processor"] for run in runs}
    table = table.assign(processor=" + ".join(sorted(processors)))
    return table.to_csv(index=False, lineterminator="\n")


def small_table(summary: pd.DataFrame) -> str:
    """Pass@k and generated tokens of each method on one data set, as Markdown.

    Args:
        summary: the kept metrics, one row per data set and method.
    """
    table = summary[summary["dataset"] == DATASET]
    first = f"{DATASET}, {table['prompts'].iloc[0]} problems"
    rows = [[first, "Pass@k", "tokens", "of parallel's tokens", "at equal tokens"]]
    records = [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
    for row in records:
        bounds = f"[{row['pass_at_k_low']:.3f}, {row['pass_at_k_high']:.3f}]"
        metrics = f"{row['pass_at_k']:.3f} {bounds}", f"{row['tokens']:,}"
        last = format_with_bounds(row, EQUAL_TOKENS)
        rows.append([row["method"], *metrics, f"{row['tokens_relative']:.2f}", last])
    return markdown({}, rows)


def _figure(table: pd.DataFrame) -> str:
    """Pass@k against tokens, drawn as the pipeline draws it, as SVG."""
    rows = table[table["dataset"] == DATASET].to_dict("records")
    facts = [_facts({str(key): value for key, value in row.items()}) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        draw_figure(FIGURE.stem, facts, [], Path(folder))
        return Path(folder, FIGURE.name).read_text(encoding="utf-8")


def _facts(row: dict[str, Any]) -> ResultData:
    """A row of the summary as what the figure reads of a result."""
    places = dict.fromkeys(("folder", "metrics", "prompts", "tasks", "model_manifest"), "")
    target = Target(cell=row, method=row["method"], **places)
    return ResultData(target, row, [], {}, [], [])
