"""Helpers of the rules: the checked configuration, cells as paths, and parameters of rules.

A cell of the TSV becomes a folder (eager.config.paths); `parallel` does not know the threshold, and
its folder leaves it out, so that cells that differ only there share its result.
"""

import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.exceptions import WorkflowError
from snakemake.io import IOFile, ancient

try:
    from eager.exchange.archive.plan import ArchivePlan
    from eager.config.load import load_experiment
    from eager.config.schema import DatasetEntry
    from eager.containers.recipes import apptainer_reference, identity, stage_identity
    from eager.util.errors import EagerError
    from eager.util.fingerprint import code_fingerprint, method_fingerprint
    from eager.config.environment import prepare_environment
    from eager.config.paths import cell_folder, result_folder, sampling_folder
    from eager.report.tables.published import read_published
    from eager.sandbox.evaluate import evaluation_version
    from eager.sandbox.settings import VERDICT_LIMITS
except ImportError as error:
    raise WorkflowError(
        f"the package `eager` is not installed for {sys.executable} ({error}); run `make setup` "
        "and use .venv/bin/snakemake"
    )

try:
    EXPERIMENT = load_experiment(
        config,
        " + ".join(map(str, workflow.overwrite_configfiles)) or "config/demo.yaml",
    )
    if EXPERIMENT.config.published:
        read_published(Path(EXPERIMENT.config.published))
except EagerError as error:
    raise WorkflowError(f"the configuration has mistakes:\n{error}")

RUNTIME = EXPERIMENT.config.container_runtime
GENERATE_IMAGE = EXPERIMENT.config.generate_image
prepare_environment(EXPERIMENT.config.engine, EXPERIMENT.config.sandbox, RUNTIME)

NAME = EXPERIMENT.config.experiment
METHODS = EXPERIMENT.config.methods
CELLS = {}  # (model, dataset, folder of the cell or of its sampling part) -> Cell
SAMPLING_FOLDERS = [sampling_folder(cell) for cell in EXPERIMENT.cells]
CELL_FOLDERS = [cell_folder(cell) for cell in EXPERIMENT.cells]
for _cell, _sampling, _folder in zip(EXPERIMENT.cells, SAMPLING_FOLDERS, CELL_FOLDERS):
    CELLS[_cell.model, _cell.dataset, _sampling] = _cell
    CELLS[_cell.model, _cell.dataset, _folder] = _cell


def any_of(names):
    """A regular expression that matches exactly these names."""
    return "|".join(re.escape(name) for name in sorted(set(names)))


# Seconds of work on files of kilobytes: not worth a job of a cluster.
localrules:
    allocate,
    summarize,
    compare,
    compare_published,


wildcard_constraints:
    experiment=re.escape(NAME),
    model=any_of(EXPERIMENT.models),
    dataset=any_of(EXPERIMENT.datasets),
    sampling=any_of(SAMPLING_FOLDERS),
    cell=any_of(SAMPLING_FOLDERS + CELL_FOLDERS),
    method=any_of((*EXPERIMENT.config.methods, "eager_init")),
    budget_method="eager_adapt|eager",
    shard=r"\d+-of-\d+",


def cell_of(wildcards):
    """The cell that a job belongs to."""
    folder = wildcards.get("cell") or wildcards.get("sampling")
    return CELLS[wildcards.model, wildcards.dataset, folder]


def settings(method):
    """Parameter function: exactly the values that make the result of a method, as JSON."""
    return lambda wildcards: EXPERIMENT.decoding(
        cell_of(wildcards), method
    ).model_dump_json(exclude_unset=True)


def method_settings(wildcards):
    """Parameter function: the same for the method among the wildcards."""
    return settings(wildcards.method)(wildcards)


MODEL_SOURCE = {"repo", "revision", "path", "gguf_package"}
MODEL_ENCODING = MODEL_SOURCE | {"end_of_thinking", "context_length"}
DATASET_ENCODING = {
    "kind",
    "repo",
    "revision",
    "path",
    "url",
    "prompt_template",
    "chat_template",
    "stop",
}
DATASET_SOURCE = set(DatasetEntry.model_fields) - {
    "prompt_template",
    "chat_template",
    "stop",
    "max_tokens",
    "shards",
    "rows",
}


def model_part(keys):
    """Parameter function: some keys of the model's entry, as JSON."""
    return lambda wildcards: part_of(EXPERIMENT.models[wildcards.model], keys)


def dataset_part(keys):
    """Parameter function: some keys of the data set's entry, as JSON."""
    return lambda wildcards: part_of(EXPERIMENT.datasets[wildcards.dataset], keys)


def part_of(entry, keys):
    """Those of an entry's keys that are given and wanted, as JSON."""
    return json.dumps(
        {
            key: value
            for key, value in entry.model_dump(exclude_defaults=True).items()
            if key in keys
        }
    )


def is_code(wildcards):
    """Whether a data set's tasks are programs."""
    return EXPERIMENT.datasets[wildcards.dataset].kind == "code"


def code_options(wildcards):
    """What decides the verdicts of programs, as JSON; empty for other kinds of tasks."""
    if not is_code(wildcards):
        return "{}"
    limits = EXPERIMENT.config.sandbox.model_dump(include=VERDICT_LIMITS)
    return json.dumps(
        {
            "end_of_thinking": EXPERIMENT.models[wildcards.model].end_of_thinking,
            "continues_prompt": not EXPERIMENT.datasets[
                wildcards.dataset
            ].chat_template,
            "limits": limits,
        }
    )


def evaluation_code(wildcards):
    """Fingerprint of the code that evaluates a data set's kind of tasks."""
    if is_code(wildcards):
        return code_fingerprint("evaluation.programs") + evaluation_version()
    return code_fingerprint("evaluation.verdicts")


def budgeted(name):
    """Input function: a file or folder of the cell that only the budgeted methods read."""
    return branch(
        lambda wildcards: wildcards.method in ("eager_adapt", "eager"),
        then=f"results/{{experiment}}/{{model}}/{{dataset}}/{{cell}}/{name}",
        otherwise=[],
    )


def receipts(wildcards):
    """What each shard of a result writes when it is done.

    The number of shards is no part of a result's identity, which the rule `keep` holds whole. But
    Snakemake also compares what it recorded about temporary files long removed, and would make
    a finished result again where the list of its shards is another: so that record goes first.
    Receipts are `ancient`: those of settings that were given up are newer than the result.
    """
    folder = "results/{experiment}/{model}/{dataset}/{cell}/{method}".format(
        **wildcards
    )
    count = EXPERIMENT.shards(wildcards.model, wildcards.dataset)
    paths = [f"{folder}/shard-{k}-of-{count}.json" for k in range(1, count + 1)]
    if os.path.exists(f"{folder}/run.json"):
        wanted = is_as_wanted(f"{folder}/run.json", wildcards)
        for path in [*paths, f"{folder}/gathered"]:
            # A receipt is there if somebody began to make this result with other settings.
            if wanted or not os.path.exists(path):
                workflow.persistence.cleanup_metadata(IOFile(path))
    return [ancient(path) for path in paths]


def is_as_wanted(run, wildcards):
    """Whether a result was made with the settings and the code of now."""
    made = json.loads(Path(run).read_text())
    wanted = EXPERIMENT.decoding(cell_of(wildcards), wildcards.method)
    return made["parameters"] == wanted.model_dump(mode="json") and made[
        "code_fingerprint"
    ] == method_fingerprint("generation.shard_job", wildcards.method)


CLUSTER_CORES = 16


def evaluation_cores(wildcards):
    """Cores to evaluate a result on.

    Programs have time limits, so no other job may take their cores meanwhile: they get all of
    this machine, and on a cluster, which has no number of cores, a part of a node.
    """
    if not is_code(wildcards):
        return 1
    return workflow.resource_settings.cores or CLUSTER_CORES


def growing(amount):
    """Resource function: `amount` at the first attempt, as much again at each retry."""
    return lambda wildcards, attempt: amount * attempt


def runs_of(wildcards):
    """run.json of each generation whose sequences a result holds."""
    folder = "results/{experiment}/{model}/{dataset}/{cell}".format(**wildcards)
    methods = [wildcards.method]
    if wildcards.method in ("eager_adapt", "eager"):
        methods.insert(0, "eager_init")
    return [f"{folder}/{method}/run.json" for method in methods]


def summary_rows():
    """The rows of the summary: cell, method, metrics file."""
    return [
        {
            "cell": {"experiment": NAME, **cell.model_dump()},
            "method": method,
            "metrics": f"{result_folder(NAME, cell, method)}/metrics.json",
        }
        for cell in EXPERIMENT.cells
        for method in METHODS
    ]


def export_rows():
    """The results to export: cell, method, and where they and their inputs are."""
    rows = []
    for row, (cell, folder) in zip(
        summary_rows(),
        [
            (cell, folder)
            for cell, folder in zip(EXPERIMENT.cells, CELL_FOLDERS)
            for _ in METHODS
        ],
    ):
        place = f"results/{NAME}/{cell.model}/{cell.dataset}"
        budgeted = row["method"] in ("eager_adapt", "eager")
        rows.append(
            {
                "cell": row["cell"],
                "method": row["method"],
                "result": str(Path(row["metrics"]).parent),
                "initial": f"{place}/{folder}/eager_init" if budgeted else None,
                "prompts": f"{place}/prompts.parquet",
                "tasks": f"results/datasets/{cell.dataset}/tasks.jsonl",
            }
        )
    return rows


FIGURES = {
    "pass_at_k": "Pass@k against tokens",
    "tokens": "Tokens a method",
    "sequences": "Sequences a prompt",
    "branches": "Where branches happen",
    "entropy_accuracy": "Entropy and accuracy",
    "branch_tokens": "Tokens branched on most",
}
RESULT_FILES = [
    "sequences.parquet",
    "branches.parquet",
    "verdicts.parquet",
    "metrics.json",
]


def cells_to_show(wildcards):
    """Cells and where their results lie: all, or those of one model and data set."""
    return [
        {
            "cell": {"experiment": NAME, **cell.model_dump()},
            "methods": {
                method: result_folder(NAME, cell, method) for method in METHODS
            },
            "prompts": f"results/{NAME}/{cell.model}/{cell.dataset}/prompts.parquet",
            "tasks": f"results/datasets/{cell.dataset}/tasks.jsonl",
            "model_manifest": f"results/models/{cell.model}/manifest.json",
        }
        for cell in EXPERIMENT.cells
        if wildcards.get("model") in (None, cell.model)
        and wildcards.get("dataset") in (None, cell.dataset)
    ]


def files_to_show(names):
    """Input function: files of every result of the cells."""
    return lambda wildcards: sorted(
        {
            f"{folder}/{name}"
            for cell in cells_to_show(wildcards)
            for folder in cell["methods"].values()
            for name in names
        }
    )


def shared_files(wildcards):
    """Models, tasks and prompts of the cells."""
    return sorted(
        {
            cell[name]
            for cell in cells_to_show(wildcards)
            for name in ("prompts", "tasks", "model_manifest")
        }
    )


def figure_files(kind):
    """Paths of all figures, in the order of the page."""
    groups = dict.fromkeys((cell.model, cell.dataset) for cell in EXPERIMENT.cells)
    return [
        f"results/{NAME}/figures/{model}--{dataset}--{figure}.{kind}"
        for model, dataset in groups
        for figure in FIGURES
    ]


def archive_plan():
    """How the tables follow from the results, for who unpacks them elsewhere."""
    results = []
    for row in export_rows():
        cell = SimpleNamespace(
            model=row["cell"]["model"], dataset=row["cell"]["dataset"]
        )
        results.append(
            {
                "cell": row["cell"],
                "method": row["method"],
                "folder": row["result"],
                "initial": row["initial"],
                "tasks": row["tasks"],
                "kind": EXPERIMENT.datasets[cell.dataset].kind,
                "code": json.loads(code_options(cell)),
            }
        )
    return ArchivePlan(
        experiment=NAME,
        configuration=EXPERIMENT.config.model_dump(mode="json"),
        published=EXPERIMENT.config.published,
        tables=f"results/{NAME}/tables",
        results=results,
    )


def files_beside_plan(wildcards):
    """What an archive holds besides the files of its plan.

    A configuration file outside of this folder is left out: its values are in the plan.
    """
    entry = EXPERIMENT.config
    configuration = [*workflow.configfiles, entry.cells, entry.models, entry.datasets]
    relative = {os.path.relpath(path) for path in configuration}
    manifests = {
        f"results/datasets/{cell.dataset}/manifest.json" for cell in EXPERIMENT.cells
    }
    locks = {
        f"envs/{name}" for name in os.listdir("envs") if name.endswith((".in", ".lock"))
    }
    return sorted(
        {path for path in relative if not path.startswith("..")}
        | manifests
        | locks
        | set(shared_files(wildcards))
        | {f"results/{NAME}/report.html", *figure_files("svg"), *figure_files("png")}
    )
