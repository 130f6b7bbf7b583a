"""Results for other programs and other people; run by name: `snakemake export`, `archive`.

Inputs:  everything of the experiment; for the archive the configuration and lock files too
Outputs: results/{experiment}/export/{model}/{dataset}/{run}/*.json   the authors' format
         results/{experiment}/archive.zip                             an RO-Crate, checkable
Steps:   export, archive.
"""


rule export:
    input:
        results=PLAN.files([*DRAWN, "run.json"]),
        metrics=PLAN.metrics(),
        shared=PLAN.shared_files(),
    output:
        directory(f"results/{NAME}/export"),
    log:
        f"logs/{NAME}/export.log",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by("exchange.export", stage_identity("stages", "report")),
        shown=PLAN.shown,
        weights=weights,
    shell:
        many(
            "export",
            "--output {output:q}",
            "--write-folder {output:q} --read {params.weights:q}",
        )


CONFIGURATION = PLAN.configuration_files(workflow.configfiles)


rule archive:
    input:
        page=rules.report_page.output,
        results=PLAN.files([*DRAWN, "run.json"]),
        metrics=PLAN.metrics(),
        imported=IMPORTED,
        configuration=[ancient(path) for path in CONFIGURATION],
    output:
        f"results/{NAME}/archive.zip",
    log:
        f"logs/{NAME}/archive.log",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by("exchange.archive.crate", ""),
        content=content(*CONFIGURATION, *PLAN.imported),
        shown=PLAN.shown,
    shell:
        f"eager archive --experiment results/{NAME}/experiment.json"
        " --output {output:q} --log {log:q}"
        " {input.configuration:q}"
