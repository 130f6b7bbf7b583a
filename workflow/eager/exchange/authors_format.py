"""The result file of the authors' implementation: its fields, file names and marks in entropies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eager.config.settings import BUDGET_METHODS, Method
from eager.util.errors import EagerError
from eager.util.text import text_bytes
from eager.util.validation import faults_of

INHERITED, NOT_RECORDED = -1, -2.0
"""What stands in a list of entropies where there is none."""
FILE_NAMES = {
    "parallel": "{run}_default_results.json",
    "eager_init": "{run}_aware_results__th{theta}.json",
    "eager_adapt": "{run}_aware_easy_more_budget_results__th{theta}.json",
    "eager": "{run}_aware_more_budget_results__th{theta}.json",
}
NOTES_MARK = "eager-repro"
"""Key in the notes (free text, here JSON) under which an export keeps what the format lacks."""
BACKUP = "_backup.json"
"""How the name of the file ends that a second run of EAGer-init leaves beside the new one."""
REPLACEMENT = "\ufffd"


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
    targets: list[str | int | float | None] = []


class FileStatus(PermissiveModel):
    """How far the run is, in prompts. A budget file says IN_PROGRESS forever."""

    state: str
    completed_sequences: int
    total_sequences: int
    progress: str | float


class Extra(PermissiveModel):
    """Notes and time."""

    notes: str | None = None
    seconds: float = Field(default=0.0, alias="generation_time_so_far (s)")


class PromptGenerations(PermissiveModel):
    """One prompt with its sequences; lists are printed as Python prints them."""

    prompt: str
    generated_sequences: int | None = None
    target: str | int | float | None = None
    extracted_answers: str = "[]"
    generations: list[str]
    entropies: list[str] = []
    recorded_branches: list[str] = []

    @model_validator(mode="after")
    def _check_lengths(self) -> PromptGenerations:
        if self.entropies and len(self.entropies) != len(self.generations):
            raise ValueError(
                f"{len(self.entropies)} lists of entropies for {len(self.generations)} generations"
            )
        return self


class ResultFile(PermissiveModel):
    """The whole file; exactly one of the two lists of generations is there."""

    params: Params
    data: Data | None = None
    status: FileStatus | None = None
    extra: Extra = Extra()
    default: list[PromptGenerations] | None = Field(default=None, alias="default-generations")
    aware: list[PromptGenerations] | None = Field(default=None, alias="entropy-aware-generations")

    @model_validator(mode="before")
    @classmethod
    def _gather_flat_parameters(cls, content: Any) -> Any:
        """In a budget file the parameters lie flat at the top level."""
        if not isinstance(content, dict) or "params" in content or "model_name" not in content:
            return content
        return content | {"params": {k: content[k] for k in Params.model_fields if k in content}}

    @model_validator(mode="after")
    def _check_generations(self) -> ResultFile:
        if (self.default is None) == (self.aware is None):
            raise ValueError("give one of default-generations and entropy-aware-generations")
        return self

    @property
    def generations(self) -> list[PromptGenerations]:
        """The prompts, whichever list they stand in."""
        return self.default or self.aware or []

    def kept_notes(self) -> dict[str, Any]:
        """What an export of ours has kept in the notes; empty for a file of the authors' code."""
        try:
            # A printed allocation may follow.
            notes, _ = json.JSONDecoder().raw_decode(self.extra.notes or "")
        except ValueError:
            return {}
        kept = notes.get(NOTES_MARK, {}) if isinstance(notes, dict) else {}
        return kept if isinstance(kept, dict) else {}

    def prompts_missing(self) -> int:
        """Prompts of the run that the file does not hold (yet)."""
        totals = [self.status.total_sequences] if self.status else []
        totals += [self.data.num_prompts] if self.data else []
        found = sum(bool(generation.generations) for generation in self.generations)
        return max([*totals, len(self.generations)]) - found


def file_path(model: str, dataset: str, run: str, method: str, theta: float) -> Path:
    """Where the authors' code puts a result: `{model}/{dataset}/{run}/{file}`.

    The threshold stands as Python prints a float. A method they do not have is named like theirs.
    """
    pattern = FILE_NAMES.get(method, f"{{run}}_aware_{method}_results__th{{theta}}.json")
    return Path(model, dataset, run, pattern.format(run=run, theta=float(theta)))


def method_of(path: Path, result: ResultFile) -> Method:
    """The method of a result file, by its name.

    Raises:
        EagerError: the name tells none.
    """
    if kept := result.kept_notes().get("method"):
        return str(kept)
    if result.default is not None:
        return "parallel"
    for method in (*BUDGET_METHODS, "eager_init"):
        if FILE_NAMES[method].removeprefix("{run}").split("{theta}")[0] in path.name:
            return method
    raise EagerError(
        f"{path}: the name does not tell the method; rename it to one of "
        f"{', '.join(FILE_NAMES.values())}"
    )


def is_result_name(path: Path) -> bool:
    """Whether a file's name is one that the authors' code gives a result, backups included."""
    marks = ("_default_results.json", "_results__th", "_default_results_backup.json")
    return path.suffix == ".json" and any(mark in path.name for mark in marks)


def read_result_file(path: Path) -> tuple[ResultFile, list[str]]:
    """Read and check a result file.

    Returns:
        The file, and what to say about it: texts that are no valid Unicode are repaired (half of
        a surrogate pair becomes a replacement sign) and named.

    Raises:
        EagerError: it is missing, in another encoding, no JSON, or a field is missing or of
            another type.
    """
    said: list[str] = []
    # Bytes that are not UTF-8 come as halves of surrogate pairs, which are repaired and named.
    text = text_bytes(path).decode("utf-8", errors="surrogateescape")
    try:
        content = _repaired(json.loads(text), str(path), said)
    except (ValueError, RecursionError) as error:
        raise EagerError(
            f"{path}: not whole JSON ({error}); was it cut off while it was written? Take the "
            "backup beside it, or run that method again"
        ) from None
    if isinstance(content, dict) and "results" in content and not _has_generations(content):
        raise EagerError(
            f"{path}: holds no generations; give the .json file of the same name beside it"
        )
    try:
        return ResultFile.model_validate(content), said
    except ValidationError as error:
        fault = faults_of(ResultFile, error)[0]
        raise EagerError(
            f"{path}, {fault}; a result file of the authors' code is expected"
        ) from None


def _has_generations(content: dict[str, Any]) -> bool:
    return any(name.endswith("-generations") for name in content)


def _repaired(value: Any, where: str, said: list[str]) -> Any:
    if isinstance(value, str):
        text = repaired(value)
        if text != value:
            said.append(f"{where}: no valid Unicode; broken characters are shown as {REPLACEMENT}")
        return text
    if isinstance(value, list):
        return [_repaired(item, f"{where}, {n}", said) for n, item in enumerate(value, start=1)]
    if isinstance(value, dict):
        return {key: _repaired(item, f"{where}, {key}", said) for key, item in value.items()}
    return value


def repaired(text: str) -> str:
    """A text without lone surrogates; pairs become the character they stand for."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
