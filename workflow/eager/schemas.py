"""JSON schemas and the reference tables of config/README.md, made from the configuration models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from eager.config import Cell, DatasetEntry, ExperimentConfig, ModelEntry
from eager.sandbox.settings import SandboxSettings
from eager.settings import BranchingParameters, EngineOptions

ROOT = Path(__file__).parents[2]
README = ROOT / "config/README.md"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

SCHEMAS: dict[str, Any] = {
    "experiment": ExperimentConfig,
    "models": dict[str, ModelEntry],
    "datasets": dict[str, DatasetEntry],
    "cell": Cell,
}
TABLES: dict[str, type[BaseModel]] = {
    "experiment": ExperimentConfig,
    "branching": BranchingParameters,
    "engine": EngineOptions,
    "sandbox": SandboxSettings,
    "cell": Cell,
    "model": ModelEntry,
    "dataset": DatasetEntry,
}


def write_schemas(*, check: bool) -> list[Path]:
    """Bring schemas and tables up to date; returns the files that were not.

    Args:
        check: leave the files as they are.
    """
    wanted = {
        ROOT / f"workflow/schemas/{name}.schema.json": _schema(kind)
        for name, kind in SCHEMAS.items()
    }
    wanted[README] = _readme()
    drifted = [path for path, text in wanted.items() if _read(path) != text]
    if not check:
        for path in drifted:
            path.write_text(wanted[path], encoding="utf-8")
    return drifted


def _schema(kind: Any) -> str:
    schema = {"$schema": DIALECT, **TypeAdapter(kind).json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def _readme() -> str:
    """config/README.md with the tables between its markers made anew."""
    text = _read(README)
    for name, model in TABLES.items():
        begin, end = f"<!-- table {name} -->\n", f"<!-- end {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = before + begin + _table(model) + end + after
    return text


def _table(model: type[BaseModel]) -> str:
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]
    for name, field in model.model_fields.items():
        lines.append(f"| `{name}` | {_default(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.default
    if isinstance(default, BaseModel):
        return "see below"
    if isinstance(default, tuple):
        default = list(default)
    return f"`{json.dumps(default)}`"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
