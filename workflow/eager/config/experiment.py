"""What an experiment makes: its results with all that decides them, as one file for every step.

`resolve` puts the checked configuration into `results/{experiment}/experiment.json`. A step is
given this file and the folder of its result, and finds the rest here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from eager.config.paths import result_folder
from eager.config.schema import Cell, DatasetEntry, Experiment, ModelEntry
from eager.config.settings import (
    BUDGET_METHODS,
    DecodingSettings,
    Method,
    RivalSettings,
    StrictModel,
    TaskKind,
)
from eager.sandbox.settings import VERDICT_LIMITS
from eager.util.errors import EagerError
from eager.util.files import find_file, read_json
from eager.util.validation import faults_of

MODEL_SOURCE = frozenset({"repo", "revision", "gguf_package"})
"""Keys of a model's entry that decide its files. Of what lies under a `path`, the content does."""
MODEL_ENCODING = MODEL_SOURCE | {"end_of_thinking", "context_length", "template_date"}
"""Keys of a model's entry that decide the token ids of a prompt."""
DATASET_ENCODING = frozenset(
    {"kind", "repo", "revision", "path", "url", "prompt_template", "chat_template", "stop"}
)
"""Keys of a data set's entry that decide the token ids of a prompt."""
DATASET_SOURCE = frozenset(DatasetEntry.model_fields) - {
    "prompt_template",
    "chat_template",
    "stop",
    "max_tokens",
    "shards",
    "rows",
}
"""Keys of a data set's entry that decide its tasks."""


WITHOUT_RESULT = {"shards", "tensor_parallel_size", "rows"}
"""Keys of entries that change no result."""

EntryT = TypeVar("EntryT", ModelEntry, DatasetEntry)


class Target(StrictModel):
    """One method in one cell: where its result lies and what it is made from.

    Attributes:
        cell: experiment, model, data set and the swept parameters.
        method: the method.
        folder: where the result lies; cells that differ in theta or rule share that of
            `parallel`.
        settings: everything that decides its sequences.
        kind: how answers are evaluated.
        program: how texts become programs, and limits, where the tasks are programs.
        initial: folder of EAGer-init's result, for the budgeted methods.
        pool: folder of the result with the largest M that this one, with a smaller M, is the first
            samples of.
    """

    cell: dict[str, Any]
    method: Method
    folder: str
    settings: DecodingSettings
    kind: TaskKind
    program: dict[str, Any] = Field(default_factory=dict)
    initial: str | None = None
    pool: str | None = None

    @property
    def prompts(self) -> str:
        """prompts.parquet."""
        return "results/{experiment}/{model}/{dataset}/prompts.parquet".format(**self.cell)

    @property
    def tasks(self) -> str:
        """tasks.jsonl."""
        return f"results/datasets/{self.cell['dataset']}/tasks.jsonl"

    @property
    def model_manifest(self) -> str:
        """The model's manifest.json."""
        return f"results/models/{self.cell['model']}/manifest.json"

    @property
    def allocation(self) -> str | None:
        """allocation.json, for the budgeted methods."""
        return f"{self.folder}/allocation.json" if self.initial else None

    @property
    def runs(self) -> list[str]:
        """run.json of every generation that went into the result."""
        return [f"{folder}/run.json" for folder in (self.initial, self.folder) if folder]


class ResolvedExperiment(StrictModel):
    """The content of experiment.json: a checked configuration with all that follows from it.

    Attributes:
        schema_version: of this file.
        experiment: its name.
        configuration: every value that results depend on, defaults included.
        models: entries of the models it uses, by name.
        datasets: entries of the data sets it uses, by name.
        targets: in the order of the summary's rows.
        only_initial: EAGer-init of the cells where the experiment shows only what builds on it.
    """

    schema_version: Literal[1] = 1
    experiment: str
    configuration: dict[str, Any]
    models: dict[str, ModelEntry]
    datasets: dict[str, DatasetEntry]
    targets: list[Target]
    only_initial: list[Target] = Field(default_factory=list)

    @property
    def published(self) -> Path | None:
        """The file of published figures, if the experiment has one."""
        published = self.configuration["published"]
        return find_file(Path(published)) if published else None

    @property
    def rivals(self) -> RivalSettings:
        """Parameters of the rivals."""
        return RivalSettings.model_validate(self.configuration.get("rivals", {}))

    @property
    def folder(self) -> Path:
        """Folder of the experiment."""
        return Path("results", self.experiment)

    def target(self, folder: str) -> Target:
        """The target whose result lies in a folder.

        Raises:
            EagerError: there is none.
        """
        wanted = Path(folder)
        for target in (*self.targets, *self.only_initial):
            if Path(target.folder) == wanted:
                return target
        raise EagerError(f"{folder}: no result of experiment {self.experiment!r} lies there")


def resolve(experiment: Experiment) -> ResolvedExperiment:
    """Everything that the steps of an experiment need to know."""
    config = experiment.config
    used = {cell.model for cell in experiment.cells}, {cell.dataset for cell in experiment.cells}
    return ResolvedExperiment(
        experiment=config.experiment,
        configuration=config.model_dump(mode="json", exclude={"engine", "container_runtime"}),
        models={name: _of_results(experiment.models[name]) for name in sorted(used[0])},
        datasets={name: _of_results(experiment.datasets[name]) for name in sorted(used[1])},
        targets=with_pools(
            _target(experiment, cell, method)
            for cell in experiment.cells
            for method in config.methods
        ),
        only_initial=[
            _target(experiment, cell, "eager_init")
            for cell in experiment.cells
            if "eager_init" not in config.methods and {*BUDGET_METHODS} & {*config.methods}
        ],
    )


def read_experiment(path: Path) -> ResolvedExperiment:
    """Read experiment.json.

    Raises:
        EagerError: it is missing or not such a file.
    """
    try:
        return ResolvedExperiment.model_validate(read_json(path))
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; the workflow writes it when it starts") from None
    except ValidationError as error:
        fault = faults_of(ResolvedExperiment, error)[0]
        raise EagerError(f"{path}: not a resolved experiment ({fault}); delete it") from None


def with_pools(targets: Iterable[Target]) -> list[Target]:
    """Targets, each result of Full Parallel with the one whose first samples are its own.

    Samples do not depend on M, so results that differ in it alone are nested.
    """
    targets = list(targets)
    largest: dict[tuple[str, str, str], Target] = {}
    for target in targets:
        if target.method == "parallel":
            known = largest.setdefault(_pool(target), target)
            if target.settings.max_sequences > known.settings.max_sequences:
                largest[_pool(target)] = target
    return [
        target.model_copy(update={"pool": most.folder})
        if target.method == "parallel" and (most := largest[_pool(target)]).folder != target.folder
        else target
        for target in targets
    ]


def _pool(target: Target) -> tuple[str, str, str]:
    """What results of Full Parallel have in common that have the same samples."""
    settings = target.settings.model_dump_json(exclude={"max_sequences"})
    return target.cell["model"], target.cell["dataset"], settings


def entry_part(entry: ModelEntry | DatasetEntry, keys: frozenset[str]) -> dict[str, Any]:
    """Some of an entry's keys with their values; defaults too, which another release may change."""
    return entry.model_dump(mode="json", include=set(keys))


def is_made_with(run: Path, settings: Mapping[str, Any], code: str) -> bool:
    """Whether a result was made with these settings and this code.

    Args:
        run: run.json of the result.
        settings: as JSON has them.
        code: fingerprint of the code that generates.
    """
    try:
        found = read_json(run)
        return bool(found["parameters"] == settings and found["code_fingerprint"] == code)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def shards_to_gather(run: Path, settings: Mapping[str, Any], code: str, configured: int) -> int:
    """Number of shards of a result: that which made it, if it is there and as wanted.

    How many shards made a result is no part of what it is, but Snakemake compares lists of inputs:
    so a finished result keeps its list, and another number counts for what is still to be made.

    Args:
        run: run.json of the result.
        settings: as JSON has them.
        code: fingerprint of the code that generates.
        configured: the number that the configuration asks for.
    """
    if not is_made_with(run, settings, code):
        return configured
    return len(read_json(run)["shards"])


def _of_results(entry: EntryT) -> EntryT:
    """An entry without the keys that change no result, so that these do not change the file."""
    given = entry.model_dump(exclude=WITHOUT_RESULT, exclude_unset=True)
    return type(entry).model_validate(given)


def _target(experiment: Experiment, cell: Cell, method: Method) -> Target:
    name = experiment.config.experiment
    budgeted = method in BUDGET_METHODS
    return Target(
        cell={"experiment": name, **experiment.columns(cell)},
        method=method,
        folder=result_folder(name, cell, method),
        settings=experiment.decoding(cell, method),
        kind=experiment.datasets[cell.dataset].kind,
        program=_program(experiment, cell),
        initial=result_folder(name, cell, "eager_init") if budgeted else None,
    )


def _program(experiment: Experiment, cell: Cell) -> dict[str, Any]:
    """What decides the verdicts of programs; empty for other kinds of tasks."""
    dataset = experiment.datasets[cell.dataset]
    if dataset.kind != "code":
        return {}
    return {
        "end_of_thinking": experiment.models[cell.model].end_of_thinking,
        "continues_prompt": not dataset.chat_template,
        "limits": experiment.config.sandbox.model_dump(include=VERDICT_LIMITS),
    }
