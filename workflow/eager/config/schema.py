"""What may be written in config/*.yaml and *.tsv, as models.

Every field has a description; the JSON schemas and the tables of config/README.md are made from
these models (`python -m tools.docs schemas`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from eager.algorithm.rules import RuleName
from eager.config.settings import (
    DEFAULT_RULE,
    LOWEST_TEMPERATURE,
    METHODS,
    SNAPSHOT_STEPS,
    USUAL_RIVALS,
    BranchingParameters,
    DecodingSettings,
    EngineOptions,
    KnownMethod,
    Method,
    NumberFormat,
    RivalSettings,
    StrictModel,
    TaskKind,
)
from eager.containers.settings import ContainerRuntime, GenerateImage
from eager.sandbox.settings import EngineChoice, SandboxSettings

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
REVISION_PATTERN = r"^[0-9a-f]{40}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
RESERVED_NAMES = frozenset(
    {"models", "datasets", "bench", "sandbox", "store", "gpu-check", "README.md"}
)
"""What results/ holds besides experiments."""
RESERVED_MODEL_NAMES = frozenset(
    {"tables", "figures", "export", "report.html", "archive.zip", "experiment.json"}
)
"""What the folder of an experiment holds besides models."""


def check_name(name: str) -> str:
    """A name of which files can be named.

    Raises:
        ValueError: it holds other signs.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(
            "a name is letters, digits, `.`, `_` and `-`, and begins with a letter or digit; "
            f"write one (pattern {NAME_PATTERN})"
        )
    return name


Name = Annotated[
    str, AfterValidator(check_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})
]


def _day(value: Any) -> date:
    """A day as YAML has it, or as text; pydantic would take numbers as seconds since 1970."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("not a day; write one as YYYY-MM-DD, such as 2025-06-01") from None


class ModelEntry(StrictModel):
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
    template_date: Annotated[date, BeforeValidator(_day)] = Field(
        default=date(2025, 6, 1),
        description="the day that the chat template is told where it asks for today's",
    )
    max_tokens: int | None = Field(
        default=None, ge=1, description="tokens of an answer; null: what is left of the context"
    )
    top_p: float = Field(default=1.0, gt=0, le=1, description="nucleus sampling; 1: off")
    top_k: int = Field(default=0, ge=0, description="sample among the top k tokens; 0: off")
    dtype: NumberFormat = Field(
        default="auto",
        description="number format the model is run in; auto: as its weights are stored",
    )
    shards: int = Field(
        default=1,
        ge=1,
        description="jobs that share the prompts of one result, if the data set asks for no more",
    )
    tensor_parallel_size: int | None = Field(
        default=None, ge=1, description="GPUs that share the model; null: that of `engine`"
    )

    @model_validator(mode="after")
    def _one_source(self) -> ModelEntry:
        _exactly_one(self, "repo", "path", "gguf_package")
        return self


class DatasetEntry(StrictModel):
    """One data set: where its rows come from and how a row becomes a prompt."""

    kind: TaskKind = Field(
        description="how an answer is evaluated: math-verify, a letter, or tests in a sandbox"
    )
    repo: str | None = Field(default=None, description="Hugging Face data set")
    revision: str | None = Field(
        default=None, pattern=REVISION_PATTERN, description="commit of `repo`, 40 hex digits"
    )
    configs: tuple[str, ...] = Field(default=(), description="configurations of `repo`, in order")
    split: str = Field(default="train", description="split of `repo`")
    path: str | None = Field(
        default=None, description="local file: JSON lines, also in gzip, or Parquet"
    )
    url: str | None = Field(default=None, pattern="^https://", description="address of such a file")
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
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="texts that end an answer, which does not hold them"
    )
    control_tokens: bool = Field(
        default=False, description="control tokens of the model in a problem are meant, no text"
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
        description="jobs that share the prompts of one result, if the model asks for no more",
    )

    @model_validator(mode="after")
    def _check(self) -> DatasetEntry:
        _exactly_one(self, "repo", "path", "url")
        if "{prompt}" not in self.prompt_template:
            raise ValueError("prompt_template has no {prompt}; write where the problem goes")
        return self


class ExperimentConfig(StrictModel):
    """The file given to `snakemake --configfile`."""

    experiment: Name = Field(description="name; folder under results/")
    cells: str = Field(description="TSV file with one row per cell")
    models: str = Field(default="config/models.yaml", description="YAML file of models")
    datasets: str = Field(default="config/datasets.yaml", description="YAML file of data sets")
    methods: tuple[KnownMethod, ...] = Field(
        default=METHODS, min_length=1, description="methods to run and to show"
    )
    published: str | None = Field(
        default=None, description="CSV file with published figures to put beside ours; null: none"
    )
    imported: tuple[str, ...] = Field(
        default=(),
        description="folders that `eager import` wrote, to stand in tables, figures and report",
    )
    record_entropies: bool = Field(
        default=False,
        description="record the entropies of Full Parallel too, for `export`; takes longer",
    )
    snapshot_steps: int = Field(
        default=SNAPSHOT_STEPS,
        ge=1,
        description="steps after which a prompt's running sequences get new seeds and its state is "
        "kept, so that an interrupted generation goes on from there; changes the tokens of longer "
        "sequences",
    )
    rivals: RivalSettings = Field(default=USUAL_RIVALS, description="see below")
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
        twice = [name for name in self.methods if self.methods.count(name) > 1]
        if twice:
            raise ValueError(f"methods: {twice[0]!r} is there twice; remove one of them")
        if self.experiment in RESERVED_NAMES:
            raise ValueError(
                f"experiment may not be called {self.experiment!r}, which results/ holds already; "
                "write another name"
            )
        return self


class Cell(StrictModel):
    """One row of the TSV: a model, a data set and the parameters that are swept."""

    model: Name = Field(description="a key of the models file")
    dataset: Name = Field(description="a key of the datasets file")
    temperature: float = Field(
        ge=LOWEST_TEMPERATURE,
        description="sampling temperature (T); the engine samples lower ones at 0.01",
    )
    max_sequences: int = Field(ge=1, description="cap on sequences per prompt (M)")
    entropy_threshold: float = Field(ge=0, description="entropy threshold in nats (theta)")
    seed: int = Field(ge=0, description="seed of the run")
    rule: Annotated[RuleName, BeforeValidator(lambda value: value or DEFAULT_RULE)] = Field(
        default=DEFAULT_RULE,
        description="how the EAGer methods branch: `described` by the paper, or as the `authors`' "
        "program does; the column may be left out",
    )


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

        `parallel` leaves out what only branching uses, so that cells that differ only in threshold
        or rule share its result.
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
        if self.config.snapshot_steps != SNAPSHOT_STEPS:
            sampling["snapshot_steps"] = self.config.snapshot_steps
        if method == "parallel" and self.config.record_entropies:
            sampling |= {
                "record_entropies": True,
                "top_k_entropy": self.config.branching.top_k_entropy,
            }
        if method != "parallel":
            sampling |= self.config.branching.model_dump()
            sampling["entropy_threshold"] = cell.entropy_threshold
            if cell.rule != DEFAULT_RULE:
                sampling["rule"] = cell.rule
        return DecodingSettings(**sampling)

    def columns(self, cell: Cell) -> dict[str, Any]:
        """A cell's values as tables show them: the rule only where one of the cells chooses it."""
        same = all(other.rule == DEFAULT_RULE for other in self.cells)
        return cell.model_dump(exclude={"rule"} if same else None)

    def shards(self, model: str, dataset: str) -> int:
        """Jobs that the prompts of a result of a model and a data set are assigned to."""
        return max(self.models[model].shards, self.datasets[dataset].shards)


def _exactly_one(entry: BaseModel, *sources: str) -> None:
    given = [source for source in sources if getattr(entry, source) is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(sources)}; given: {given or 'none'}")
    if given == ["repo"] and getattr(entry, "revision", None) is None:
        raise ValueError("a repo needs its revision, the commit's 40 hex digits")
