"""One prompt of an authors' file as rows of our tables."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from eager.algorithm.allocation import round_threshold
from eager.exchange.authors_format import (
    INHERITED,
    NOT_RECORDED,
    PromptGenerations,
    repaired,
)
from eager.exchange.rounds import Placed, RecordedBranch, place
from eager.util.errors import EagerError

UNKNOWN_TOKEN = -1
"""Token id where only a token's existence is known."""
Encode = Callable[[str], list[int]]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Conversion:
    """What holds for all prompts of a file.

    Attributes:
        aware: whether a method of EAGer made it: then the texts hold the prompt.
        theta: entropy threshold in nats; None for Full Parallel.
        max_sequences: M.
        template_end: what the chat template puts after a prompt; empty where that is not known.
        longest: entries of the longest list of entropies in the file.
        encode: text to token ids; None: there is no tokenizer.
        end: ids of an end of sequence, which the texts leave out; empty: not known.
    """

    aware: bool
    theta: float | None
    max_sequences: int
    template_end: str
    longest: int
    encode: Encode | None
    end: tuple[int, ...] = ()

    def prompt(
        self, where: str, prompt_id: str, generation: PromptGenerations, notes: dict[str, Any]
    ) -> tuple[str, Rows, Rows]:
        """The prompt as the model saw it, and rows of `sequences` and `branches`.

        Args:
            where: file and prompt, for messages.
            prompt_id: its id.
            generation: the prompt in the file.
            notes: what an export of ours kept of it; empty for a file of the authors' code.

        Raises:
            EagerError: something in it cannot be read.
        """
        before = self._before(generation, notes)
        texts = [whole[before:] for whole in generation.generations]
        records = [_literal(where, text) for text in generation.recorded_branches]
        branches = [_recorded(where, record) for record in records]
        marks = self._marks(where, generation, texts)
        inherited = [sum(1 for _ in takewhile(lambda m: m == INHERITED, row)) for row in marks]
        try:
            placed = self._place(inherited, texts, branches, notes)
        except ValueError as error:
            raise EagerError(
                f"{where}: the sequences and the recorded branches do not fit: {error}; the file "
                "was changed or is damaged"
            ) from None
        rows: Rows = []
        for index, (text, row_marks, row_placed) in enumerate(
            zip(texts, marks, placed, strict=True)
        ):
            row = self._sequence(text, row_marks, row_placed, rows)
            rows.append({"prompt_id": prompt_id, "sequence_index": index, **row})
        saturated = sum(row["round"] == 0 for row in rows) >= self.max_sequences
        if self.aware and self.theta is not None:
            for row in rows:
                number = row["round"]
                row["threshold"] = (
                    round_threshold(self.theta, saturated, number) if number else self.theta
                )
        _restore(rows, marks, notes)
        whole_prompt = generation.generations[0][:before] if self.aware else generation.prompt
        return whole_prompt, rows, _branches(prompt_id, records, branches, placed, rows, notes)

    def _before(self, generation: PromptGenerations, notes: dict[str, Any]) -> int:
        """Characters of each text that belong to the prompt."""
        if not self.aware:
            return 0
        if notes:
            return int(notes["prompt_characters"])
        whole = generation.generations[0]
        position = whole.find(generation.prompt.strip())
        if position < 0:
            return 0
        end = position + len(generation.prompt.strip())
        return end + len(self.template_end) * whole.startswith(self.template_end, end)

    def _marks(
        self, where: str, generation: PromptGenerations, texts: list[str]
    ) -> list[list[float]]:
        if generation.entropies:
            return [_numbers(where, text) for text in generation.entropies]
        if self.encode is None:
            raise EagerError(
                f"{where}: no entropies, so the tokens cannot be counted; give --tokenizer, the "
                "folder of the model's tokenizer"
            )
        return [[math.nan] * len(self.encode(text)) for text in texts]

    def _place(
        self,
        inherited: list[int],
        texts: list[str],
        branches: list[RecordedBranch],
        notes: dict[str, Any],
    ) -> list[Placed]:
        if not self.aware:
            return [Placed(0, None, None)] * len(inherited)
        if not notes:
            return place(inherited, texts, branches)
        made = iter(range(len(branches)))
        return [
            Placed(round_, parent, None if parent is None else next(made))
            for round_, parent in zip(notes["round"], notes["parent_index"], strict=True)
        ]

    def _sequence(
        self, text: str, marks: list[float], placed: Placed, earlier: Rows
    ) -> dict[str, Any]:
        inherited = sum(1 for _ in takewhile(lambda m: m == INHERITED, marks))
        ended = _repeats(marks) or (not self.aware and len(marks) < self.longest)
        entropies = [math.nan if mark < 0 else mark for mark in marks]
        token_ids = [UNKNOWN_TOKEN] * len(marks)
        shared = inherited
        if self.encode is not None:
            token_ids = [*self.encode(text), *self.end * ended]
            entropies = [*entropies, *[math.nan] * len(token_ids)][: len(token_ids)]
            if placed.parent is not None:
                pairs = zip(earlier[placed.parent]["token_ids"], token_ids, strict=False)
                alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
                shared = min(inherited, alike)
        return {
            "parent_index": placed.parent,
            "fork_position": shared,
            "round": placed.round,
            "threshold": None,
            "token_ids": token_ids,
            "entropies": entropies,
            "inherited_tokens": shared,
            "tokens_upstream": len(marks) - inherited,
            "finish_reason": "stop" if ended else "length",
            "text": text,
        }


def template_end_of(generations: list[PromptGenerations]) -> str:
    """What the chat template puts after a prompt, from the first branch that has nothing before it.

    A record holds the last characters of the text before the branch; at step 0 these end with the
    template. Empty where no prompt branched at once.
    """
    for generation in generations:
        for printed in generation.recorded_branches:
            record = _literal("recorded_branches", printed)
            tail = str(record.get("last_generated_chars", ""))
            _, found, after = generation.generations[0].partition(generation.prompt.strip())
            if record.get("gen_step") == 0 and found and tail:
                sizes = range(min(len(tail), len(after)), 0, -1)
                return next((after[:n] for n in sizes if tail.endswith(after[:n])), "")
    return ""


def longest_list(generations: list[PromptGenerations]) -> int:
    """Entries of the longest list of entropies."""
    return max((text.count(",") + 1 for g in generations for text in g.entropies), default=0)


def _repeats(marks: list[float]) -> bool:
    """Whether the list ends with one entropy again and again, as after an end of sequence."""
    return len(marks) > 1 and marks[-1] == marks[-2] and marks[-1] > 0


def _restore(rows: Rows, marks: list[list[float]], notes: dict[str, Any]) -> None:
    """Put back what the format cannot hold and an export of ours kept."""
    if not notes:
        return
    for index, row in enumerate(rows):
        count = notes["tokens"][index]
        row["entropies"] = [*row["entropies"], *[math.nan] * count][:count]
        row["token_ids"] = [*row["token_ids"], *[UNKNOWN_TOKEN] * count][:count]
        if notes["forks_recorded_once"] and row["parent_index"] is not None:
            row["entropies"][row["inherited_tokens"]] = math.nan
        if "ends_drawn" in notes:
            row["step_entropies"] = [
                math.nan if mark == INHERITED else mark
                for mark in marks[index]
                if mark != NOT_RECORDED
            ]
            row["ends_drawn"] = notes["ends_drawn"][index]
            row["entropies"] = [math.nan if e is None else e for e in notes["entropies"][index]]
            row["inherited_tokens"] = row["fork_position"] = notes["inherited_tokens"][index]
        row["finish_reason"] = notes["finish_reason"][index]
        row["threshold"] = notes["threshold"][index]


def _branches(
    prompt_id: str,
    records: Rows,
    branches: list[RecordedBranch],
    placed: list[Placed],
    rows: Rows,
    notes: dict[str, Any],
) -> Rows:
    children = {spot.branch: index for index, spot in enumerate(placed) if spot.branch is not None}
    steps = notes.get("steps") or [branch.step for branch in branches]
    return [
        {
            "prompt_id": prompt_id,
            "round": placed[children[number]].round,
            "step": steps[number],
            "position": rows[children[number]]["inherited_tokens"],
            "parent_index": placed[children[number]].parent,
            "child_index": children[number],
            "entropy": float(record["entropy"]),
            "threshold": float(record["entropy_threshold"]),
            "sampled_token": UNKNOWN_TOKEN,
            "kept_token": UNKNOWN_TOKEN,
            "forked_token": UNKNOWN_TOKEN,
            "sampled_text": str(record["auto_selected_token"]),
            "kept_text": branches[number].kept,
            "forked_text": branches[number].forked,
        }
        for number, record in enumerate(records)
    ]


def _recorded(where: str, record: dict[str, Any]) -> RecordedBranch:
    try:
        for name in ("entropy", "entropy_threshold"):
            float(record[name])
        return RecordedBranch(
            int(record["gen_step"]),
            int(record["seq_idx"]),
            str(record["man_token_original"]),
            str(record["man_token_branch"]) if record["auto_selected_token"] is not None else "",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EagerError(
            f"{where}: recorded branch {record!r} is not complete: {error!r}"
        ) from None


def _numbers(where: str, text: str) -> list[float]:
    """A printed list of numbers."""
    inner = text.strip().removeprefix("[").removesuffix("]").strip()
    try:
        return [float(number) for number in inner.split(",")] if inner else []
    except ValueError:
        raise EagerError(f"{where}: not a printed list of numbers: {text[:60]!r}") from None


def _literal(where: str, text: str) -> dict[str, Any]:
    """A printed dict; literals only, nothing is run."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise EagerError(f"{where}: not a printed dict: {text[:60]!r}")
    # A printed surrogate is an escape in the text, so that it comes to light only here.
    return {key: repaired(v) if isinstance(v, str) else v for key, v in value.items()}
