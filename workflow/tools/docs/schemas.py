"""JSON schemas and the reference tables of config/README.md, made from the configuration models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from eager.config.schema import Cell, DatasetEntry, ExperimentConfig, ModelEntry
from eager.config.settings import BranchingParameters, EngineOptions, RivalSettings
from eager.sandbox.settings import SandboxSettings
from tools.docs.sections import read_text, update_files, with_section

ROOT = Path(__file__).parents[3]
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
    "rivals": RivalSettings,
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
    return update_files(wanted, check=check)


def _schema(kind: Any) -> str:
    schema = {"$schema": DIALECT, **TypeAdapter(kind).json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def _readme() -> str:
    """config/README.md with the tables between its markers made again."""
    text = read_text(README)
    for name, model in TABLES.items():
        text = with_section(text, name, _table(model))
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
    return f"`{json.dumps(default, default=str)}`"
