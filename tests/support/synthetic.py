"""Synthetic results in the formats of the workflow: no model has made them.

A run is drawn from a random generator: tokens as frequent as words are, most entropies near zero,
trees of any size. It serves tests of figures and report, and measurements at sizes that no
test could generate.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eager.config.experiment import PlannedTarget
from eager.config.settings import BUDGET_METHODS, METHODS, DecodingSettings, Method
from eager.data.models import write_manifest
from eager.evaluation.answers.verdicts import VERDICTS
from eager.evaluation.measure import measure_target
from eager.util.files import write_json
from eager.util.tables import BRANCHES, SEQUENCES, write_table

MODEL, DATASET = "synthetic-model", "synthetic-set"
HOSTILE = "</script><script>document.title='hacked'</script><img src=x onerror=alert(1)> <!-- &lt;"
FORKS_LEAD_TO = 4000  # positions before which a run branches: long answers branch early


@dataclass
class SyntheticRun:
    """What to make.

    Attributes:
        prompts: how many.
        width: M.
        length: tokens of every sequence.
        vocabulary: different tokens.
        right: whether a sequence (prompt, index) is right.
        branching: whether the EAGer methods branch.
        words: texts of the first tokens.
    """

    prompts: int = 4
    width: int = 4
    length: int = 60
    vocabulary: int = 800
    right: Callable[[int, int], bool] = lambda prompt, index: (prompt + index) % 3 == 0
    branching: bool = True
    words: list[str] = field(default_factory=lambda: [HOSTILE, "$x_1$", "\n", " naïve", " 数"])

    def make(self, folder: Path, seed: int = 55) -> list[PlannedTarget]:
        """Write every file of one cell with its four methods below `folder`; their targets."""
        rng = np.random.default_rng(seed)
        targets = [self._target(method, seed).under(folder) for method in METHODS]
        texts = write_model(Path(targets[0].model_manifest).parent, self.vocabulary, self.words)
        self._write_tasks(targets[0])
        initial: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = []
        for target in targets:
            trees = []
            for prompt in range(self.prompts):
                kept = list(initial[prompt][0]) if target.initial else []
                trees.append(self._tree(rng, target.method, kept, texts))
            if target.method == "eager_init":
                initial = trees
            self._write(target, trees, texts)
        return targets

    def _target(self, method: Method, seed: int) -> PlannedTarget:
        base = f"results/synthetic/{MODEL}/{DATASET}"
        cell = f"{base}/M{self.width}-seed{seed}"
        return PlannedTarget(
            cell={
                "experiment": "synthetic",
                "model": MODEL,
                "dataset": DATASET,
                "temperature": 0.6,
                "max_sequences": self.width,
                "entropy_threshold": 1.0,
                "seed": seed,
            },
            method=method,
            folder=f"{cell}/{method}",
            metrics=f"{cell}/{method}/metrics.json",
            prompts=f"{base}/prompts.parquet",
            tasks=f"results/datasets/{DATASET}/tasks.jsonl",
            model_manifest=f"results/models/{MODEL}/manifest.json",
            initial=f"{cell}/eager_init" if method in BUDGET_METHODS else None,
            settings=DecodingSettings(
                method=method,
                max_sequences=self.width,
                entropy_threshold=1.0,
                temperature=0.6,
                seed=seed,
            ),
            kind="math",
        )

    def _tree(
        self, rng: Any, method: str, rows: list[dict[str, Any]], texts: list[str]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows and branches of one prompt; `rows` holds those of an earlier round."""
        first, branches = len(rows), []
        many = max(1, self.width // 2) if rows else self.width
        for index in range(first, first + many):
            tokens = np.floor(self.vocabulary ** rng.random(self.length)).astype(np.int32) - 1
            tokens[: min(len(self.words), self.length)] = np.arange(
                min(len(self.words), self.length)
            )
            entropies = np.full(self.length, np.nan, dtype=np.float32)
            parent, position = None, 0
            if method != "parallel":
                recorded = int(self.length * 0.6) + 1
                values = rng.exponential(0.4, recorded) * (rng.random(recorded) < 0.4)
                entropies[:recorded] = np.minimum(values, 2.99)
                if self.branching and index > first:
                    parent = int(rng.integers(first, index))
                    source = rows[parent]
                    lowest = source["inherited_tokens"]
                    position = int(
                        rng.integers(lowest, max(min(self.length, FORKS_LEAD_TO), lowest + 1))
                    )
                    position = min(position, self.length - 1)
                    tokens[:position] = source["token_ids"][:position]
                    entropies[:position] = np.nan
                    source["entropies"][position] = 1.5 + rng.random()
                    branches.append(
                        _branch(first > 0, position, parent, index, source, tokens[position], texts)
                    )
            rows.append(
                {
                    "sequence_index": index,
                    "parent_index": parent,
                    "fork_position": position,
                    "round": int(first > 0),
                    "threshold": None if method == "parallel" else 1.0,
                    "token_ids": tokens,
                    "entropies": entropies,
                    "inherited_tokens": position,
                    "tokens_upstream": self.length - position,
                    "finish_reason": "length" if index % 5 == 4 else "stop",
                }
            )
        return rows, branches

    def _write(self, target: PlannedTarget, trees: list[Any], texts: list[str]) -> None:
        rows = [{"prompt_id": f"p{p}", **row} for p, (tree, _) in enumerate(trees) for row in tree]
        forks = [
            {"prompt_id": f"p{p}", **fork} for p, (_, some) in enumerate(trees) for fork in some
        ]
        write_table(target.file("sequences.parquet"), _sequences(rows, texts), "sequences")
        branches = pa.Table.from_pylist(forks, BRANCHES)
        write_table(target.file("branches.parquet"), branches, "branches")
        table = pa.Table.from_pylist([self._verdict(row) for row in rows], VERDICTS)
        write_table(target.file("verdicts.parquet"), table, "verdicts")
        write_json(target.file("run.json"), _run(target.method))
        measure_target(target)

    def _verdict(self, row: dict[str, Any]) -> dict[str, Any]:
        right = self.right(int(row["prompt_id"][1:]), row["sequence_index"])
        answer = "42" if right else "<b>7</b>" if row["finish_reason"] == "stop" else None
        return {
            "prompt_id": row["prompt_id"],
            "sequence_index": row["sequence_index"],
            "answer": answer,
            "candidate": None if answer is None else int(not right),
            "correct": right,
            "correct_upstream": right,
            "status": "ok" if right else "wrong" if answer else "no_answer_length",
        }

    def _write_tasks(self, target: PlannedTarget) -> None:
        tasks = [
            {"id": f"p{p}", "problem": f"Problem {p} {HOSTILE}", "target": "42", "kind": "math"}
            for p in range(self.prompts)
        ]
        path = Path(target.tasks)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({**task, "code": None}) + "\n" for task in tasks))
        prompts = pa.table(
            {
                "prompt_id": [task["id"] for task in tasks],
                "text": [task["problem"] for task in tasks],
                "token_ids": pa.array([[1]] * len(tasks), pa.list_(pa.int32())),
            }
        )
        write_table(Path(target.prompts), prompts, "prompts")


def write_model(folder: Path, vocabulary: int, words: list[str]) -> list[str]:
    """A folder with a byte-level tokenizer and no weights; returns the texts of its tokens."""
    texts = [*words, *(f" w{number}" for number in range(vocabulary - len(words)))]
    characters = _byte_characters()
    entries = ["".join(characters[byte] for byte in text.encode()) for text in texts]
    files = folder / "files"
    files.mkdir(parents=True, exist_ok=True)
    model = {"type": "BPE", "vocab": {entry: i for i, entry in enumerate(entries)}, "merges": []}
    decoder = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    decoder["use_regex"] = True
    content = {"version": "1.0", "added_tokens": [], "model": model, "decoder": decoder}
    (files / "tokenizer.json").write_text(json.dumps(content))
    (files / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    config = {"model_type": "llama", "eos_token_id": 0, "dtype": "float32"}
    (files / "config.json").write_text(json.dumps(config))
    write_manifest(folder / "manifest.json", files, {"model": MODEL, "revision": None})
    return texts


def _byte_characters() -> dict[int, str]:
    """How byte-level tokenizers spell bytes: printable ones as they are, others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + number) for number, byte in enumerate(others)
    }


def _branch(
    later: bool,
    position: int,
    parent: int,
    child: int,
    source: dict[str, Any],
    forked: Any,
    texts: list[str],
) -> dict[str, Any]:
    kept = int(source["token_ids"][position])
    return {
        "round": int(later),
        "step": position,
        "position": position,
        "parent_index": parent,
        "child_index": child,
        "entropy": float(source["entropies"][position]),
        "threshold": 1.25,
        "sampled_token": kept,
        "kept_token": kept,
        "forked_token": int(forked),
        "sampled_text": texts[kept],
        "kept_text": texts[kept],
        "forked_text": texts[int(forked)],
    }


def _sequences(rows: list[dict[str, Any]], texts: list[str]) -> pa.Table:
    columns: dict[str, Any] = {}
    for name in SEQUENCES.names:
        if name in ("token_ids", "entropies"):
            columns[name] = _lists([row[name] for row in rows])
        elif name == "text":
            columns[name] = ["".join(map(texts.__getitem__, row["token_ids"])) for row in rows]
        else:
            columns[name] = [row[name] for row in rows]
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, kind)
        for column, kind in zip(columns.values(), SEQUENCES.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=SEQUENCES)


def _lists(arrays: list[NDArray[Any]]) -> pa.Array:
    offsets = np.cumsum([0, *(len(array) for array in arrays)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(arrays)))


def _run(method: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "parameters": {"method": method, "note": "synthetic <b>"},
        "counts": {"engine_seconds": 12.5, "driver_seconds": 0.25},
        "finished_at": "2026-11-25T00:00:00+00:00",
        "versions": {"python": "3.11"},
        "code": {"commit": "0" * 40, "dirty": False},
        "hardware": {"processor": "none: synthetic", "cores": 0},
    }
