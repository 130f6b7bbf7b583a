"""Generation, the only rules that need a GPU (or vLLM's CPU build), and the allocation between.

Inputs:  results/models/{model}/manifest.json
         results/{experiment}/{model}/{dataset}/prompts.parquet
Outputs: results/{experiment}/{model}/{dataset}/{cell}/{method}/
           sequences.parquet  branches.parquet  run.json  (allocation.json: eager_adapt, eager)
Steps:   parallel, eager_init -> allocate -> eager_adapt, eager.
Finished prompts are kept in a hidden journal beside the outputs until a job is done: a job that
was interrupted goes on where it stopped.
"""


rule parallel:
    input:
        model="results/models/{model}/manifest.json",
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
    output:
        sequences="results/{experiment}/{model}/{dataset}/{sampling}/parallel/sequences.parquet",
        branches="results/{experiment}/{model}/{dataset}/{sampling}/parallel/branches.parquet",
        run="results/{experiment}/{model}/{dataset}/{sampling}/parallel/run.json",
    log:
        "logs/parallel/{experiment}/{model}/{dataset}/{sampling}.log",
    benchmark:
        "benchmarks/parallel/{experiment}/{model}/{dataset}/{sampling}.tsv"
    resources:
        gpu=1,
        mem_mb=12000,
    params:
        settings=settings("parallel"),
        code=code_fingerprint("generate"),
        folder=subpath(output.run, parent=True),
    message:
        "{rule}: {wildcards}"
    shell:
        r"""
        eager generate \
            --settings {params.settings:q} \
            --model-manifest {input.model:q} \
            --prompts {input.prompts:q} \
            --output {params.folder:q} \
            --log {log:q}
        """


use rule parallel as eager_init with:
    output:
        sequences="results/{experiment}/{model}/{dataset}/{cell}/eager_init/sequences.parquet",
        branches="results/{experiment}/{model}/{dataset}/{cell}/eager_init/branches.parquet",
        run="results/{experiment}/{model}/{dataset}/{cell}/eager_init/run.json",
    log:
        "logs/eager_init/{experiment}/{model}/{dataset}/{cell}.log",
    benchmark:
        "benchmarks/eager_init/{experiment}/{model}/{dataset}/{cell}.tsv"
    params:
        settings=settings("eager_init"),
        code=code_fingerprint("generate"),
        folder=subpath(output.run, parent=True),


rule allocate:
    input:
        sequences="results/{experiment}/{model}/{dataset}/{cell}/eager_init/sequences.parquet",
        verdicts=branch(
            lambda wildcards: wildcards.budget_method == "eager",
            then="results/{experiment}/{model}/{dataset}/{cell}/eager_init/verdicts.parquet",
            otherwise=[],
        ),
    output:
        allocation="results/{experiment}/{model}/{dataset}/{cell}/{budget_method}/allocation.json",
    log:
        "logs/allocate/{experiment}/{model}/{dataset}/{cell}/{budget_method}.log",
    benchmark:
        "benchmarks/allocate/{experiment}/{model}/{dataset}/{cell}/{budget_method}.tsv"
    resources:
        mem_mb=2000,
    params:
        max_sequences=lambda wildcards: cell_of(wildcards).max_sequences,
        entropy_threshold=lambda wildcards: cell_of(wildcards).entropy_threshold,
        verdicts=lambda wildcards, input: (
            f"--verdicts {input.verdicts}" if input.verdicts else ""
        ),
        code=code_fingerprint("budget"),
    message:
        "allocate: {wildcards}"
    shell:
        r"""
        eager allocate \
            --method {wildcards.budget_method} \
            --sequences {input.sequences:q} \
            {params.verdicts} \
            --max-sequences {params.max_sequences} \
            --entropy-threshold {params.entropy_threshold} \
            --output {output.allocation:q} \
            --log {log:q}
        """


rule eager_adapt:
    input:
        model="results/models/{model}/manifest.json",
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
        initial="results/{experiment}/{model}/{dataset}/{cell}/eager_init/sequences.parquet",
        allocation="results/{experiment}/{model}/{dataset}/{cell}/eager_adapt/allocation.json",
    output:
        sequences="results/{experiment}/{model}/{dataset}/{cell}/eager_adapt/sequences.parquet",
        branches="results/{experiment}/{model}/{dataset}/{cell}/eager_adapt/branches.parquet",
        run="results/{experiment}/{model}/{dataset}/{cell}/eager_adapt/run.json",
    log:
        "logs/eager_adapt/{experiment}/{model}/{dataset}/{cell}.log",
    benchmark:
        "benchmarks/eager_adapt/{experiment}/{model}/{dataset}/{cell}.tsv"
    resources:
        gpu=1,
        mem_mb=12000,
    params:
        settings=settings("eager_adapt"),
        code=code_fingerprint("generate"),
        folder=subpath(output.run, parent=True),
        initial=subpath(input.initial, parent=True),
    message:
        "{rule}: {wildcards}"
    shell:
        r"""
        eager generate \
            --settings {params.settings:q} \
            --model-manifest {input.model:q} \
            --prompts {input.prompts:q} \
            --allocation {input.allocation:q} \
            --initial {params.initial:q} \
            --output {params.folder:q} \
            --log {log:q}
        """


use rule eager_adapt as eager with:
    input:
        model="results/models/{model}/manifest.json",
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
        initial="results/{experiment}/{model}/{dataset}/{cell}/eager_init/sequences.parquet",
        allocation="results/{experiment}/{model}/{dataset}/{cell}/eager/allocation.json",
    output:
        sequences="results/{experiment}/{model}/{dataset}/{cell}/eager/sequences.parquet",
        branches="results/{experiment}/{model}/{dataset}/{cell}/eager/branches.parquet",
        run="results/{experiment}/{model}/{dataset}/{cell}/eager/run.json",
    log:
        "logs/eager/{experiment}/{model}/{dataset}/{cell}.log",
    benchmark:
        "benchmarks/eager/{experiment}/{model}/{dataset}/{cell}.tsv"
    params:
        settings=settings("eager"),
        code=code_fingerprint("generate"),
        folder=subpath(output.run, parent=True),
        initial=subpath(input.initial, parent=True),
