"""Check an archive, and make verdicts, metrics and tables again from what it holds."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pydantic import ValidationError

from eager.config.experiment import ResolvedExperiment
from eager.evaluation.evaluate import evaluate
from eager.evaluation.measure import measure_target
from eager.evaluation.programs import CodeOptions
from eager.exchange.archive.packing import read_archive
from eager.exchange.archive.plan import (
    EXPERIMENT_NAME,
    derived_files,
    evaluated_targets,
    needed_files,
)
from eager.generation.budget import allocate_for
from eager.report.tables.experiment import experiment_tables, write_tables
from eager.report.tables.names import table_names
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError, one_line
from eager.util.files import fault_of_place, read_json
from eager.util.tables import read_table
from eager.util.text import cut
from eager.util.validation import faults_of

SHOWN = 20
UNFIT: tuple[type[Exception], ...] = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    OSError,
    RecursionError,
    pa.ArrowException,
)
"""What code meets in files that are signed but were not written by this program."""
UNREADABLE: tuple[type[Exception], ...] = (EagerError, *UNFIT)


VerifyStep = Callable[[ResolvedExperiment, SandboxSettings | None], list[str]]
"""Makes files of an experiment again; returns which."""


def evaluate_again(experiment: ResolvedExperiment, sandbox: SandboxSettings | None) -> list[str]:
    """Evaluate every sequence; programs only with a sandbox, else their verdicts stay."""
    made = []
    for target in evaluated_targets(experiment):
        if target.kind != "code" or sandbox is not None:
            code, cache = CodeOptions.model_validate(target.program), experiment.root / "sandbox"
            evaluate(target, code, sandbox or SandboxSettings(), cache)
            made.append(f"{target.folder}/verdicts.parquet")
    return made


def share_again(experiment: ResolvedExperiment, _: SandboxSettings | None) -> list[str]:
    """Share the saved budget, for the budgeted methods."""
    budgeted = {path: target for target in experiment.targets if (path := target.allocation)}
    for target in budgeted.values():
        allocate_for(target)
    return list(budgeted)


def measure_again(experiment: ResolvedExperiment, _: SandboxSettings | None) -> list[str]:
    """Measure every result."""
    measured = {target.metrics: target for target in experiment.targets}
    for target in measured.values():
        measure_target(target)
    return list(measured)


def write_again(experiment: ResolvedExperiment, _: SandboxSettings | None) -> list[str]:
    """Write every table, in its three forms."""
    folder = experiment.folder / "tables"
    write_tables(experiment_tables(experiment), folder)
    return [str(folder / name) for name in table_names()]


STEPS: dict[str, VerifyStep] = {
    "evaluated again": evaluate_again,
    "shared again": share_again,
    "measured again": measure_again,
    "written again": write_again,
}


def verify_archive(path: Path, sandbox: SandboxSettings | None, say: Callable[[str], None]) -> None:
    """Check every file of an archive, then recompute what follows from its sequences.

    Needs nothing but the archive: no network, no model, no other folder.

    Args:
        path: the archive.
        sandbox: how programs are run again; None: their stored verdicts are taken as they are.
        say: is told, a line each, what was checked.

    Raises:
        EagerError: a file is not as it was packed, or does not follow from the sequences.
    """
    with tempfile.TemporaryDirectory(prefix="eager-verify-") as scratch:
        archived, recomputed = Path(scratch, "archived"), Path(scratch, "recomputed")
        archived.mkdir()
        _stop_at(path, "not as they were packed", read_archive(path, archived))
        files = {
            file.relative_to(archived).as_posix(): file
            for file in archived.rglob("*")
            if file.is_file()
        }
        say(f"{len(files)} files: each as it was packed (sha256)")
        experiment = _read_experiment(path, archived, files)
        _copy_without(archived, recomputed, _to_make(experiment, sandbox))
        for done, step in STEPS.items():
            made = _made(path, done, step, experiment.under(recomputed), sandbox)
            names = [name.removeprefix(f"{recomputed}/") for name in made]
            differing = [name for name in names if not _is_same(archived, recomputed, name)]
            _stop_at(path, f"not what comes out when {done}", differing)
            kinds = ", ".join(sorted({Path(name).name for name in names}))
            if names:
                say(f"{len(names)} files {done}: the same ({kinds})")
        if imported := len(experiment.under(archived).imported):
            say(f"{imported} imported results: as they were imported")
        if sandbox is None and (programs := sum(t.kind == "code" for t in experiment.targets)):
            say(f"{programs} results of programs: verdicts as stored (--run-programs runs them)")


def _made(
    path: Path,
    done: str,
    step: VerifyStep,
    experiment: ResolvedExperiment,
    sandbox: SandboxSettings | None,
) -> list[str]:
    """What a step makes; files that do not fit together stop it."""
    try:
        return step(experiment, sandbox)
    except UNFIT as error:
        raise fault_of_place(error) or EagerError(
            f"{path}: cannot be {done}, its files do not fit together ({type(error).__name__}: "
            f"{cut(str(error), 200)}); pack it again"
        ) from error


def _to_make(experiment: ResolvedExperiment, sandbox: SandboxSettings | None) -> set[str]:
    """The derived files but for verdicts of programs that are not run."""
    kept = {
        f"{target.folder}/verdicts.parquet"
        for target in evaluated_targets(experiment)
        if target.kind == "code" and sandbox is None
    }
    return {*derived_files(experiment)} - kept


def _copy_without(source: Path, target: Path, names: set[str]) -> None:
    """A copy of a folder without some files; nothing writes into a file, so links will do."""
    shutil.copytree(source, target, copy_function=os.link)
    for name in names:
        (target / name).unlink()


def _is_same(archived: Path, recomputed: Path, name: str) -> bool:
    """Whether a file came out as it was packed; of a table what it holds counts."""
    one, other = archived / name, recomputed / name
    if one.suffix == ".parquet":
        return bool(read_table(one, "verdicts").equals(read_table(other, "verdicts")))
    return one.read_bytes() == other.read_bytes()


def _read_experiment(path: Path, archived: Path, files: dict[str, Path]) -> ResolvedExperiment:
    """The experiment, all of whose paths are files of the archive."""
    found = [name for name in files if PurePosixPath(name).match(f"results/*/{EXPERIMENT_NAME}")]
    if len(found) != 1:
        raise EagerError(
            f"{path}: not an archive of `eager archive`, or of another version: it has "
            f"{len(found)} files results/*/{EXPERIMENT_NAME}; verify it with the version that "
            "packed it"
        )
    try:
        experiment = ResolvedExperiment.model_validate(read_json(files[found[0]]))
        folders = [f"{PurePosixPath(one)}/" for one in experiment.configuration["imported"]]
        outside = [one for one in folders if not any(name.startswith(one) for name in files)]
        needed = set() if outside else needed_files(experiment.under(archived))
    except UNREADABLE as error:
        fault = one_line(error)
        if isinstance(error, ValidationError):
            fault = faults_of(ResolvedExperiment, error)[0]
        raise EagerError(
            f"{path}: {found[0]} cannot be read: {fault}; verify it with the version that packed it"
        ) from None
    names = {name.removeprefix(f"{archived}/") for name in needed}
    missing = sorted({*outside, *names} - files.keys())
    _stop_at(path, f"named in {found[0]} but missing", missing)
    return experiment


def _stop_at(path: Path, fault: str, names: list[str]) -> None:
    if names:
        shown = [f"  {name}" for name in names[:SHOWN]]
        if len(names) > SHOWN:
            shown.append(f"  and {len(names) - SHOWN} more")
        raise EagerError("\n".join([f"{path}: {len(names)} files {fault}:", *shown]))
