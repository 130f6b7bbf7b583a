"""What the rules share: the checked configuration and its targets.

A step is given `results/{experiment}/experiment.json` and the folder of its result, and finds the
rest there; the command line carries no documents. What decides a result stands in `params` as well,
so that Snakemake compares it with what made the result that is there.
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import ancient

try:
    from eager.config.experiment import (
        DATASET_ENCODING,
        DATASET_SOURCE,
        MODEL_ENCODING,
        MODEL_SOURCE,
    )
    from eager.config.settings import METHODS
    from eager.config.workflow import (
        any_of,
        growing,
        is_budgeted,
        made_by,
        needs_labels,
        plan,
        shard_output,
    )
    from eager.containers.recipes import identity, stage_identity
    from eager.data.models import local_content
    from eager.data.tasks import check_local
    from eager.report.figures.names import TITLES, figure_names
    from eager.report.tables.published import read_published
    from eager.util.errors import EagerError
    from eager.util.files import sha256_file
except ImportError as error:
    raise WorkflowError(
        f"the package `eager` is not installed for {sys.executable} ({error}); run `make setup` "
        "and use .venv/bin/snakemake"
    )

try:
    PLAN = plan(
        config,
        " + ".join(map(str, workflow.overwrite_configfiles)) or "config/config.yaml",
        gpus=workflow.global_resources.get("gpu").value,
        files=map(Path, workflow.configfiles),
    )
    if PLAN.published:
        read_published(PLAN.published)
    if workflow.is_main_process:  # each job reads this file again
        used = {name: PLAN.experiment.datasets[name] for name in PLAN.resolved.datasets}
        check_local(used, Path("results/datasets"))
except EagerError as error:
    raise WorkflowError(f"the configuration has mistakes:\n{error}")

NAME = PLAN.name
GENERATE_IMAGE = PLAN.config.generate_image
GENERATE_ENV = (
    None if GENERATE_IMAGE == "generate" else f"../../envs/{GENERATE_IMAGE}.yaml"
)
CLUSTER_CORES = 8
step = PLAN.step


onstart:
    PLAN.write()


onsuccess:
    if (page := Path(f"results/{NAME}/report.html")).exists():
        print(
            f"report, open it in a browser: {page.absolute().as_uri()}",
            file=sys.stderr,
        )


# Handlers of a module are not called, so there it is written when the workflow is read to be run.
if (
    not workflow.modifier.is_main_snakefile()
    and workflow.is_main_process
    and not workflow.output_settings.dryrun
):
    PLAN.write()


pathvars:
    model="results/models/{model}/manifest.json",
    tasks="results/datasets/{dataset}/tasks.jsonl",
    prompts=f"results/{NAME}/{{model}}/{{dataset}}/prompts.parquet",
    cell=f"results/{NAME}/{{model}}/{{dataset}}/{{cell}}",
    result=f"results/{NAME}/{{model}}/{{dataset}}/{{cell}}/{{method}}",
    log=f"logs/{NAME}/{{model}}/{{dataset}}/{{cell}}/{{method}}",
    tables=f"results/{NAME}/tables",


container: PLAN.apptainer("stages")


wildcard_constraints:
    model=any_of(PLAN.experiment.models),
    dataset=any_of(PLAN.experiment.datasets),
    # Not all their names: the expression stands in every path and is read for every job.
    cell=r"[^/]+",
    method=any_of(PLAN.methods),
    shard=r"\d+-of-\d+",


# Seconds of work on small files: not worth a job of a cluster.
localrules:
    fetch_model,
    fetch_dataset,
    allocate,
    gather,
    tables,


def many(command, words, options=""):
    """The shell command of a step over all results: it is shown folders, not every file."""
    others = " ".join([str(PLAN.published or ""), *PLAN.config.imported])
    read = f"results/{NAME} results/datasets results/models {others}"
    return step(command, words, options=options, read=read)


def content(*files):
    """Params function of files of the user: their hashes. Their times say nothing: a copy may be
    older than the result, and a touch newer; as inputs they are `ancient`."""
    paths = [path for path in map(Path, files) if path.is_file()]
    return lambda wildcards: [sha256_file(path) for path in paths]


def model_content(wildcards):
    """What is compared of a local model; a look with --dry-run notes nothing."""
    entry = PLAN.experiment.models[wildcards.model]
    manifest = Path(f"results/models/{wildcards.model}/manifest.json")
    try:
        return local_content(entry, manifest, note=not workflow.output_settings.dryrun)
    except EagerError as error:
        raise WorkflowError(error)


def weights(wildcards, output):
    """Where models lie. It decides nothing: with `output`, Snakemake does not compare it."""
    return PLAN.weights(wildcards)


PUBLISHED = [ancient(str(PLAN.published))] if PLAN.published else []
IMPORTED = [ancient(path) for path in PLAN.imported]
# A step reads more of an imported result than its metrics.
SHOWN_FILES = [
    *PUBLISHED,
    *(file for path in PLAN.imported for file in sorted(Path(path).parent.iterdir())),
]


def shards_of(wildcards):
    """What the jobs of a result write when they are done; `ancient`: their age says nothing."""
    return [ancient(path) for path in PLAN.shards(wildcards)]


def engine_cores(wildcards):
    """On a CPU engines run side by side; on GPUs each device has a process, and one feeds them."""
    return 1 if GENERATE_IMAGE == "generate-cpu" else 2 + 2 * PLAN.gpus(wildcards)


def evaluation_memory(wildcards, threads, attempt):
    """Each program may take all that its limit allows: a job without it would fail right ones."""
    programs = threads if PLAN.is_code(wildcards) else 0
    return 4000 * attempt + programs * PLAN.config.sandbox.memory_bytes // 1_000_000


def evaluation_cores(wildcards):
    """Half of a machine, so that generation goes on meanwhile; CPU time decides on verdicts."""
    if not PLAN.is_code(wildcards):
        return 1
    cores = workflow.resource_settings.cores
    return max(1, cores // 2) if cores else CLUSTER_CORES
