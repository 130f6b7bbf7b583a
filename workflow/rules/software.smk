"""Helpers of the rules: what a job runs in, where weights lie, how many GPUs it needs."""


def apptainer_image(name):
    """What `container:` is given; other runtimes than Apptainer are the launcher's business."""
    return apptainer_reference(name) if RUNTIME == "apptainer" else None


def conda_environment(name):
    """What `conda:` is given; the software of the image for GPUs has no conda equivalent."""
    return None if name == "generate" else f"../../envs/{name}.yaml"


def sandbox_software(wildcards):
    """Identity of what programs run in, if a data set's tasks are programs."""
    return identity("evaluate") if is_code(wildcards) else ""


def model_files(wildcards):
    """Where the weights of a job's model lie, or of all models."""
    names = [wildcards.model] if wildcards.get("model") else sorted(EXPERIMENT.models)
    used = {cell.model for cell in EXPERIMENT.cells}
    return [
        EXPERIMENT.models[name].path or f"results/models/{name}/files"
        for name in names
        if name in used
    ]


def gpus_of(wildcards):
    """GPUs that a model is spread over."""
    return EXPERIMENT.gpus(wildcards.model)


# Snakemake would run a job that asks for more than there is with what there is.
_gpus = workflow.global_resources.get("gpu").value
for _model in {cell.model for cell in EXPERIMENT.cells}:
    _wanted = EXPERIMENT.gpus(_model)
    if _gpus is not None and _wanted > _gpus:
        raise WorkflowError(
            f"{EXPERIMENT.config.models}: {_model}, tensor_parallel_size: {_wanted} GPUs are "
            f"wanted and `resources: gpu` allows {_gpus}; raise it (--resources gpu={_wanted})"
        )
