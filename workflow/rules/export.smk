"""Results as JSON files of the authors' implementation; run by name: `snakemake export`.

Inputs:  sequences, branches, verdicts, metrics.json and run.json of every cell and method
Outputs: results/{experiment}/export/{model}/{dataset}/{run}/*.json
Steps:   export.
"""

EXPORT_ROWS = export_rows()


rule export:
    input:
        metrics=[f"{row['result']}/metrics.json" for row in EXPORT_ROWS],
        verdicts=[f"{row['result']}/verdicts.parquet" for row in EXPORT_ROWS],
        sequences=[f"{row['result']}/sequences.parquet" for row in EXPORT_ROWS],
        branches=[
            f"{folder}/branches.parquet"
            for row in EXPORT_ROWS
            for folder in (row["result"], row["initial"])
            if folder
        ],
        runs=[
            f"{folder}/run.json"
            for row in EXPORT_ROWS
            for folder in (row["result"], row["initial"])
            if folder
        ],
        prompts=sorted({row["prompts"] for row in EXPORT_ROWS}),
        tasks=sorted({row["tasks"] for row in EXPORT_ROWS}),
    output:
        folder=directory(f"results/{NAME}/export"),
    log:
        f"logs/export/{NAME}.log",
    benchmark:
        f"benchmarks/export/{NAME}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(4000),
    params:
        rows=json.dumps(EXPORT_ROWS),
        code=code_fingerprint("exchange.export"),
        software=stage_identity("stages", "report"),
    message:
        "export in the authors' format"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {log:q} \
            --write-folder {output.folder:q} \
            --memory {resources.mem_mb} \
            -- \
            eager export \
            --rows {params.rows:q} \
            --output {output.folder:q} \
            --log {log:q}
        """
