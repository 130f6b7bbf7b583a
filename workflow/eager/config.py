"""The configuration: what may be written in config/*.yaml and *.tsv, checked before anything runs.

Every field has a description; the JSON schemas and the tables of config/README.md are made from
these models (`eager schemas`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from eager.containers.settings import ContainerRuntime, GenerateImage
from eager.errors import EagerError
from eager.sandbox.settings import EngineChoice, SandboxSettings
from eager.settings import (
    METHODS,
    BranchingParameters,
    DecodingSettings,
    EngineOptions,
    Frozen,
    Method,
    NumberFormat,
    check_threshold,
)

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
REVISION_PATTERN = r"^[0-9a-f]{40}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
RESERVED_NAMES = frozenset({"models", "datasets", "bench", "sandbox"})
"""Folders of results/ that are not experiments."""

EntryT = TypeVar("EntryT", bound=BaseModel)


class ModelEntry(Frozen):
    """One model: where its weights come from and how it ends its thinking."""

    repo: str | None = Field(default=None, description="Hugging Face repository")
    revision: str | None = Field(
        default=None, pattern=REVISION_PATTERN, description="commit of `repo`, 40 hex digits"
    )
    path: str | None = Field(default=None, description="local folder in Hugging Face layout")
    gguf_package: str | None = Field(
        default=None, description="installed Python package that carries the weights as one GGUF"
    )
    end_of_thinking: str | None = Field(
        default=None, description="marker after which a sequence no longer branches; null: none"
    )
    context_length: int = Field(default=32768, ge=2, description="tokens of prompt plus answer")
    max_tokens: int | None = Field(
        default=None, ge=1, description="tokens of an answer; null: what is left of the context"
    )
    top_p: float = Field(default=1.0, gt=0, le=1, description="nucleus sampling; 1: off")
    top_k: int = Field(default=0, ge=0, description="sample among the top k tokens; 0: off")
    dtype: NumberFormat = Field(
        default="auto", description="number format of weights; auto: as stored"
    )
    shards: int = Field(
        default=1,
        ge=1,
        description="jobs a result's prompts are dealt to, if the data set asks for no more",
    )
    tensor_parallel_size: int | None = Field(
        default=None, ge=1, description="GPUs that share the model; null: that of `engine`"
    )

    @model_validator(mode="after")
    def _one_source(self) -> ModelEntry:
        _exactly_one(self, "repo", "path", "gguf_package")
        return self


class DatasetEntry(Frozen):
    """One data set: where its rows come from and how a row becomes a prompt."""

    kind: Literal["math", "choice", "code"] = Field(
        description="how an answer is judged: math-verify, a letter, or tests in a sandbox"
    )
    repo: str | None = Field(default=None, description="Hugging Face data set")
    revision: str | None = Field(
        default=None, pattern=REVISION_PATTERN, description="commit of `repo`, 40 hex digits"
    )
    configs: tuple[str, ...] = Field(default=(), description="configurations of `repo`, in order")
    split: str = Field(default="train", description="split of `repo`")
    path: str | None = Field(default=None, description="local .jsonl, .jsonl.gz or .parquet file")
    url: str | None = Field(
        default=None, pattern="^https://", description="address of a .jsonl or .jsonl.gz file"
    )
    file_sha256: str | None = Field(
        default=None, pattern=SHA256_PATTERN, description="hash of the file at `url`"
    )
    rows: int | None = Field(
        default=None, ge=1, description="number of rows, to estimate costs before it is fetched"
    )
    id_field: str | None = Field(
        default=None, description="column with the prompt id; null: number the rows from 1"
    )
    prompt_field: str = Field(default="problem", description="column with the problem")
    target_field: str = Field(default="answer", description="column with the right answer")
    prompt_template: str = Field(
        default="{prompt}", description="text of the prompt; {prompt} is replaced by the problem"
    )
    chat_template: bool = Field(
        default=True, description="wrap as one user turn of the model's chat template"
    )
    stop: tuple[str, ...] = Field(
        default=(), description="texts of single tokens that end an answer, besides end-of-sequence"
    )
    max_tokens: int | None = Field(
        default=None, ge=1, description="tokens of an answer; null: the model's max_tokens"
    )
    sha256: str | None = Field(
        default=None, pattern=SHA256_PATTERN, description="expected hash of the normalised tasks"
    )
    shards: int = Field(
        default=1,
        ge=1,
        description="jobs a result's prompts are dealt to, if the model asks for no more",
    )

    @model_validator(mode="after")
    def _check(self) -> DatasetEntry:
        _exactly_one(self, "repo", "path", "url")
        if "{prompt}" not in self.prompt_template:
            raise ValueError("prompt_template has no {prompt}; write where the problem goes")
        return self


class ExperimentConfig(Frozen):
    """The file given to `snakemake --configfile`."""

    experiment: str = Field(pattern=NAME_PATTERN, description="name; folder under results/")
    cells: str = Field(description="TSV file with one row a cell")
    models: str = Field(default="config/models.yaml", description="YAML file of models")
    datasets: str = Field(default="config/datasets.yaml", description="YAML file of data sets")
    methods: tuple[Method, ...] = Field(
        default=METHODS, min_length=1, description="methods to run and to show"
    )
    published: str | None = Field(
        default=None, description="CSV file with published figures to put beside ours; null: none"
    )
    branching: BranchingParameters = Field(default=BranchingParameters(), description="see below")
    engine: EngineOptions = Field(default=EngineOptions(), description="see below")
    sandbox: Annotated[
        SandboxSettings,
        BeforeValidator(
            lambda value: {"engine": value} if isinstance(value, str) else value,
            json_schema_input_type=SandboxSettings | EngineChoice,
        ),
    ] = Field(default=SandboxSettings(), description="see below; a name alone is its `engine`")
    container_runtime: ContainerRuntime = Field(
        default="none",
        description="what steps run in; set by the profile; changing it reruns nothing",
    )
    generate_image: GenerateImage = Field(
        default="generate-cpu",
        description="software that generates: vLLM for GPUs or for CPUs; set by the profile",
    )

    @model_validator(mode="after")
    def _check_name(self) -> ExperimentConfig:
        if self.experiment in RESERVED_NAMES:
            raise ValueError(
                f"experiment may not be called {self.experiment!r}, a folder of results/"
            )
        return self


class Cell(Frozen):
    """One row of the TSV: a model, a data set and the parameters that are swept."""

    model: str = Field(pattern=NAME_PATTERN, description="a key of the models file")
    dataset: str = Field(pattern=NAME_PATTERN, description="a key of the datasets file")
    temperature: float = Field(gt=0, description="sampling temperature (T)")
    max_sequences: int = Field(ge=1, description="cap on sequences a prompt (M)")
    entropy_threshold: float = Field(ge=0, description="entropy threshold in nats (theta)")
    seed: int = Field(ge=0, description="seed of the run")


@dataclass(frozen=True)
class Experiment:
    """A checked configuration with everything it names."""

    config: ExperimentConfig
    models: dict[str, ModelEntry]
    datasets: dict[str, DatasetEntry]
    cells: tuple[Cell, ...]

    def gpus(self, model: str) -> int:
        """GPUs that one generation job of a model needs."""
        own = self.models[model].tensor_parallel_size
        return self.config.engine.tensor_parallel_size if own is None else own

    def decoding(self, cell: Cell, method: Method) -> DecodingSettings:
        """The settings of one method in one cell.

        `parallel` leaves out what only branching uses, so that cells that differ in the
        threshold alone share its result.
        """
        model, dataset = self.models[cell.model], self.datasets[cell.dataset]
        sampling: dict[str, Any] = {
            "method": method,
            "max_sequences": cell.max_sequences,
            "temperature": cell.temperature,
            "top_p": model.top_p,
            "top_k": model.top_k,
            "max_tokens": dataset.max_tokens or model.max_tokens,
            "dtype": model.dtype,
            "seed": cell.seed,
        }
        if method != "parallel":
            sampling |= self.config.branching.model_dump()
            sampling["entropy_threshold"] = cell.entropy_threshold
        return DecodingSettings(**sampling)

    def shards(self, model: str, dataset: str) -> int:
        """Jobs that the prompts of a result of a model and a data set are dealt to."""
        return max(self.models[model].shards, self.datasets[dataset].shards)


def load_experiment(config: Mapping[str, Any], source: str) -> Experiment:
    """Check a configuration and read the files it names.

    Args:
        config: the parsed YAML, as Snakemake hands it over.
        source: name of the file it came from, for messages.

    Raises:
        EagerError: names every mistake found, with file, row and key, and what to write instead.
    """
    checked, errors = _validate(ExperimentConfig, config, source)
    if checked is None:
        raise EagerError("\n".join(errors))
    models, model_errors = _load_entries(ModelEntry, Path(checked.models))
    datasets, dataset_errors = _load_entries(DatasetEntry, Path(checked.datasets))
    cells, cell_errors = _load_cells(Path(checked.cells))
    errors = model_errors + dataset_errors + cell_errors
    if not model_errors and not dataset_errors:
        errors += _check_cells(checked, cells, models, datasets)
    if errors:
        raise EagerError("\n".join(errors))
    return Experiment(checked, models, datasets, tuple(cell for _, cell in cells))


def _load_entries(model: type[EntryT], path: Path) -> tuple[dict[str, EntryT], list[str]]:
    raw = read_yaml(path)
    entries: dict[str, EntryT] = {}
    errors: list[str] = []
    for name, value in raw.items():
        entry, entry_errors = _validate(model, value, f"{path}: {name}")
        errors += entry_errors
        if entry is not None:
            entries[str(name)] = entry
    return entries, errors


def _load_cells(path: Path) -> tuple[list[tuple[int, Cell]], list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(
                (line for line in stream if not line.startswith("#")), delimiter="\t"
            )
            rows = list(reader)
            columns = list(reader.fieldnames or [])
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; `cells` names the TSV with the cells") from None
    known = list(Cell.model_fields)
    if sorted(columns) != sorted(known):
        return [], [f"{path}: the columns are {columns}; write {known}, separated by tabs"]
    if not rows:
        return [], [f"{path}: no rows; write one row for each cell to run"]
    cells: list[tuple[int, Cell]] = []
    errors: list[str] = []
    for number, row in enumerate(rows, start=1):
        cell, row_errors = _validate(Cell, row, f"{path}, row {number}")
        errors += row_errors
        if cell is not None:
            cells.append((number, cell))
    return cells, errors


def _check_cells(
    config: ExperimentConfig,
    cells: list[tuple[int, Cell]],
    models: Mapping[str, ModelEntry],
    datasets: Mapping[str, DatasetEntry],
) -> list[str]:
    errors: list[str] = []
    seen: dict[Cell, int] = {}
    for number, cell in cells:
        where = f"{config.cells}, row {number}"
        for kind, name, entries, file in (
            ("model", cell.model, models, config.models),
            ("dataset", cell.dataset, datasets, config.datasets),
        ):
            if name not in entries:
                errors.append(f"{where}, {kind}: {name!r} is not in {file}{_hint(name, entries)}")
        if cell in seen:
            errors.append(f"{where}: the same as row {seen[cell]}; remove one of them")
        seen.setdefault(cell, number)
        try:
            check_threshold(cell.entropy_threshold, config.branching.top_k_entropy)
        except ValueError as error:
            errors.append(f"{where}, {error}")
    return errors


def _validate(model: type[EntryT], value: Any, where: str) -> tuple[EntryT | None, list[str]]:
    if not isinstance(value, Mapping):
        return None, [f"{where}: a mapping of keys is expected, not {value!r}"]
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [f"{where}, {_explain(model, detail)}" for detail in error.errors()]


def _explain(model: type[BaseModel], detail: Any) -> str:
    """One pydantic error in words: the key, what is wrong, what to write."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _known_keys(model, detail["loc"][:-1])
        return f"unknown key {key!r}{_hint(str(detail['loc'][-1]), known)}"
    if detail["type"] == "missing":
        field = model.model_fields.get(str(detail["loc"][-1]))
        meaning = f" ({field.description})" if field and field.description else ""
        return f"key {key!r} is missing{meaning}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{key}: {message}, got {detail['input']!r}" if key else message


def _known_keys(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)


def _hint(name: str, known: Mapping[str, Any] | list[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}"


def _exactly_one(entry: BaseModel, *sources: str) -> None:
    given = [source for source in sources if getattr(entry, source) is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(sources)}; given: {given or 'none'}")
    if given == ["repo"] and getattr(entry, "revision", None) is None:
        raise ValueError("a repo needs its revision, the commit's 40 hex digits")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        EagerError: it is missing, not YAML, or not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise EagerError(f"{path}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise EagerError(f"{path}: a mapping of names to entries is expected")
    return content
