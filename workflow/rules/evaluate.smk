"""Verdicts and metrics of one result; no GPU.

Inputs:  results/{experiment}/{model}/{dataset}/{cell}/{method}/sequences.parquet and run.json,
         results/datasets/{dataset}/tasks.jsonl
Outputs: verdicts.parquet, metrics.json beside the sequences
         results/sandbox/  stored verdicts of programs, so that none is run twice
Steps:   evaluate, measure.
"""


rule evaluate:
    input:
        sequences="results/{experiment}/{model}/{dataset}/{cell}/{method}/sequences.parquet",
        tasks="results/datasets/{dataset}/tasks.jsonl",
    output:
        verdicts="results/{experiment}/{model}/{dataset}/{cell}/{method}/verdicts.parquet",
    log:
        "logs/evaluate/{experiment}/{model}/{dataset}/{cell}/{method}.log",
    benchmark:
        "benchmarks/evaluate/{experiment}/{model}/{dataset}/{cell}/{method}.tsv"
    conda:
        conda_environment("stages")
    # Programs of a model run in the sandbox's own container, which this step starts.
    container:
        lambda wildcards: None if is_code(wildcards) else apptainer_image("stages")
    threads: evaluation_cores
    resources:
        mem_mb=growing(4000),
    params:
        options=code_options,
        code=evaluation_code,
        software=stage_identity("stages", "evaluate"),
        sandbox=sandbox_software,
        outside=lambda wildcards: "--outside" if is_code(wildcards) else "",
    message:
        "evaluate: {wildcards}"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            {params.outside} \
            -- \
            eager evaluate \
            --sequences {input.sequences:q} \
            --tasks {input.tasks:q} \
            --code {params.options:q} \
            --output {output.verdicts:q} \
            --log {log:q}
        """


rule measure:
    input:
        sequences="results/{experiment}/{model}/{dataset}/{cell}/{method}/sequences.parquet",
        verdicts="results/{experiment}/{model}/{dataset}/{cell}/{method}/verdicts.parquet",
        runs=runs_of,
    output:
        metrics="results/{experiment}/{model}/{dataset}/{cell}/{method}/metrics.json",
    log:
        "logs/measure/{experiment}/{model}/{dataset}/{cell}/{method}.log",
    benchmark:
        "benchmarks/measure/{experiment}/{model}/{dataset}/{cell}/{method}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(4000),
    params:
        runs=lambda wildcards, input: [f"--run {path}" for path in input.runs],
        code=code_fingerprint("evaluation.measure"),
        software=stage_identity("stages", "evaluate"),
    message:
        "measure: {wildcards}"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager measure \
            --method {wildcards.method} \
            --sequences {input.sequences:q} \
            --verdicts {input.verdicts:q} \
            {params.runs} \
            --output {output.metrics:q} \
            --log {log:q}
        """
