"""Names of the tables, for who needs no more of them."""

from __future__ import annotations

TABLES = (
    *("summary", "comparison", "cost", "secondary", "pairs", "rivals", "seeds"),
    *("parallel_curve", "published"),
)
"""In the order of the page."""
FORMS = ("csv", "md", "tex")
CONCLUSION = "conclusion.md"
STORED = "tables.json"
"""All tables with every digit, for the page."""


def table_names() -> list[str]:
    """Files of all tables in their folder."""
    return [f"{table}.{form}" for table in TABLES for form in FORMS] + [CONCLUSION]
