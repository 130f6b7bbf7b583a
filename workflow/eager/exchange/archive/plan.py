"""Which files an archive holds: those that its tables follow from, and what people look at."""

from __future__ import annotations

from pathlib import Path

from eager.algorithm.methods import PACKAGE, own_methods
from eager.config.experiment import PlannedTarget, ResolvedExperiment
from eager.report.figures.names import figure_names
from eager.report.tables.names import table_names

EXPERIMENT_NAME = "experiment.json"
"""In the folder of the experiment: it says what the other files are."""
METHODS_FOLDER = "workflow/eager/algorithm/methods"
"""Where an archive has the source of methods of one's own."""


def evaluated_targets(experiment: ResolvedExperiment) -> list[PlannedTarget]:
    """A target for each verdicts.parquet: full EAGer needs that of an EAGer-init not shown."""
    needs_labels = any(target.method == "eager" for target in experiment.targets)
    targets = experiment.all_targets if needs_labels else experiment.targets
    return list({target.folder: target for target in targets}.values())


def derived_files(experiment: ResolvedExperiment) -> list[str]:
    """What follows from sequences and tasks: it is made again to verify an archive."""
    files = [f"{target.folder}/verdicts.parquet" for target in evaluated_targets(experiment)]
    files += [path for target in experiment.targets if (path := target.allocation)]
    files += [target.metrics for target in experiment.targets]
    files += [f"{experiment.folder}/tables/{name}" for name in table_names()]
    return list(dict.fromkeys(files))


def needed_files(experiment: ResolvedExperiment) -> set[str]:
    """What must be there for these to be made again, and they."""
    files = {f"{experiment.folder}/{EXPERIMENT_NAME}", *derived_files(experiment)}
    if published := experiment.configuration["published"]:
        files.add(str(experiment.root / published))
    # Tables, figures and pages read more of an imported result than its metrics.
    for path in experiment.imported:
        files.update(str(file) for file in path.parent.iterdir() if file.is_file())
    for target in experiment.all_targets:
        files |= {target.tasks, target.prompts}
        files |= {f"{target.folder}/{name}.parquet" for name in ("sequences", "branches")}
        files.add(f"{target.folder}/run.json")
    return files


def method_sources(experiment: ResolvedExperiment) -> dict[str, Path]:
    """Source of each method of one's own, by its name in an archive."""
    own = {target.method for target in experiment.all_targets} & {*own_methods()}
    return {f"{METHODS_FOLDER}/{name}.py": PACKAGE / f"{name}.py" for name in own}


def shown_files(experiment: ResolvedExperiment) -> set[str]:
    """What an archive holds besides, but for configuration and locks."""
    figures = [name for kind in ("svg", "png") for name in figure_names(experiment, kind)]
    files = {f"{experiment.folder}/{name}" for name in ("report.html", *figures)}
    for target in experiment.targets:
        files |= {target.model_manifest, f"results/datasets/{target.cell['dataset']}/manifest.json"}
    return files
