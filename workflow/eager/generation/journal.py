"""Finished prompts of a running generation, kept so that a restart does not redo them.

Snakemake deletes a job's declared outputs before it runs the job again, so the journal lies
beside them, in a folder named after everything that decides the result. One file per prompt,
whatever the shard, written to a temporary name and renamed: the hash of what follows on a line of
its own, then a zip archive (which most programs for such archives open all the same).
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from eager.util.files import replacing
from eager.util.tables import BRANCHES, SEQUENCES

PREFIX = ".journal-"
TABLES = {"sequences": SEQUENCES, "branches": BRANCHES}


@dataclass(frozen=True)
class FinishedPrompt:
    """The result of one prompt.

    Attributes:
        sequences: rows in the schema `sequences`.
        branches: rows in the schema `branches`.
        counts: engine_seconds, engine_steps, computed_prompt_tokens, cached_prompt_tokens
            since the prompt that was finished before it.
    """

    sequences: pa.Table
    branches: pa.Table
    counts: dict[str, float]


def journal_name(fingerprint: str) -> str:
    """Name of the folder of a journal.

    Args:
        fingerprint: text that holds every parameter that decides the result of a prompt; another
            text is another journal.
    """
    return f"{PREFIX}{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}"


def remove_journals(folder: Path) -> None:
    """Delete the journals of a result that is complete, those of other parameters too."""
    for journal in folder.glob(f"{PREFIX}*"):
        shutil.rmtree(journal, ignore_errors=True)


class Journal:
    """The finished prompts of one generation.

    Args:
        folder: where they are.
        say: tells people of a damaged file.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say

    def write(self, prompt_key: str, finished: FinishedPrompt) -> None:
        """Keep a finished prompt."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name in TABLES:
                archive.writestr(f"{name}.arrow", _to_bytes(getattr(finished, name)))
            archive.writestr("counts.json", json.dumps(finished.counts))
        with replacing(self._path(prompt_key)) as temporary, temporary.open("wb") as stream:
            stream.write(_hash(content.getvalue()) + b"\n")
            stream.write(content.getvalue())

    def read(self, prompt_key: str) -> FinishedPrompt | None:
        """A prompt finished by an earlier job; None if there is none or its file is damaged."""
        path = self._path(prompt_key)
        try:
            stored, _, content = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        if stored != _hash(content):
            self._say(f"{path}: damaged, the checksum is not that of the content; made again")
            path.unlink(missing_ok=True)
            return None
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            tables = {name: _from_bytes(archive.read(f"{name}.arrow")) for name in TABLES}
            counts = json.loads(archive.read("counts.json"))
        return FinishedPrompt(**tables, counts=counts)

    def _path(self, prompt_key: str) -> Path:
        return self.folder / f"{hashlib.sha256(prompt_key.encode()).hexdigest()[:24]}.zip"


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _from_bytes(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()
