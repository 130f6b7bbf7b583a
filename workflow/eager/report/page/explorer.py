"""The data of the branch explorer: an index of everything, and a pack per prompt and method."""

from __future__ import annotations

import base64
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eager.config.experiment import Target
from eager.config.settings import BUDGET_METHODS, Method
from eager.data.models import model_folder
from eager.data.tasks import read_tasks
from eager.data.tokenization import Texts, load_tokenizer
from eager.report.figures.style import style_of
from eager.report.page.packing import ENTROPY_STEPS, NOT_RECORDED, pack
from eager.report.results import (
    SequenceRow,
    cell_label,
    read_prompts,
    read_verdicts,
    verdict_of,
)
from eager.util.errors import EagerError
from eager.util.tables import read_table

LARGEST = 50_000_000
"""Characters of all packs together: the page with figures and tables stays under 60 MB."""


@dataclass
class ExplorerData:
    """What the page embeds.

    Attributes:
        index: cells, methods and prompts, with the number of each pack.
        packs: base64 text per pack.
        left_out: prompts (over all cells and methods) for which there was no space.
    """

    index: dict[str, Any]
    packs: list[str] = field(default_factory=list)
    left_out: int = 0


def collect(cells: list[list[Target]], largest: int = LARGEST) -> ExplorerData:
    """Pack the prompts of all cells.

    Where there is no space for all, every cell shows its first prompts; the rest stays in the
    index, and the page says that it was left out.
    """
    data = ExplorerData({"entropySteps": ENTROPY_STEPS, "notRecorded": NOT_RECORDED, "cells": []})
    texts: dict[str, Texts] = {}
    packers = []
    # Of results of other programs the token ids are known only where a tokenizer was given.
    for cell in cells:
        manifest = cell[0].model_manifest
        if manifest is None:
            continue
        if manifest not in texts:
            texts[manifest] = Texts(load_tokenizer(model_folder(Path(manifest), weights=False)))
        entry, packer = _cell(cell, texts[manifest], data)
        data.index["cells"].append(entry)
        packers.append(packer)
    size, waiting = 0, deque(packers)
    # A prompt of each cell in turn, so that the space is shared evenly.
    while waiting and size < largest:
        packer = waiting.popleft()
        before = len(data.packs)
        if next(packer, False):
            waiting.append(packer)
        size += sum(map(len, data.packs[before:]))
    data.left_out = sum(
        prompt["pack"] is None
        for cell in data.index["cells"]
        for method in cell["methods"]
        for prompt in method["prompts"]
    )
    return data


def _cell(
    targets: list[Target], texts: Texts, data: ExplorerData
) -> tuple[dict[str, Any], Iterator[bool]]:
    """The index of a cell, and an iterator that packs a prompt at each step."""
    first = targets[0]
    results = {target.method: _Result(target) for target in targets}
    answers = {task.id: task.target for task in read_tasks(Path(first.tasks))}
    prompts = read_table(Path(first.prompts), "prompts").select(["prompt_id", "text"]).to_pylist()
    entry = {
        "label": f"{first.cell['model']} on {first.cell['dataset']}: {cell_label(first.cell)}",
        "prompts": {
            row["prompt_id"]: {"text": row["text"], "target": answers.get(row["prompt_id"], "")}
            for row in prompts
        },
        "methods": [
            {"method": method, "name": style_of(method).name, "prompts": result.index()}
            for method, result in results.items()
        ],
    }
    return entry, _packer(results, texts, data, entry)


def _packer(
    results: dict[Method, _Result], texts: Texts, data: ExplorerData, entry: dict[str, Any]
) -> Iterator[bool]:
    for number in range(len(entry["methods"][0]["prompts"])):
        base = None
        for place, (method, result) in enumerate(results.items()):
            shown = entry["methods"][place]["prompts"][number]
            prompt_id, rows = next(result.prompts)
            if prompt_id != shown["id"]:
                raise EagerError(
                    f"{result.folder}: verdicts and sequences differ in their prompts "
                    f"({shown['id']!r} and {prompt_id!r}); evaluate again"
                )
            if method in BUDGET_METHODS and base is not None:
                # Their first round is EAGer-init's: it is packed once.
                rows = [row for row in rows if row.round > 0]
                shown["base"] = base
            shown["pack"] = len(data.packs)
            data.packs.append(result.pack(prompt_id, rows, texts))
            if method == "eager_init":
                base = shown["pack"]
        yield True


class _Result:
    """One method's result in one cell."""

    def __init__(self, target: Target) -> None:
        self.folder = target.folder
        self.prompts = read_prompts(target)
        self._verdicts = read_verdicts(target)
        self._forks: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for branch in read_table(target.file("branches.parquet"), "branches").to_pylist():
            self._forks[branch["prompt_id"]].append(branch)

    def index(self) -> list[dict[str, Any]]:
        """Prompts with their number of sequences and of right ones."""
        counts: dict[str, list[bool]] = defaultdict(list)
        for (prompt_id, _), verdict in self._verdicts.items():
            counts[prompt_id].append(bool(verdict["correct"]))
        return [
            {"id": prompt_id, "sequences": len(flags), "right": sum(flags), "pack": None}
            for prompt_id, flags in counts.items()
        ]

    def pack(self, prompt_id: str, rows: list[SequenceRow], texts: Texts) -> str:
        """Base64 text of the pack of some of a prompt's sequences."""
        verdicts = [verdict_of(self._verdicts, prompt_id, row.index, self.folder) for row in rows]
        packed = pack(rows, verdicts, self._forks[prompt_id], texts)
        return base64.b64encode(packed).decode("ascii")
