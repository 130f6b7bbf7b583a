"""The summary table of an experiment.

Inputs:  metrics.json of every cell and method
Outputs: results/{experiment}/tables/summary.csv and summary.md
Steps:   summarize.
"""


rule summarize:
    input:
        metrics=[row["metrics"] for row in summary_rows()],
    output:
        csv=f"results/{NAME}/tables/summary.csv",
        markdown=f"results/{NAME}/tables/summary.md",
    log:
        f"logs/summarize/{NAME}.log",
    benchmark:
        f"benchmarks/summarize/{NAME}.tsv"
    resources:
        mem_mb=2000,
    params:
        rows=json.dumps(summary_rows()),
        code=code_fingerprint("summary"),
    message:
        "summarize experiment"
    shell:
        r"""
        eager summarize \
            --rows {params.rows:q} \
            --csv {output.csv:q} \
            --markdown {output.markdown:q} \
            --log {log:q}
        """
