"""Models, data sets and prompts.

Inputs:  the entries of config/models.yaml and config/datasets.yaml.
Outputs: results/models/{model}/manifest.json          the model's files and their hashes
         results/models/{model}/place.json             where they lie, which decides nothing
         results/datasets/{dataset}/tasks.jsonl        normalised tasks
         results/{experiment}/{model}/{dataset}/prompts.parquet   the tasks as token ids
Steps:   fetch_model, fetch_dataset (only they may use the network); encode_prompts.
"""


rule fetch_model:
    output:
        manifest="<model>",
        place="results/models/{model}/place.json",
    log:
        "logs/fetch_model/{model}.log",
    conda:
        GENERATE_ENV
    container:
        PLAN.apptainer(GENERATE_IMAGE)
    params:
        **made_by("data.models:fetch_model", identity(GENERATE_IMAGE)),
        entry=PLAN.model(MODEL_SOURCE),
        folder="results/models/{model}/files",
        content=model_content,
        local=lambda wildcards, output: PLAN.local_model(wildcards),
    shell:
        step(
            "fetch-model",
            "--name {wildcards.model:q} --folder {params.folder:q} --manifest {output.manifest:q}",
            GENERATE_IMAGE,
            "--network --read {params.local:q} --write-folder {params.folder:q}",
        )


rule fetch_dataset:
    input:
        local=lambda wildcards: [ancient(path) for path in PLAN.local_data(wildcards)],
    output:
        tasks="<tasks>",
        manifest="results/datasets/{dataset}/manifest.json",
    log:
        "logs/fetch_dataset/{dataset}.log",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by("data.tasks:fetch_tasks", stage_identity("stages", "data")),
        entry=PLAN.dataset(DATASET_SOURCE),
        content=lambda wildcards: content(*PLAN.local_data(wildcards))(wildcards),
    shell:
        step(
            "fetch-dataset",
            "--name {wildcards.dataset:q} --tasks {output.tasks:q} --manifest {output.manifest:q}",
            options="--network",
        )


rule encode_prompts:
    input:
        tasks="<tasks>",
        model="<model>",
    output:
        "<prompts>",
    log:
        f"logs/{NAME}/{{model}}/{{dataset}}/encode_prompts.log",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by("data.encoding:encode_prompts", stage_identity("stages", "data")),
        model=PLAN.model(MODEL_ENCODING),
        dataset=PLAN.dataset(DATASET_ENCODING),
        weights=weights,
    shell:
        step(
            "encode-prompts",
            "--model {wildcards.model:q} --dataset {wildcards.dataset:q} --tasks {input.tasks:q}"
            " --model-manifest {input.model:q} --output {output:q}",
            options="--read {params.weights:q}",
        )
