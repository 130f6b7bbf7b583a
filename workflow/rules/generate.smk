"""Generation, the only rules that need a GPU (or vLLM's CPU build), and the allocation between.

Inputs:  results/models/{model}/manifest.json
         results/{experiment}/{model}/{dataset}/prompts.parquet
Outputs: results/{experiment}/{model}/{dataset}/{cell}/{method}/
           sequences.parquet  branches.parquet  run.json  (allocation.json: eager_adapt, eager)
Steps:   parallel, eager_init -> allocate -> eager_adapt, eager, each by shards -> gather -> keep.
Finished prompts are in a hidden journal beside the outputs until these are in place: a job that was
interrupted goes on where it stopped. What a result depends on is written down in `keep`, the only
rule whose outputs stay; how many shards made it is not among it.
"""


localrules:
    gather,
    keep,


rule parallel:
    input:
        model="results/models/{model}/manifest.json",
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
    output:
        receipt=temp(
            "results/{experiment}/{model}/{dataset}/{sampling}/parallel/shard-{shard}.json"
        ),
    log:
        "logs/parallel/{experiment}/{model}/{dataset}/{sampling}/{shard}.log",
    benchmark:
        "benchmarks/parallel/{experiment}/{model}/{dataset}/{sampling}/{shard}.tsv"
    conda:
        conda_environment(GENERATE_IMAGE)
    container:
        apptainer_image(GENERATE_IMAGE)
    resources:
        gpu=gpus_of,
        mem_mb=growing(32000),
        runtime=growing(240),
    params:
        settings=settings("parallel"),
        code=code_fingerprint("generation.shard_job"),
        software=identity(GENERATE_IMAGE),
        image=GENERATE_IMAGE,
        weights=model_files,
        folder=subpath(output.receipt, parent=True),
    message:
        "{rule}: {wildcards}"
    shell:
        r"""
        eager launch \
            --image {params.image} \
            --read {input:q} {params.weights:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            --gpus {resources.gpu} \
            -- \
            eager generate \
            --settings {params.settings:q} \
            --model-manifest {input.model:q} \
            --prompts {input.prompts:q} \
            --shard {wildcards.shard} \
            --output {params.folder:q} \
            --tensor-parallel-size {resources.gpu} \
            --log {log:q}
        """


use rule parallel as eager_init with:
    output:
        receipt=temp(
            "results/{experiment}/{model}/{dataset}/{cell}/eager_init/shard-{shard}.json"
        ),
    log:
        "logs/eager_init/{experiment}/{model}/{dataset}/{cell}/{shard}.log",
    benchmark:
        "benchmarks/eager_init/{experiment}/{model}/{dataset}/{cell}/{shard}.tsv"
    params:
        settings=settings("eager_init"),
        code=code_fingerprint("generation.shard_job"),
        software=identity(GENERATE_IMAGE),
        image=GENERATE_IMAGE,
        weights=model_files,
        folder=subpath(output.receipt, parent=True),


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
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(2000),
    params:
        max_sequences=lambda wildcards: cell_of(wildcards).max_sequences,
        entropy_threshold=lambda wildcards: cell_of(wildcards).entropy_threshold,
        verdicts=lambda wildcards, input: (
            f"--verdicts {input.verdicts}" if input.verdicts else ""
        ),
        code=code_fingerprint("generation.budget"),
        software=stage_identity("stages", "evaluate"),
    message:
        "allocate: {wildcards}"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
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
        receipt=temp(
            "results/{experiment}/{model}/{dataset}/{cell}/eager_adapt/shard-{shard}.json"
        ),
    log:
        "logs/eager_adapt/{experiment}/{model}/{dataset}/{cell}/{shard}.log",
    benchmark:
        "benchmarks/eager_adapt/{experiment}/{model}/{dataset}/{cell}/{shard}.tsv"
    conda:
        conda_environment(GENERATE_IMAGE)
    container:
        apptainer_image(GENERATE_IMAGE)
    resources:
        gpu=gpus_of,
        mem_mb=growing(32000),
        runtime=growing(240),
    params:
        settings=settings("eager_adapt"),
        code=code_fingerprint("generation.shard_job"),
        software=identity(GENERATE_IMAGE),
        image=GENERATE_IMAGE,
        weights=model_files,
        folder=subpath(output.receipt, parent=True),
        initial=subpath(input.initial, parent=True),
    message:
        "{rule}: {wildcards}"
    shell:
        r"""
        eager launch \
            --image {params.image} \
            --read {input:q} {params.weights:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            --gpus {resources.gpu} \
            -- \
            eager generate \
            --settings {params.settings:q} \
            --model-manifest {input.model:q} \
            --prompts {input.prompts:q} \
            --allocation {input.allocation:q} \
            --initial {params.initial:q} \
            --shard {wildcards.shard} \
            --output {params.folder:q} \
            --tensor-parallel-size {resources.gpu} \
            --log {log:q}
        """


use rule eager_adapt as eager with:
    input:
        model="results/models/{model}/manifest.json",
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
        initial="results/{experiment}/{model}/{dataset}/{cell}/eager_init/sequences.parquet",
        allocation="results/{experiment}/{model}/{dataset}/{cell}/eager/allocation.json",
    output:
        receipt=temp(
            "results/{experiment}/{model}/{dataset}/{cell}/eager/shard-{shard}.json"
        ),
    log:
        "logs/eager/{experiment}/{model}/{dataset}/{cell}/{shard}.log",
    benchmark:
        "benchmarks/eager/{experiment}/{model}/{dataset}/{cell}/{shard}.tsv"
    params:
        settings=settings("eager"),
        code=code_fingerprint("generation.shard_job"),
        software=identity(GENERATE_IMAGE),
        image=GENERATE_IMAGE,
        weights=model_files,
        folder=subpath(output.receipt, parent=True),
        initial=subpath(input.initial, parent=True),


rule gather:
    input:
        model="results/models/{model}/manifest.json",
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
        initial=budgeted("eager_init/sequences.parquet"),
        allocation=budgeted("{method}/allocation.json"),
        receipts=receipts,
    output:
        gathered=temp(
            directory(
                "results/{experiment}/{model}/{dataset}/{cell}/{method}/gathered"
            )
        ),
    log:
        "logs/gather/{experiment}/{model}/{dataset}/{cell}/{method}.log",
    conda:
        conda_environment(GENERATE_IMAGE)
    container:
        apptainer_image(GENERATE_IMAGE)
    resources:
        mem_mb=growing(4000),
    params:
        settings=method_settings,
        software=identity(GENERATE_IMAGE),
        image=GENERATE_IMAGE,
        receipts=lambda wildcards, input: [
            f"--receipt {path}" for path in input.receipts
        ],
        budget=lambda wildcards, input: (
            f"--allocation {input.allocation} --initial {os.path.dirname(input.initial)}"
            if input.allocation
            else ""
        ),
    message:
        "gather: {wildcards}"
    shell:
        r"""
        eager launch \
            --image {params.image} \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager gather \
            --settings {params.settings:q} \
            --model-manifest {input.model:q} \
            --prompts {input.prompts:q} \
            {params.budget} \
            {params.receipts} \
            --output {output.gathered:q} \
            --log {log:q}
        """


rule keep:
    input:
        model="results/models/{model}/manifest.json",
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
        initial=budgeted("eager_init/sequences.parquet"),
        allocation=budgeted("{method}/allocation.json"),
        gathered="results/{experiment}/{model}/{dataset}/{cell}/{method}/gathered",
    output:
        sequences="results/{experiment}/{model}/{dataset}/{cell}/{method}/sequences.parquet",
        branches="results/{experiment}/{model}/{dataset}/{cell}/{method}/branches.parquet",
        run="results/{experiment}/{model}/{dataset}/{cell}/{method}/run.json",
    log:
        "logs/keep/{experiment}/{model}/{dataset}/{cell}/{method}.log",
    conda:
        conda_environment(GENERATE_IMAGE)
    container:
        apptainer_image(GENERATE_IMAGE)
    resources:
        mem_mb=growing(1000),
    params:
        settings=method_settings,
        software=identity(GENERATE_IMAGE),
        image=GENERATE_IMAGE,
        code=lambda wildcards: method_fingerprint("generation.gather", wildcards.method),
        folder=subpath(output.run, parent=True),
    message:
        "keep: {wildcards}"
    shell:
        r"""
        eager launch \
            --image {params.image} \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager keep \
            --gathered {input.gathered:q} \
            --output {params.folder:q} \
            --log {log:q}
        """
