"""What an archive holds and how its tables follow from its sequences."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field

from eager.config.experiment import ResolvedExperiment
from eager.config.settings import Method, RivalSettings, StrictModel, TaskKind
from eager.report.figures.names import figure_names
from eager.report.tables.names import table_names

PLAN_NAME = "archive.json"
"""Where the plan lies in the archive."""


class ArchivedResult(StrictModel):
    """One method in one cell; paths are relative to the archive.

    Attributes:
        cell: experiment, model, data set and the swept parameters.
        method: the method.
        folder: where sequences, branches, verdicts, metrics.json and run.json lie.
        initial: folder of EAGer-init's result, for the budgeted methods.
        tasks: tasks.jsonl.
        kind: how answers are evaluated.
        code: how texts become programs, and limits, where the tasks are programs.
    """

    cell: dict[str, Any]
    method: Method
    folder: str
    initial: str | None = None
    tasks: str
    kind: TaskKind
    code: dict[str, Any] = Field(default_factory=dict)

    @property
    def runs(self) -> list[str]:
        """run.json of every generation that went into the result."""
        return [f"{folder}/run.json" for folder in (self.initial, self.folder) if folder]

    @property
    def prompts(self) -> str:
        """prompts.parquet of its model and data set, two folders up."""
        return (PurePosixPath(self.folder).parents[1] / "prompts.parquet").as_posix()

    @property
    def files(self) -> list[str]:
        """Everything in its folder."""
        names = ["sequences.parquet", "branches.parquet", "verdicts.parquet", "metrics.json"]
        names += ["run.json"] + ["allocation.json"] * (self.initial is not None)
        return [f"{self.folder}/{name}" for name in names]


def archive_plan(experiment: ResolvedExperiment) -> ArchivePlan:
    """How the tables of an experiment follow from its results."""
    return ArchivePlan(
        experiment=experiment.experiment,
        configuration=experiment.configuration,
        published=experiment.configuration["published"],
        tables=f"{experiment.folder}/tables",
        results=[
            ArchivedResult(
                cell=target.cell,
                method=target.method,
                folder=target.folder,
                initial=target.initial,
                tasks=target.tasks,
                kind=target.kind,
                code=target.program,
            )
            for target in experiment.targets
        ],
    )


def files_beside_plan(experiment: ResolvedExperiment) -> set[str]:
    """What an archive holds besides the files of its plan, but for configuration and locks."""
    figures = [name for kind in ("svg", "png") for name in figure_names(experiment, kind)]
    files = {f"{experiment.folder}/{name}" for name in ("report.html", *figures)}
    for target in experiment.targets:
        files |= {target.prompts, target.tasks, target.model_manifest}
        files.add(f"results/datasets/{target.cell['dataset']}/manifest.json")
    return files


class ArchivePlan(StrictModel):
    """The content of archive.json.

    Attributes:
        schema_version: of this file.
        experiment: its name.
        configuration: every value of the configuration, defaults included.
        published: the file of published figures, if the experiment has one.
        tables: the folder of the tables.
        results: in the order of the summary's rows.
        code: commit of the code that packed the archive, and whether it had uncommitted changes.
    """

    schema_version: Literal[1] = 1
    experiment: str
    configuration: dict[str, Any]
    published: str | None = None
    tables: str
    results: list[ArchivedResult]
    code: dict[str, Any] = Field(default_factory=dict)

    @property
    def rivals(self) -> RivalSettings:
        """Parameters of the rivals in the tables."""
        return RivalSettings.model_validate(self.configuration.get("rivals", {}))

    @property
    def table_files(self) -> list[str]:
        """Every table in each of its forms."""
        return [f"{self.tables}/{name}" for name in table_names()]

    @property
    def files(self) -> set[str]:
        """What must be there for the tables to be made again, and the tables."""
        files = {self.published} if self.published else set()
        files.update(self.table_files)
        for result in self.results:
            files |= {result.tasks, result.prompts, *result.runs, *result.files}
        return files
