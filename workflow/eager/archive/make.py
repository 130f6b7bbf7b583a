"""An experiment's files to one archive."""

from __future__ import annotations

import tempfile
from pathlib import Path

from eager.archive.crate import METADATA_NAME, crate_metadata
from eager.archive.packing import write_archive
from eager.archive.plan import PLAN_NAME, ArchivePlan
from eager.errors import EagerError
from eager.files import write_json, write_text
from eager.provenance import code_state


def make_archive(plan: ArchivePlan, others: list[Path], output: Path) -> None:
    """Pack files, the plan and RO-Crate metadata; the names are the paths as they are.

    Args:
        plan: how the results hang together.
        others: relative paths of what to pack besides the files of the plan.
        output: the archive.

    Raises:
        EagerError: a path is absolute or leaves the working folder.
    """
    paths = {Path(name) for name in plan.files} | set(others)
    for path in paths:
        if path.is_absolute() or ".." in path.parts:
            raise EagerError(
                f"{path}: an archive holds files of this folder only; write a path below it"
            )
    plan = plan.model_copy(update={"code": code_state()})
    with tempfile.TemporaryDirectory() as scratch:
        files = {path.as_posix(): path for path in paths}
        files[PLAN_NAME] = Path(scratch, PLAN_NAME)
        write_json(files[PLAN_NAME], plan.model_dump())
        metadata = Path(scratch, METADATA_NAME)
        write_text(metadata, crate_metadata(plan, files))
        write_archive(output, {**files, METADATA_NAME: metadata})
