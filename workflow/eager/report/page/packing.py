"""A prompt's sequences packed for the page, which unpacks only the prompt that is looked at.

A pack is gzip over: length of the header (4 bytes, little endian), the header (JSON), then for the
sequences' own tokens one after the other the codes, one plane per byte (low bytes first), and the
entropies, one byte each. Inherited tokens are not repeated: the page takes them from the parent. A
code is a place in the header's list of texts, most frequent first.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eager.data.tokenization import Texts
from eager.report.results import SequenceRow

ENTROPY_STEPS = 80
"""Steps per nat: an entropy over 20 tokens, at most ln 20, fits into a byte."""
NOT_RECORDED = 255
UNKNOWN_TEXT = "\N{REPLACEMENT CHARACTER}"
"""Of a token of another program's that a tokenizer does not give back: its id is below 0."""


def pack(
    rows: Sequence[SequenceRow],
    verdicts: Sequence[dict[str, Any]],
    branches: Sequence[dict[str, Any]],
    texts: Texts,
) -> bytes:
    """Pack sequences of one prompt.

    Args:
        rows: the sequences, with token ids and entropies.
        verdicts: rows of verdicts.parquet, one per sequence.
        branches: rows of branches.parquet, of these sequences.
        texts: texts of the model's tokens.
    """
    own_ids = [row.token_ids[row.inherited :] for row in rows if row.token_ids is not None]
    own_entropies = [row.entropies[row.inherited :] for row in rows if row.entropies is not None]
    codes, vocabulary = _codes(np.concatenate([np.empty(0, np.int32), *own_ids]))
    planes = _planes(codes, len(vocabulary))
    header = {
        "sequences": [
            _sequence(row, verdict, len(ids))
            for row, verdict, ids in zip(rows, verdicts, own_ids, strict=True)
        ],
        "forks": [_fork(branch) for branch in branches],
        "texts": [
            UNKNOWN_TEXT if token_id < 0 else texts.of_token(int(token_id))
            for token_id in vocabulary
        ],
        "planes": len(planes),
    }
    described = json.dumps(header, separators=(",", ":")).encode()
    parts = [len(described).to_bytes(4, "little"), described]
    parts += [plane.tobytes() for plane in planes]
    parts.append(
        _entropy_bytes(np.concatenate([np.empty(0, np.float32), *own_entropies])).tobytes()
    )
    return gzip.compress(b"".join(parts), compresslevel=6, mtime=0)


def _sequence(row: SequenceRow, verdict: dict[str, Any], own: int) -> dict[str, Any]:
    return {
        "index": row.index,
        "parent": row.parent,
        "fork": row.inherited,
        "round": row.round,
        "theta": row.threshold,
        "own": own,
        "end": row.finish_reason,
        "answer": verdict["answer"],
        "right": bool(verdict["correct"]),
        "status": verdict["status"],
    }


def _fork(branch: dict[str, Any]) -> dict[str, Any]:
    return {
        "parent": branch["parent_index"],
        "child": branch["child_index"],
        "position": branch["position"],
        "entropy": round(branch["entropy"], 4),
        "threshold": round(branch["threshold"], 4),
        "kept": branch["kept_text"],
        "forked": branch["forked_text"],
    }


def _codes(ids: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Codes of ids and the ids in the order of their codes, most frequent first."""
    vocabulary, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    code_of = np.empty(len(order), np.int64)
    code_of[order] = np.arange(len(order))
    return code_of[inverse], vocabulary[order]


def _planes(codes: NDArray[np.int64], size: int) -> list[NDArray[np.uint8]]:
    # Low and high bytes apart: the high ones are nearly constant and pack to almost nothing.
    count = 1 if size <= 1 << 8 else 2 if size <= 1 << 16 else 3
    return [(codes >> 8 * place & 0xFF).astype(np.uint8) for place in range(count)]


def _entropy_bytes(entropies: NDArray[np.float32]) -> NDArray[np.uint8]:
    recorded = ~np.isnan(entropies)
    packed = np.full(len(entropies), NOT_RECORDED, np.uint8)
    steps = np.rint(entropies[recorded] * ENTROPY_STEPS)
    packed[recorded] = np.clip(steps, 0, NOT_RECORDED - 1).astype(np.uint8)
    return packed
