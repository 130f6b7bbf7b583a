"""Generation, the only rules that need a GPU (or vLLM's CPU build), and the allocation between.

Inputs:  results/models/{model}/manifest.json
         results/{experiment}/{model}/{dataset}/prompts.parquet
Outputs: results/{experiment}/{model}/{dataset}/{cell}/{method}/
           sequences.parquet  branches.parquet  run.json  (allocation.json: eager_adapt, eager)
         results/store/       finished prompts, found by what made them
Steps:   parallel, eager_init -> allocate -> eager_adapt, eager, each by shards -> gather.
A job that runs again, for whatever reason, finds its finished prompts in the store, and goes on
with those that were under way. Samples of `parallel` do not depend on M: cells that differ in it
share one result, which has the largest M.
"""


rule generate:
    # A method of one's own; the paper's methods are the same rule under their names.
    input:
        model="<model>",
        prompts="<prompts>",
        initial=branch(is_budgeted, then="<cell>/eager_init/sequences.parquet"),
        allocation=branch(is_budgeted, then="<result>/allocation.json"),
    output:
        temp(shard_output(any_of(PLAN.methods - set(METHODS)))),
    log:
        "<log>/{shard}.log",
    benchmark:
        "benchmarks/{model}/{dataset}/{cell}/{method}/{shard}.tsv"
    conda:
        GENERATE_ENV
    container:
        PLAN.apptainer(GENERATE_IMAGE)
    threads: engine_cores
    resources:
        gpu=PLAN.gpus,
        mem_mb=growing(32000),
        runtime=growing(240),
    params:
        **made_by("tokens", identity(GENERATE_IMAGE)),
        settings=PLAN.settings,
        weights=weights,
        folder=subpath(output[0], parent=True),
    shell:
        step(
            "generate",
            "--result {params.folder:q} --shard {wildcards.shard}"
            " --tensor-parallel-size {resources.gpu}",
            GENERATE_IMAGE,
            "--memory {resources.mem_mb} --gpus {resources.gpu} --read {params.weights:q} --write-folder results/store",
        )


use rule generate as parallel with:
    output:
        temp(shard_output("parallel")),


use rule generate as eager_init with:
    output:
        temp(shard_output("eager_init")),
    priority: 1  # the budgeted methods wait for it, as for gather, evaluate and allocate


use rule generate as eager_adapt with:
    output:
        temp(shard_output("eager_adapt")),


use rule generate as eager with:
    output:
        temp(shard_output("eager")),


rule gather:
    input:
        model="<model>",
        prompts="<prompts>",
        initial=branch(is_budgeted, then="<cell>/eager_init/sequences.parquet"),
        allocation=branch(is_budgeted, then="<result>/allocation.json"),
        shards=shards_of,
    output:
        "<result>/sequences.parquet",
        "<result>/branches.parquet",
        "<result>/run.json",
    log:
        "<log>/gather.log",
    priority: 1
    conda:
        GENERATE_ENV
    container:
        PLAN.apptainer(GENERATE_IMAGE)
    params:
        **made_by("generation.gather:gather", identity(GENERATE_IMAGE)),
        settings=PLAN.settings,
        folder=subpath(output[0], parent=True),
    shell:
        step(
            "gather",
            "--result {params.folder:q} {input.shards:q}",
            GENERATE_IMAGE,
            "--write-folder results/store",
        )


rule allocate:
    input:
        sequences="<cell>/eager_init/sequences.parquet",
        verdicts=branch(needs_labels, then="<cell>/eager_init/verdicts.parquet"),
    output:
        "<result>/allocation.json",
    log:
        "<log>/allocate.log",
    priority: 1
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by(
            "generation.budget:allocate_for", stage_identity("stages", "evaluate")
        ),
        settings=PLAN.settings,
        folder=subpath(output[0], parent=True),
    shell:
        step("allocate")
