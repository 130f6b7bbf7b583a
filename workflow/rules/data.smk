"""Models, data sets and prompts.

Inputs:  the entries of config/models.yaml and config/datasets.yaml.
Outputs: results/models/{model}/manifest.json          the model's files and their hashes
         results/datasets/{dataset}/tasks.jsonl        normalised tasks
         results/{experiment}/{model}/{dataset}/prompts.parquet   the tasks as token ids
Steps:   fetch_model, fetch_dataset (the only ones that may use the network), encode_prompts.
"""


localrules:
    fetch_model,
    fetch_dataset,


rule fetch_model:
    output:
        manifest="results/models/{model}/manifest.json",
    log:
        "logs/fetch_model/{model}.log",
    benchmark:
        "benchmarks/fetch_model/{model}.tsv"
    conda:
        conda_environment(GENERATE_IMAGE)
    container:
        apptainer_image(GENERATE_IMAGE)
    resources:
        mem_mb=growing(4000),
    params:
        entry=model_part(MODEL_SOURCE),
        code=code_fingerprint("data.models"),
        software=identity(GENERATE_IMAGE),
        image=GENERATE_IMAGE,
        folder="results/models/{model}/files",
        local=lambda wildcards: EXPERIMENT.models[wildcards.model].path or [],
    message:
        "fetch model {wildcards.model}"
    shell:
        r"""
        eager launch \
            --image {params.image} \
            --read {params.local:q} \
            --write {output:q} {log:q} \
            --write-folder {params.folder:q} \
            --memory {resources.mem_mb} \
            --network \
            -- \
            eager fetch-model \
            --name {wildcards.model:q} \
            --entry {params.entry:q} \
            --folder {params.folder:q} \
            --manifest {output.manifest:q} \
            --log {log:q}
        """


rule fetch_dataset:
    input:
        local=lambda wildcards: EXPERIMENT.datasets[wildcards.dataset].path or [],
    output:
        tasks="results/datasets/{dataset}/tasks.jsonl",
        manifest="results/datasets/{dataset}/manifest.json",
    log:
        "logs/fetch_dataset/{dataset}.log",
    benchmark:
        "benchmarks/fetch_dataset/{dataset}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(2000),
    params:
        entry=dataset_part(DATASET_SOURCE),
        code=code_fingerprint("data.tasks"),
        software=stage_identity("stages", "data"),
    message:
        "fetch data set {wildcards.dataset}"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            --network \
            -- \
            eager fetch-dataset \
            --name {wildcards.dataset:q} \
            --entry {params.entry:q} \
            --tasks {output.tasks:q} \
            --manifest {output.manifest:q} \
            --log {log:q}
        """


rule encode_prompts:
    input:
        tasks="results/datasets/{dataset}/tasks.jsonl",
        model="results/models/{model}/manifest.json",
    output:
        prompts="results/{experiment}/{model}/{dataset}/prompts.parquet",
    log:
        "logs/encode_prompts/{experiment}/{model}/{dataset}.log",
    benchmark:
        "benchmarks/encode_prompts/{experiment}/{model}/{dataset}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(4000),
    params:
        model=model_part(MODEL_ENCODING),
        dataset=dataset_part(DATASET_ENCODING),
        code=code_fingerprint("data.encoding"),
        software=stage_identity("stages", "data"),
        weights=model_files,
    message:
        "encode the prompts of {wildcards.dataset} for {wildcards.model}"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} {params.weights:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager encode-prompts \
            --tasks {input.tasks:q} \
            --model-manifest {input.model:q} \
            --model {params.model:q} \
            --dataset {params.dataset:q} \
            --output {output.prompts:q} \
            --log {log:q}
        """
