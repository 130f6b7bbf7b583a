"""Verdicts and metrics of one result; no GPU.

Inputs:  results/{experiment}/{model}/{dataset}/{cell}/{method}/sequences.parquet and run.json,
         results/datasets/{dataset}/tasks.jsonl, results/{experiment}/{model}/{dataset}/prompts.parquet
Outputs: verdicts.parquet, metrics.json beside the sequences; of `parallel` a metrics.json per M
         results/sandbox/  stored verdicts of programs, so that none is run twice
Steps:   evaluate, measure.
"""


rule evaluate:
    input:
        sequences="<result>/sequences.parquet",
        tasks="<tasks>",
        prompts="<prompts>",
    output:
        "<result>/verdicts.parquet",
    log:
        "<log>/evaluate.log",
    benchmark:
        "benchmarks/{model}/{dataset}/{cell}/{method}/evaluate.tsv"
    priority: 1  # as in generation
    conda:
        "../../envs/stages.yaml"
    # Programs of a model run in the sandbox's own container, which this step starts.
    container:
        lambda wildcards: None if PLAN.is_code(wildcards) else PLAN.apptainer("stages")
    threads: evaluation_cores
    resources:
        mem_mb=evaluation_memory,
    params:
        code=PLAN.evaluation_code,
        software=stage_identity("stages", "evaluate"),
        program=PLAN.program,
        sandbox=lambda wildcards: (
            identity("evaluate") if PLAN.is_code(wildcards) else ""
        ),
        outside=lambda wildcards: "--outside" if PLAN.is_code(wildcards) else "",
        folder=subpath(output[0], parent=True),
    shell:
        step(
            "evaluate",
            "--result {params.folder:q} --workers {threads}",
            options="{params.outside}",
        )


rule measure:
    input:
        sequences="<result>/sequences.parquet",
        verdicts="<result>/verdicts.parquet",
        tasks="<tasks>",
        prompts="<prompts>",
        runs=PLAN.runs,
    output:
        "<result>/metrics{view}.json",
    log:
        "<log>/measure{view}.log",
    wildcard_constraints:
        view=r"(\+max_sequences=\d+)?",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by(
            "evaluation.measure:measure_target", stage_identity("stages", "evaluate")
        ),
    shell:
        step("measure", "--metrics {output:q}")
