"""One experiment as one file that can be checked and recomputed; by name: `snakemake archive`.

Inputs:  everything of the experiment but model weights, the configuration, the lock files
Outputs: results/{experiment}/archive.zip
Steps:   archive.
"""

from types import SimpleNamespace

from eager.archive.plan import ArchivePlan


def archive_plan():
    """How the tables follow from the results."""
    return {
        "experiment": NAME,
        "configuration": EXPERIMENT.config.model_dump(mode="json"),
        "published": EXPERIMENT.config.published,
        "tables": f"results/{NAME}/tables",
        "results": [
            {
                "cell": row["cell"],
                "method": row["method"],
                "folder": row["result"],
                "initial": row["initial"],
                "tasks": row["tasks"],
                "kind": EXPERIMENT.datasets[row["cell"]["dataset"]].kind,
                "code": archived_code(row["cell"]),
            }
            for row in EXPORT_ROWS
        ],
    }


def archived_code(cell):
    """What decides the verdicts of a cell's programs; nothing for other kinds."""
    return json.loads(
        code_options(SimpleNamespace(model=cell["model"], dataset=cell["dataset"]))
    )


def configuration_files():
    """The files of the configuration; one outside of this folder is in the plan by its values."""
    entry = EXPERIMENT.config
    paths = [*workflow.configfiles, entry.cells, entry.models, entry.datasets]
    relative = {os.path.relpath(path) for path in paths}
    return {path for path in relative if not path.startswith("..")}


def other_files(wildcards):
    """What an archive holds besides that of the plan."""
    return sorted(
        {
            *configuration_files(),
            *(
                f"envs/{name}"
                for name in os.listdir("envs")
                if name.endswith((".in", ".lock"))
            ),
            *(
                f"results/datasets/{cell.dataset}/manifest.json"
                for cell in EXPERIMENT.cells
            ),
            *shared_files(wildcards),
            *figure_files("svg"),
            *figure_files("png"),
            f"results/{NAME}/report.html",
        }
    )


ARCHIVE_PLAN = archive_plan()


rule archive:
    input:
        results=ArchivePlan.model_validate(ARCHIVE_PLAN).files,
        others=other_files,
    output:
        archive=f"results/{NAME}/archive.zip",
    log:
        f"logs/archive/{NAME}.log",
    benchmark:
        f"benchmarks/archive/{NAME}.tsv"
    resources:
        mem_mb=2000,
    params:
        plan=json.dumps(ARCHIVE_PLAN),
        others=lambda wildcards, input: [f"--file {path}" for path in input.others],
        code=code_fingerprint("archive.make"),
    message:
        "archive experiment"
    shell:
        r"""
        eager archive \
            --plan {params.plan:q} \
            {params.others} \
            --output {output.archive:q} \
            --log {log:q}
        """
