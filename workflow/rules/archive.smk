"""One experiment as one file that can be checked and recomputed; by name: `snakemake archive`.

Inputs:  everything of the experiment but model weights, the configuration, the lock files
Outputs: results/{experiment}/archive.zip
Steps:   archive.
"""

ARCHIVE_PLAN = archive_plan()


rule archive:
    input:
        results=ARCHIVE_PLAN.files,
        others=files_beside_plan,
    output:
        archive=f"results/{NAME}/archive.zip",
    log:
        f"logs/archive/{NAME}.log",
    benchmark:
        f"benchmarks/archive/{NAME}.tsv"
    resources:
        mem_mb=2000,
    params:
        plan=ARCHIVE_PLAN.model_dump_json(exclude_defaults=True),
        others=lambda wildcards, input: [f"--file {path}" for path in input.others],
        code=code_fingerprint("exchange.archive.crate"),
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
