"""What Snakemake would do, asked of Snakemake itself; reads files only, also beside a running one.

The one module that reaches into Snakemake: its interface for programs has the plan as printed
text only. The version is pinned in envs/workflow.lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.exceptions import RuleException, WorkflowError
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)

from eager.util.errors import EagerError


@dataclass(frozen=True)
class Reason:
    """Why a job would run.

    Attributes:
        missing: outputs that are not there.
        incomplete: outputs of a job that was interrupted.
        changed_inputs: inputs that are newer than the outputs, with other content.
        coming_inputs: inputs that another job of the plan makes first.
        params_before: values of params at the last run that are not among today's, as Python text.
        params_now: today's values that were not among those of the last run, by name.
        rule_changed: the rule's own text is another.
        other_files: the set of input files is another.
        environment_changed: the container or environment is another.
    """

    missing: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    changed_inputs: tuple[str, ...] = ()
    coming_inputs: tuple[str, ...] = ()
    params_before: tuple[str, ...] = ()
    params_now: dict[str, str] = field(default_factory=dict)
    rule_changed: bool = False
    other_files: bool = False
    environment_changed: bool = False


@dataclass(frozen=True)
class PlannedJob:
    """One job of the plan.

    Attributes:
        rule: its rule.
        wildcards: their values.
        inputs: files it reads.
        outputs: files it makes.
        log: its log.
        reason: why it would run; None: its outputs are up to date.
        started_at: when Snakemake started or submitted it, if it has not seen it end.
        cluster_jobs: ids at the cluster while it waits there; Snakemake inside the job, once it
            runs, writes its own record over them.
    """

    rule: str
    wildcards: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str | None
    reason: Reason | None
    started_at: float | None
    cluster_jobs: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """All jobs that a target needs, those they depend on first."""

    jobs: tuple[PlannedJob, ...]
    snakemake_is_running: bool


def read_plan(configfile: Path | None, targets: frozenset[str] = frozenset()) -> Plan:
    """Ask Snakemake for its plan in the current folder.

    Args:
        configfile: the experiment; None: the default one.
        targets: files or rules; none: everything.

    Raises:
        EagerError: no workflow is here, or Snakemake finds a mistake or no way to a target.
    """
    snakefile = Path("Snakefile")
    if not snakefile.exists():
        raise EagerError(f"{Path.cwd()}: no Snakefile here; go to the folder of the workflow")
    files = [] if configfile is None else [configfile]
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        try:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(configfiles=files),
                snakefile=snakefile,
            )
            inner = workflow.dag(DAGSettings(targets=set(targets))).workflow_api._workflow
            inner._prepare_dag(
                forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True
            )
            inner._build_dag()
        except (WorkflowError, RuleException) as error:
            raise EagerError(str(error)) from None
        jobs = tuple(
            _describe(inner, job)
            for level in inner.dag.toposorted()
            for job in sorted(level, key=str)
        )
        return Plan(jobs, bool(inner.persistence.locked))


def _describe(workflow: Any, job: Any) -> PlannedJob:
    records = workflow.persistence
    keys = [records._get_key(path) for path in job.output]
    marked = records._filter_incomplete_keys(keys)
    return PlannedJob(
        rule=job.rule.name,
        wildcards=dict(job.wildcards_dict),
        inputs=tuple(map(str, job.input)),
        outputs=tuple(map(str, job.output)),
        log=next(map(str, job.log), None),
        reason=_reason(workflow, job) if workflow.dag.needrun(job) else None,
        started_at=max((records._get_recorded_starttime(key) for key in marked), default=None),
        cluster_jobs=tuple(records.external_jobids(job)),
    )


def _reason(workflow: Any, job: Any) -> Reason:
    found = workflow.dag.reason(job)
    changed = found.params_changed
    serialize = workflow.persistence._serialize_param
    now = {}
    if changed:
        texts = {name: serialize(value) for name, value in job.params.items()}
        now = {name: text for name, text in texts.items() if text in changed.only_new}
    return Reason(
        missing=tuple(sorted(map(str, found.missing_output))),
        incomplete=tuple(sorted(map(str, found.incomplete_output))),
        changed_inputs=tuple(sorted(map(str, found.updated_input))),
        coming_inputs=tuple(sorted(map(str, found.updated_input_run))),
        params_before=tuple(sorted(changed.only_old)) if changed else (),
        params_now=now,
        rule_changed=bool(found.code_changed),
        other_files=bool(found.input_changed),
        environment_changed=bool(found.software_stack_changed),
    )
