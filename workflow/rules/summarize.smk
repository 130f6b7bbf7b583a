"""The tables of an experiment, each as CSV, Markdown and LaTeX.

Inputs:  metrics.json of every cell and method, the file of published figures
Outputs: results/{experiment}/tables/summary.*       one row a cell and method
         results/{experiment}/tables/comparison.*    each method against parallel
         results/{experiment}/tables/published.*     published figures beside ours
Steps:   summarize, compare, compare_published.
"""


rule summarize:
    input:
        metrics=[row["metrics"] for row in summary_rows()],
    output:
        csv=f"results/{NAME}/tables/summary.csv",
        markdown=f"results/{NAME}/tables/summary.md",
        latex=f"results/{NAME}/tables/summary.tex",
    log:
        f"logs/summarize/{NAME}.log",
    benchmark:
        f"benchmarks/summarize/{NAME}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(2000),
    params:
        rows=json.dumps(summary_rows()),
        code=code_fingerprint("report.tables.summary"),
        software=stage_identity("stages", "report"),
    message:
        "summarize experiment"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager summarize \
            --rows {params.rows:q} \
            --csv {output.csv:q} \
            --markdown {output.markdown:q} \
            --latex {output.latex:q} \
            --log {log:q}
        """


rule compare:
    input:
        metrics=[row["metrics"] for row in summary_rows()],
    output:
        csv=f"results/{NAME}/tables/comparison.csv",
        markdown=f"results/{NAME}/tables/comparison.md",
        latex=f"results/{NAME}/tables/comparison.tex",
    log:
        f"logs/compare/{NAME}.log",
    benchmark:
        f"benchmarks/compare/{NAME}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(2000),
    params:
        rows=json.dumps(summary_rows()),
        code=code_fingerprint("report.tables.summary"),
        software=stage_identity("stages", "report"),
    message:
        "compare methods with parallel"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager compare \
            --rows {params.rows:q} \
            --csv {output.csv:q} \
            --markdown {output.markdown:q} \
            --latex {output.latex:q} \
            --log {log:q}
        """


rule compare_published:
    input:
        metrics=[row["metrics"] for row in summary_rows()],
        published=EXPERIMENT.config.published or [],
    output:
        csv=f"results/{NAME}/tables/published.csv",
        markdown=f"results/{NAME}/tables/published.md",
        latex=f"results/{NAME}/tables/published.tex",
    log:
        f"logs/compare_published/{NAME}.log",
    benchmark:
        f"benchmarks/compare_published/{NAME}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(2000),
    params:
        rows=json.dumps(summary_rows()),
        published=lambda wildcards, input: (
            f"--published {input.published}" if input.published else ""
        ),
        code=code_fingerprint("report.tables.summary"),
        software=stage_identity("stages", "report"),
    message:
        "put published figures beside ours"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager compare-published \
            --rows {params.rows:q} \
            {params.published} \
            --csv {output.csv:q} \
            --markdown {output.markdown:q} \
            --latex {output.latex:q} \
            --log {log:q}
        """
