"""What the rules ask of an experiment: wildcards in, paths and parameters out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from eager.config.environment import EXPERIMENT_VARIABLE, prepare_environment
from eager.config.experiment import (
    PlannedTarget,
    ResolvedExperiment,
    current_run,
    entry_part,
    of_group,
    resolve,
)
from eager.config.load import load_experiment
from eager.config.schema import Experiment, ExperimentConfig
from eager.config.settings import BUDGET_METHODS
from eager.containers.recipes import ImageName, apptainer_reference
from eager.util.errors import EagerError
from eager.util.files import find_file, read_json, write_json
from eager.util.fingerprint import code_fingerprint, code_identity

Wildcards = Any
"""Snakemake's: attributes `model`, `dataset`, `cell`, `method`, and `get`."""


def plan(
    config: Mapping[str, Any], source: str, gpus: int | None, files: Iterable[Path] = ()
) -> Plan:
    """Check a configuration and prepare the environment of the jobs.

    Args:
        config: the parsed YAML, as Snakemake hands it over.
        source: name of the file it came from, for messages.
        gpus: how many GPUs `resources: gpu` allows; None: any number.
        files: the files that Snakemake has parsed.

    Raises:
        EagerError: the configuration has mistakes, or a model needs more GPUs than there are.
    """
    found = Plan(load_experiment(config, source, files))
    for model in found.resolved.models:
        # Snakemake would run a job that asks for more than there is with what there is.
        if gpus is not None and (wanted := found.experiment.gpus(model)) > gpus:
            raise EagerError(
                f"{found.config.models}: {model}, tensor_parallel_size: {wanted} GPUs are wanted "
                f"and `resources: gpu` allows {gpus}; raise it (--resources gpu={wanted})"
            )
    checked, path = found.config, found.resolved.folder / "experiment.json"
    prepare_environment(checked.engine, checked.sandbox, checked.container_runtime, path)
    return found


class Plan:
    """An experiment as the rules see it.

    Args:
        experiment: the checked configuration.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.config: ExperimentConfig = experiment.config
        self.name = self.config.experiment
        self.resolved: ResolvedExperiment = resolve(experiment)
        self.published = self.resolved.published
        self.imported = [str(path) for path in self.resolved.imported]
        targets = self.resolved.all_targets
        self._by_folder = {target.folder: target for target in reversed(targets)}
        self.methods = {target.method for target in targets}

    def target(self, wildcards: Wildcards) -> PlannedTarget:
        """The target that a job belongs to."""
        place = f"results/{self.name}/{wildcards.model}/{wildcards.dataset}/{wildcards.cell}"
        return self._by_folder[f"{place}/{wildcards.method}"]

    def write(self) -> None:
        """Write experiment.json, if it is not there as it should be."""
        path = self.resolved.folder / "experiment.json"
        content = self.resolved.model_dump(mode="json", exclude_unset=True)
        try:
            is_current = read_json(path) == content
        except (OSError, ValueError):
            is_current = False
        if not is_current:
            write_json(path, content)

    def step(
        self,
        command: str,
        words: str = "--result {params.folder:q}",
        image: ImageName = "stages",
        options: str = "",
        read: str = "{input:q}",
    ) -> str:
        """The shell command of a step, run bare or in a container as the profile says.

        Args:
            command: subcommand of `eager`.
            words: its arguments, as Snakemake fills them in.
            image: what it runs in.
            options: more options of the launcher.
            read: what a container may read besides experiment.json.
        """
        experiment = f'"${EXPERIMENT_VARIABLE}"'
        return (
            f"eager launch --image {image} {options}"
            f" --read {experiment} {read} --write {{output:q}} {{log:q}} -- "
            f"eager {command} --experiment {experiment} {words} --log {{log:q}}"
        )

    def settings(self, wildcards: Wildcards) -> str:
        """Exactly the values that decide the sequences of a result, as JSON."""
        return self.target(wildcards).settings.model_dump_json(exclude_unset=True)

    def program(self, wildcards: Wildcards) -> str:
        """What decides the verdicts of programs besides their tasks, as JSON."""
        return json.dumps(self.target(wildcards).program)

    def is_code(self, wildcards: Wildcards) -> bool:
        """Whether a data set's tasks are programs."""
        return self.experiment.datasets[wildcards.dataset].kind == "code"

    def model(self, keys: frozenset[str]) -> Callable[[Wildcards], str]:
        """Parameter function: some keys of the model's entry, as JSON."""
        models = self.experiment.models
        return lambda wildcards: json.dumps(entry_part(models[wildcards.model], keys))

    def dataset(self, keys: frozenset[str]) -> Callable[[Wildcards], str]:
        """Parameter function: some keys of the data set's entry, as JSON."""
        datasets = self.experiment.datasets
        return lambda wildcards: json.dumps(entry_part(datasets[wildcards.dataset], keys))

    def weights(self, wildcards: Wildcards) -> list[str]:
        """Where the files of a job's model lie, or of all models, and what says so."""
        name = wildcards.get("model")
        names = self.resolved.models if name is None else [name]
        local = {name: _local(self.experiment.models[name].path) for name in names}
        folders = [path or f"results/models/{name}/files" for name, path in local.items()]
        return [*folders, *(f"results/models/{name}/place.json" for name in names)]

    def local_model(self, wildcards: Wildcards) -> list[str]:
        """The folder of a local model."""
        return [path] if (path := _local(self.experiment.models[wildcards.model].path)) else []

    def local_data(self, wildcards: Wildcards) -> list[str]:
        """The file of a local data set."""
        path = _local(self.experiment.datasets[wildcards.dataset].path)
        return [path] if path else []

    def apptainer(self, image: ImageName) -> str | None:
        """What `container:` is given; other runtimes than Apptainer are handled by the launcher."""
        if self.config.container_runtime != "apptainer":
            return None
        return apptainer_reference(image)

    def evaluation_code(self, wildcards: Wildcards) -> str:
        """Fingerprint of the code that evaluates a data set's kind of tasks."""
        return code_identity("programs" if self.is_code(wildcards) else "answers")

    def gpus(self, wildcards: Wildcards) -> int:
        """GPUs that a model is spread over."""
        return self.experiment.gpus(wildcards.model)

    def runs(self, wildcards: Wildcards) -> list[str]:
        """run.json of each generation whose sequences a result holds."""
        return self.target(wildcards).runs

    def shards(self, wildcards: Wildcards) -> list[str]:
        """What each shard of a result writes when it is done.

        How many shards made a result is no part of what it is, but Snakemake compares lists of
        inputs: a finished result keeps its list.
        """
        target = self.target(wildcards)
        run = current_run(target)
        configured = self.experiment.shards(wildcards.model, wildcards.dataset)
        count = configured if run is None else len(run["shards"])
        return [f"{target.folder}/shard-{k}-of-{count}.json" for k in range(1, count + 1)]

    def files(
        self, names: Iterable[str], model: str | None = None, dataset: str | None = None
    ) -> list[str]:
        """Files of every result, or of those of one model and data set."""
        targets = of_group(self.resolved.targets, model, dataset)
        return list(dict.fromkeys(f"{one.folder}/{name}" for one in targets for name in names))

    def metrics(self, model: str | None = None, dataset: str | None = None) -> list[str]:
        """metrics.json of every result, or of those of one model and data set."""
        return list(
            dict.fromkeys(
                target.metrics for target in of_group(self.resolved.targets, model, dataset)
            )
        )

    def shown(self, wildcards: Wildcards) -> str:
        """The results that tables and figures show and their order, as JSON."""
        targets = of_group(self.resolved.targets, wildcards.get("model"), wildcards.get("dataset"))
        return json.dumps([[target.cell, target.method] for target in targets])

    @property
    def rivals(self) -> str:
        """Parameters of the rivals, as JSON."""
        return self.resolved.rivals.model_dump_json()

    def configuration_files(self, configfiles: Iterable[str]) -> list[str]:
        """Files of the configuration and locks that lie in this folder, for the archive.

        A file outside of it is left out: its values are in the archive's plan.
        """
        config = self.config
        named = [
            *map(Path, configfiles),
            *map(Path, (config.cells, config.models, config.datasets)),
        ]
        locks = [path for kind in ("in", "lock") for path in Path("envs").glob(f"*.{kind}")]
        relative = {os.path.relpath(path) for path in (*named, *locks) if path.exists()}
        return sorted(path for path in relative if not path.startswith(".."))

    def shared_files(self) -> list[str]:
        """Tasks, prompts and manifests of the models."""
        return sorted(
            {
                path
                for target in self.resolved.targets
                for path in (target.prompts, target.tasks, target.model_manifest)
            }
        )


def made_by(code: str, software: str) -> dict[str, Any]:
    """What a result depends on besides inputs and settings: the code and the locked software.

    Args:
        code: where the code begins, such as "generation.gather:gather"; for a generation "tokens",
            whose code is known by what it generates.
        software: identity of the packages it uses.
    """
    if code != "tokens":
        return {"code": code_fingerprint(code), "software": software}
    return {
        "code": lambda wildcards: code_identity("tokens", wildcards.get("method")),
        "software": software,
    }


def growing(amount: int) -> Callable[[Wildcards, int], int]:
    """Resource function: `amount` at the first attempt, as much again at each retry."""
    return lambda wildcards, attempt: amount * attempt  # noqa: ARG005 - Snakemake goes by names


def is_budgeted(wildcards: Wildcards) -> bool:
    """Whether a method goes on from EAGer-init's result."""
    return wildcards.method in BUDGET_METHODS


def needs_labels(wildcards: Wildcards) -> bool:
    """Whether a method shares its budget by the verdicts of EAGer-init."""
    return bool(wildcards.method == "eager")


def shard_output(methods: str) -> str:
    """What a job writes when its shard is done, for methods of a regular expression."""
    return f"<cell>/{{method,{methods}}}/shard-{{shard}}.json"


def any_of(names: Iterable[str]) -> str:
    """A regular expression that matches exactly these names, or nothing if there are none."""
    return "|".join(re.escape(name) for name in sorted(set(names))) or "$^"


def _local(path: str | None) -> str | None:
    return None if path is None else str(find_file(Path(path)))
