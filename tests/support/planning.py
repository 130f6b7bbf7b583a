"""What Snakemake would run in a repository, asked in this process: a dry run without its start."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import chdir
from pathlib import Path
from unittest import mock

from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    RerunTrigger,
    ResourceSettings,
)

from eager.containers import recipes
from eager.util import fingerprint
from tests.support.repository import Repository

TRIGGERS = frozenset(RerunTrigger) - {RerunTrigger.SOFTWARE_ENV}
"""As in the profiles."""
CACHED = (
    *(fingerprint.code_fingerprint, fingerprint.code_identity),
    *(fingerprint._definition, fingerprint._module, recipes.identity, recipes.stage_identity),
)


def jobs_planned(
    repository: Repository, configuration: str = "config/small.yaml"
) -> dict[str, int]:
    """Rules with a job to run, and how many; code and locks are those of the repository."""
    package = repository.folder / "workflow/eager"
    with (
        chdir(repository.folder),
        mock.patch.dict(os.environ),
        mock.patch.object(fingerprint, "PACKAGE", package),
        mock.patch.object(fingerprint, "GENERATIONS", package / "util/generations.json"),
        mock.patch.object(recipes.identity.__wrapped__, "__defaults__", (repository.folder,)),
        mock.patch.object(recipes.stage_identity.__wrapped__, "__defaults__", (repository.folder,)),
        SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api,
    ):
        forget()
        try:
            found = api.workflow(
                resource_settings=ResourceSettings(cores=2, resources={"gpu": 2}),
                config_settings=ConfigSettings(configfiles=[Path(configuration)]),
                snakefile=repository.folder / "Snakefile",
                workdir=repository.folder,
            )
            found.dag(DAGSettings(rerun_triggers=TRIGGERS))
            workflow = found._workflow
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
            workflow._build_dag()
            jobs = Counter(job.rule.name for job in workflow.dag.needrun_jobs())
            del jobs["all"]
            return dict(jobs)
        finally:
            forget()


def forget() -> None:
    """Nothing that was read of one repository holds for another."""
    for function in CACHED:
        function.cache_clear()
