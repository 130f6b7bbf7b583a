"""What an experiment makes: its results with all that decides them, as one file for every step.

`resolve` puts the checked configuration into `results/{experiment}/experiment.json`. A step is
given this file and the folder of its result, and finds the rest here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from eager.config.paths import metrics_name, result_folder
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
from eager.util.fingerprint import code_identity
from eager.util.validation import faults_of

MODEL_SOURCE = frozenset({"repo", "revision", "gguf_package"})
"""Keys of a model's entry that decide its files. Of what lies under a `path`, the content does."""
MODEL_ENCODING = MODEL_SOURCE | {"end_of_thinking", "context_length", "template_date"}
"""Keys of a model's entry that decide the token ids of a prompt."""
OF_PROMPTS = frozenset({"prompt_template", "chat_template", "control_tokens", "stop"})
DATASET_ENCODING = OF_PROMPTS | {"kind", "repo", "revision", "path", "url"}
"""Keys of a data set's entry that decide the token ids of a prompt."""
DATASET_SOURCE = (
    frozenset(DatasetEntry.model_fields) - OF_PROMPTS - {"max_tokens", "shards", "rows"}
)
"""Keys of a data set's entry that decide its tasks."""


WITHOUT_RESULT = {"shards", "tensor_parallel_size", "rows"}
"""Keys of entries that change no result."""

EntryT = TypeVar("EntryT", ModelEntry, DatasetEntry)


class Target(StrictModel):
    """One method in one cell: where its result lies.

    Attributes:
        cell: experiment, model, data set and the swept parameters.
        method: the method.
        folder: where the result lies; cells that differ in M, theta or rule share that of
            `parallel`.
        metrics: metrics.json; of `parallel` one for each M.
        prompts: prompts.parquet.
        tasks: tasks.jsonl.
        model_manifest: the model's manifest.json; None: an imported result without a tokenizer.
        initial: folder of EAGer-init's result, for the budgeted methods.
        samples: the result is the first so many sequences of each prompt in the folder; None: all.
    """

    cell: dict[str, Any]
    method: Method
    folder: str
    metrics: str
    prompts: str
    tasks: str
    model_manifest: str | None
    initial: str | None = None
    samples: int | None = None

    def file(self, name: str) -> Path:
        """One of the files in its folder."""
        return Path(self.folder, name)

    @property
    def allocation(self) -> str | None:
        """allocation.json, for the budgeted methods."""
        return f"{self.folder}/allocation.json" if self.initial else None

    @property
    def runs(self) -> list[str]:
        """run.json of every generation that went into the result."""
        return [f"{folder}/run.json" for folder in (self.initial, self.folder) if folder]


TargetT = TypeVar("TargetT", bound=Target)


class PlannedTarget(Target):
    """A target that the workflow makes, with what it is made from.

    Attributes:
        settings: everything that decides its sequences; of `parallel` with the M of the folder.
        kind: how answers are evaluated.
        program: how texts become programs, and limits, where the tasks are programs.
    """

    settings: DecodingSettings
    model_manifest: str
    kind: TaskKind
    program: dict[str, Any] = Field(default_factory=dict)

    def under(self, root: Path) -> PlannedTarget:
        """The same result in another folder than the working folder."""
        names = ("folder", "metrics", "prompts", "tasks", "model_manifest", "initial")
        paths = {name: path for name in names if (path := getattr(self, name)) is not None}
        return self.model_copy(update={name: str(root / path) for name, path in paths.items()})


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
        root: the folder that its paths begin in, when it is read from elsewhere.
    """

    schema_version: Literal[2] = 2
    experiment: str
    configuration: dict[str, Any]
    models: dict[str, ModelEntry]
    datasets: dict[str, DatasetEntry]
    targets: list[PlannedTarget]
    only_initial: list[PlannedTarget] = Field(default_factory=list)
    root: Path = Field(default=Path(), exclude=True)

    def under(self, root: Path) -> ResolvedExperiment:
        """The same experiment in another folder than the working folder."""
        targets = [target.under(root) for target in self.targets]
        only_initial = [target.under(root) for target in self.only_initial]
        moved = {"root": root, "targets": targets, "only_initial": only_initial}
        return self.model_copy(update=moved)

    @property
    def published(self) -> Path | None:
        """The file of published figures, if the experiment has one."""
        published = self.configuration["published"]
        return find_file(self.root / published) if published else None

    @property
    def imported(self) -> list[Path]:
        """metrics.json of every result in the folders that `eager import` wrote, by name.

        Raises:
            EagerError: a folder holds none.
        """
        files: list[Path] = []
        for folder in self.configuration.get("imported", ()):
            found = sorted((self.root / folder).rglob("metrics.json"))
            if not found:
                raise EagerError(
                    f"imported: {folder}: no result in it; `eager import RUN --output {folder}` "
                    "writes some"
                )
            files += found
        return files

    @property
    def rivals(self) -> RivalSettings:
        """Parameters of the rivals."""
        return RivalSettings.model_validate(self.configuration.get("rivals", {}))

    @property
    def folder(self) -> Path:
        """Folder of the experiment."""
        return self.root / "results" / self.experiment

    @property
    def all_targets(self) -> list[PlannedTarget]:
        """Every target that is made, shown or not."""
        return [*self.only_initial, *self.targets]

    def target(self, path: str) -> PlannedTarget:
        """The target whose result lies in a folder, or whose metrics are a file.

        Raises:
            EagerError: there is none.
        """
        wanted = Path(path)
        for target in self.all_targets:
            if wanted in (Path(target.folder), Path(target.metrics)):
                return target
        raise EagerError(f"{path}: no result of experiment {self.experiment!r} lies there")


def resolve(experiment: Experiment) -> ResolvedExperiment:
    """Everything that the steps of an experiment need to know."""
    config = experiment.config
    used = {cell.model for cell in experiment.cells}, {cell.dataset for cell in experiment.cells}
    return ResolvedExperiment(
        experiment=config.experiment,
        configuration=config.model_dump(mode="json", exclude={"engine", "container_runtime"}),
        models={name: _of_results(experiment.models[name]) for name in sorted(used[0])},
        datasets={name: _of_results(experiment.datasets[name]) for name in sorted(used[1])},
        targets=_with_all_samples(
            [
                _target(experiment, cell, method)
                for cell in experiment.cells
                for method in config.methods
            ]
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


def of_group(targets: Iterable[TargetT], model: str | None, dataset: str | None) -> list[TargetT]:
    """Those of a model and data set; None: of all."""
    return [
        target
        for target in targets
        if model in (None, target.cell["model"]) and dataset in (None, target.cell["dataset"])
    ]


def imported_target(folder: Path, cell: dict[str, Any], method: Method) -> Target:
    """The result of another program in a folder that `eager import` writes."""
    model = folder / "model.json"
    return Target(
        cell=cell,
        method=method,
        folder=str(folder),
        metrics=str(folder / "metrics.json"),
        prompts=str(folder / "prompts.parquet"),
        tasks=str(folder / "tasks.jsonl"),
        model_manifest=str(model) if model.exists() else None,
    )


def entry_part(entry: ModelEntry | DatasetEntry, keys: frozenset[str]) -> dict[str, Any]:
    """Some of an entry's keys with their values; defaults too, which another release may change."""
    return entry.model_dump(mode="json", include=set(keys))


def current_run(target: PlannedTarget) -> dict[str, Any] | None:
    """run.json of the result that is there; None if other settings or code would make it now.

    Of Full Parallel one with more samples will do: the samples of a smaller M are its first.
    """
    wanted = target.settings.model_dump(mode="json")
    try:
        run: dict[str, Any] = read_json(target.file("run.json"))
        settings, code = dict(run["parameters"]), run["code_fingerprint"]
        if target.method == "parallel":
            settings["max_sequences"] = min(settings["max_sequences"], wanted["max_sequences"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    is_current = (settings, code) == (wanted, code_identity("tokens", target.method))
    return run if is_current else None


def _with_all_samples(targets: list[PlannedTarget]) -> list[PlannedTarget]:
    """Targets, those that share a folder of Full Parallel with the largest M among them.

    Where the folder holds still more samples, from an earlier plan, it keeps them.
    """
    by_cap = sorted(targets, key=lambda target: target.settings.max_sequences)
    largest = {target.folder: target for target in by_cap}
    held = {folder: target.settings for folder, target in largest.items()}
    for folder, target in largest.items():
        if target.method == "parallel" and (run := current_run(target)):
            more = {"max_sequences": run["parameters"]["max_sequences"]}
            held[folder] = target.settings.model_copy(update=more)
    return [target.model_copy(update={"settings": held[target.folder]}) for target in targets]


def _of_results(entry: EntryT) -> EntryT:
    """An entry without the keys that change no result, so that these do not change the file."""
    given = entry.model_dump(exclude=WITHOUT_RESULT, exclude_unset=True)
    return type(entry).model_validate(given)


def _target(experiment: Experiment, cell: Cell, method: Method) -> PlannedTarget:
    name = experiment.config.experiment
    folder = result_folder(name, cell, method)
    return PlannedTarget(
        cell={"experiment": name, **experiment.columns(cell)},
        method=method,
        folder=folder,
        metrics=f"{folder}/{metrics_name(cell, method)}",
        prompts=f"results/{name}/{cell.model}/{cell.dataset}/prompts.parquet",
        tasks=f"results/datasets/{cell.dataset}/tasks.jsonl",
        model_manifest=f"results/models/{cell.model}/manifest.json",
        initial=result_folder(name, cell, "eager_init") if method in BUDGET_METHODS else None,
        samples=cell.max_sequences if method == "parallel" else None,
        settings=experiment.decoding(cell, method),
        kind=experiment.datasets[cell.dataset].kind,
        program=_program(experiment, cell),
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
