"""Check an archive, and make verdicts, metrics and tables again from what it holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from eager.algorithm.allocation import BudgetMethod
from eager.config.settings import DEFAULT_RULE
from eager.evaluation.evaluate import evaluate, evaluate_answers
from eager.evaluation.measure import described_cell, write_metrics
from eager.evaluation.programs import CodeOptions
from eager.exchange.archive.packing import MANIFEST_NAME, read_archive, write_archive
from eager.exchange.archive.plan import PLAN_NAME, ArchivedResult, ArchivePlan
from eager.generation.budget import write_allocation
from eager.report.tables.experiment import tables_of, write_tables
from eager.report.tables.pairing import Result
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.tables import read_table
from eager.util.text import cut

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


@dataclass(frozen=True)
class Recomputation:
    """An unpacked archive and an empty folder beside it where everything is made again."""

    plan: ArchivePlan
    archived: Path
    recomputed: Path
    sandbox: SandboxSettings | None

    def verdicts(self) -> Iterator[tuple[str, bool]]:
        """Evaluate every sequence again; yields each verdicts.parquet and whether it is the same.

        Programs are evaluated only with a sandbox; without, their stored verdicts are taken.
        """
        for result in self._distinct():
            name = f"{result.folder}/verdicts.parquet"
            sequences = self.archived / result.folder / "sequences.parquet"
            tasks, output = self.archived / result.tasks, self.recomputed / name
            if result.kind != "code":
                evaluate_answers(sequences, tasks, output)
            elif self.sandbox is not None:
                options = CodeOptions.model_validate(result.code)
                cache = self.recomputed / "sandbox"
                evaluate(sequences, tasks, output, options, self.sandbox, cache)
            else:
                output.parent.mkdir(parents=True, exist_ok=True)
                output.write_bytes((self.archived / name).read_bytes())
                continue
            stored = read_table(self.archived / name, "verdicts")
            yield name, read_table(output, "verdicts").equals(stored)

    def allocations(self) -> Iterator[tuple[str, bool]]:
        """Share the saved budget again, for the budgeted methods."""
        for result in self._distinct():
            if result.initial is None:
                continue
            method: BudgetMethod = "eager" if result.method == "eager" else "eager_adapt"
            name = f"{result.folder}/allocation.json"
            verdicts = self.recomputed / result.initial / "verdicts.parquet"
            write_allocation(
                method,
                self.archived / result.initial / "sequences.parquet",
                verdicts if method == "eager" else None,
                result.cell["max_sequences"],
                result.cell["entropy_threshold"],
                self.recomputed / name,
                result.cell.get("rule", DEFAULT_RULE),
            )
            yield name, self._same(name)

    def metrics(self) -> Iterator[tuple[str, bool]]:
        """Measure every result again."""
        for result in self._distinct():
            name = f"{result.folder}/metrics.json"
            write_metrics(
                result.method,
                self.archived / result.folder / "sequences.parquet",
                self.recomputed / result.folder / "verdicts.parquet",
                self.archived / result.tasks,
                self.archived / result.prompts,
                [self.archived / run for run in result.runs],
                self.recomputed / name,
                cell=described_cell(result.cell, result.method),
            )
            yield name, self._same(name)

    def tables(self) -> Iterator[tuple[str, bool]]:
        """Write every table again, in its three forms."""
        results: list[Result] = [
            (
                result.cell,
                result.method,
                read_json(self.recomputed / result.folder / "metrics.json"),
            )
            for result in self.plan.results
        ]
        published = self.archived / self.plan.published if self.plan.published else None
        made = tables_of(results, published, self.plan.rivals)
        write_tables(made, self.recomputed / self.plan.tables)
        yield from ((name, self._same(name)) for name in self.plan.table_files)

    def _distinct(self) -> Iterator[ArchivedResult]:
        """Results by folder: cells that differ in the threshold only share Full Parallel's."""
        return iter({result.folder: result for result in self.plan.results}.values())

    def _same(self, name: str) -> bool:
        return (self.recomputed / name).read_bytes() == (self.archived / name).read_bytes()


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
        plan = _read_plan(path, files)
        say(f"packed by commit {plan.code.get('commit')}")
        recomputation = Recomputation(plan, archived, recomputed, sandbox)
        steps = {
            "evaluated again": recomputation.verdicts,
            "shared again": recomputation.allocations,
            "measured again": recomputation.metrics,
            "written again": recomputation.tables,
        }
        for done, step in steps.items():
            outcomes = _outcomes(path, done, step)
            differing = [name for name, same in outcomes.items() if not same]
            _stop_at(path, f"not what comes out when {done}", differing)
            kinds = ", ".join(sorted({Path(name).name for name in outcomes})) or "nothing"
            say(f"{len(outcomes)} files {done}: the same ({kinds})")
        if sandbox is None and (programs := sum(r.kind == "code" for r in plan.results)):
            say(f"{programs} results of programs: verdicts as stored (--run-programs runs them)")
        if not _is_packed_alike(path, files, Path(scratch, "repacked.zip")):
            say("note: the zip around the files was written by another program, or changed")


def _outcomes(
    path: Path, done: str, step: Callable[[], Iterator[tuple[str, bool]]]
) -> dict[str, bool]:
    """Names and whether they came out the same; files that do not fit together stop it."""
    try:
        return dict(step())
    except UNFIT as error:
        raise EagerError(
            f"{path}: cannot be {done}, its files do not fit together ({type(error).__name__}: "
            f"{cut(str(error), 200)}); pack it again"
        ) from error


def _read_plan(path: Path, files: dict[str, Path]) -> ArchivePlan:
    """The plan, all of whose paths are files of the archive."""
    if PLAN_NAME not in files:
        raise EagerError(f"{path}: not an archive of `eager archive`: no {PLAN_NAME} in it")
    try:
        plan = ArchivePlan.model_validate(read_json(files[PLAN_NAME]))
    except (EagerError, ValidationError) as error:
        raise EagerError(f"{path}: {PLAN_NAME} cannot be read: {error}") from None
    _stop_at(path, f"named in {PLAN_NAME} but missing", sorted(plan.files - files.keys()))
    return plan


def _stop_at(path: Path, fault: str, names: list[str]) -> None:
    if names:
        shown = [f"  {name}" for name in names[:SHOWN]]
        if len(names) > SHOWN:
            shown.append(f"  and {len(names) - SHOWN} more")
        raise EagerError("\n".join([f"{path}: {len(names)} files {fault}:", *shown]))


def _is_packed_alike(path: Path, files: dict[str, Path], again: Path) -> bool:
    """Whether packing the files again gives the archive's bytes."""
    write_archive(again, {name: files[name] for name in files.keys() - {MANIFEST_NAME}})
    return again.read_bytes() == path.read_bytes()
