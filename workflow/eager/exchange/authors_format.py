"""The result file of the authors' implementation: its fields, file names and marks in entropies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eager.util.errors import EagerError

INHERITED, NOT_RECORDED, END_OF_SEQUENCE = -1.0, -2.0, -9.0
"""What stands in a list of entropies where there is none."""
FILE_NAMES = {
    "parallel": "{run}_default_results.json",
    "eager_init": "{run}_aware_results__th{theta}.json",
    "eager_adapt": "{run}_aware_easy_more_budget_results__th{theta}.json",
    "eager": "{run}_aware_more_budget_results__th{theta}.json",
}
NOTES_MARK = "eager-repro"
"""Key in the notes (free text, here JSON) under which an export keeps what the format lacks."""


class PermissiveModel(BaseModel):
    """A part of the file; keys that are not known are let through."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class Params(PermissiveModel):
    """Parameters of the run."""

    model_name: str
    temperature: float
    entropy_threshold: float | None
    max_sequences: int
    seed: int


class Data(PermissiveModel):
    """The data set."""

    data_name: str
    num_prompts: int
    targets: list[str | int | float]


class Status(PermissiveModel):
    """How far the run is."""

    state: str
    completed_sequences: int
    total_sequences: int
    progress: str | float


class Extra(PermissiveModel):
    """Notes and time."""

    notes: str | None
    seconds: float = Field(alias="generation_time_so_far (s)")


class Results(PermissiveModel):
    """Metrics; the authors call Pass@k `pass_at_1`."""

    avg_acc: float
    pass_at_1: float
    cons_at_max: float


class Generation(PermissiveModel):
    """One prompt with its sequences; lists are printed as Python prints them."""

    prompt: str
    generated_sequences: int
    target: str | int | float
    extracted_answers: str
    generations: list[str]
    entropies: list[str] = []
    recorded_branches: list[str] = []

    @model_validator(mode="after")
    def _check_lengths(self) -> Generation:
        if not self.generations:
            raise ValueError("generations is empty; a prompt needs a sequence")
        if self.entropies and len(self.entropies) != len(self.generations):
            raise ValueError(
                f"{len(self.entropies)} lists of entropies for {len(self.generations)} generations"
            )
        return self


class ResultFile(PermissiveModel):
    """The whole file; exactly one of the two lists of generations is there."""

    experiment_name: str
    params: Params
    data: Data
    status: Status
    extra: Extra
    results: Results
    default: list[Generation] | None = Field(default=None, alias="default-generations")
    aware: list[Generation] | None = Field(default=None, alias="entropy-aware-generations")

    @model_validator(mode="after")
    def _check_generations(self) -> ResultFile:
        if (self.default is None) == (self.aware is None):
            raise ValueError("give one of default-generations and entropy-aware-generations")
        return self

    @property
    def generations(self) -> list[Generation]:
        """The prompts, whichever list they stand in."""
        return self.default or self.aware or []

    def kept_notes(self) -> dict[str, Any]:
        """What an export of ours has kept in the notes; empty for a file of the authors' code."""
        try:
            notes = json.loads(self.extra.notes or "")
        except ValueError:
            return {}
        kept = notes.get(NOTES_MARK, {}) if isinstance(notes, dict) else {}
        return kept if isinstance(kept, dict) else {}


def file_path(model: str, dataset: str, run: str, method: str, theta: float) -> Path:
    """Where the authors' code puts a result: `{model}/{dataset}/{run}/{file}`.

    A method they do not have is named like theirs.
    """
    pattern = FILE_NAMES.get(method, f"{{run}}_aware_{method}_results__th{{theta}}.json")
    return Path(model, dataset, run, pattern.format(run=run, theta=f"{theta:g}"))


def read_result_file(path: Path) -> ResultFile:
    """Read and check a result file.

    Raises:
        EagerError: it is missing, no JSON, or a field is missing or of another type.
    """
    try:
        return ResultFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file") from None
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(map(str, detail["loc"])) or "file"
        raise EagerError(
            f"{path}, {key}: {detail['msg']}; a result file of the authors' code is expected"
        ) from None
