"""Finished prompts of a running generation, kept so that a restart does not redo them.

Snakemake deletes a job's declared outputs before it runs the job again, so the journal lies
beside them, in a folder named after everything that decides the result. One file a prompt, a
zip archive (whose checksums find a damaged file), written to a temporary name and renamed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from eager.files import replacing
from eager.tables import BRANCHES, SEQUENCES

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


class Journal:
    """The finished prompts of one generation.

    Args:
        folder: where the generation's outputs go.
        fingerprint: text that holds every parameter that decides the result of a prompt; another
            text is another journal.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        digest = hashlib.sha256(fingerprint.encode()).hexdigest()
        self.folder = folder / f".journal-{digest[:16]}"

    def write(self, prompt_key: str, finished: FinishedPrompt) -> None:
        """Keep a finished prompt."""
        path = self._path(prompt_key)
        with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name in TABLES:
                archive.writestr(f"{name}.arrow", _to_bytes(getattr(finished, name)))
            archive.writestr("counts.json", json.dumps(finished.counts))

    def read(self, prompt_key: str) -> FinishedPrompt | None:
        """A prompt finished by an earlier run; None if there is none or its file is damaged."""
        path = self._path(prompt_key)
        try:
            with zipfile.ZipFile(path) as archive:
                tables = {name: _from_bytes(archive.read(f"{name}.arrow")) for name in TABLES}
                counts = json.loads(archive.read("counts.json"))
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, EOFError, KeyError, ValueError, pa.ArrowInvalid):
            path.unlink(missing_ok=True)
            return None
        return FinishedPrompt(**tables, counts=counts)

    def remove(self) -> None:
        """Delete the journal, once the outputs have been written and read back."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, prompt_key: str) -> Path:
        return self.folder / f"{hashlib.sha256(prompt_key.encode()).hexdigest()[:24]}.zip"


def _to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _from_bytes(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()
