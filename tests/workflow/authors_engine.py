"""Run as a program: the prompts of a recorded run by the rule `authors` on the real engine.

Writes for each prompt its branches, its entropies, the step from which on the authors' program,
which tokenises the text again at each step, would have shown the model other tokens, and the steps
at which the two most likely tokens were so close that the draw decides even at T = 0.01.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from eager.algorithm.allocation import Round
from eager.algorithm.branching import Observation, PromptTree
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.model_settings import end_of_sequence
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.decoder import Decoder
from eager.generation.engine import EngineOutput, VllmEngine
from eager.generation.prompt_run import PromptRun
from tests.support.authors_runs import Run, read_run

TIE = 0.05
"""Nats between the two most likely tokens: at T = 0.01 the second has a chance of 1 in 150."""


class WatchedDecoder(Decoder):
    """Notes the step after which a text of a prompt is tokenised otherwise, and all ties."""

    def watch(self, tokenizer: Any, texts: dict[str, str]) -> None:
        self._tokenizer = tokenizer
        self._texts = texts
        self.otherwise: dict[str, int] = {}
        self.ties: dict[str, list[int]] = {name: [] for name in texts}

    def _take(self, outputs: Sequence[EngineOutput]) -> list[PromptRun]:
        for output in outputs:
            request = self._live[output.request_id]
            if request.tree.branching and output.logprobs[1] - output.logprobs[2] < TIE:
                self.ties[request.run.prompt.id].append(request.tree.steps)
        return super()._take(outputs)

    def _apply(self, run: PromptRun, rows: list[Observation], ended: set[str]) -> None:
        super()._apply(run, rows, ended)
        tree = run.tree
        if tree is None or not tree.branching or run.prompt.id in self.otherwise:
            return
        for index in range(len(tree.sequences)):
            tokens = tree.tokens(index).tolist()
            text = self._texts[run.prompt.id] + self._tokenizer.decode(tokens)
            if self._tokenizer.encode(text) != [*run.prompt.token_ids, *tokens]:
                self.otherwise[run.prompt.id] = tree.steps
        if run.prompt.id in self.otherwise:
            self._end(run, tree)

    def _end(self, run: PromptRun, tree: PromptTree) -> None:
        """Nothing that a prompt generates from here on is compared."""
        for sequence in tree.sequences:
            sequence.finish_reason = sequence.finish_reason or "length"
        tree.live = 0
        for index in list(run.request_ids):
            self._drop(run, index)


def generate(folder: Path, run: Run) -> list[dict[str, Any]]:
    """What came of every prompt, in order."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ends = end_of_sequence(tokenizer, folder)
    settings = DecodingSettings(
        method="eager_init",
        max_sequences=run.max_sequences,
        entropy_threshold=run.theta,
        temperature=0.01,
        max_tokens=run.steps,
        dtype="float32",
        seed=55,
        rule="authors",
    )
    engine = VllmEngine(folder, settings, EngineOptions(cpu_kv_cache_gib=1), 512, ends)
    vocabulary = Vocabulary(end_of_sequence=ends, context_length=512)
    decoder = WatchedDecoder(engine, settings, vocabulary, engine.texts)
    texts = {str(number): prompt.prompt for number, prompt in enumerate(run.initial)}
    decoder.watch(tokenizer, texts)
    only = Round(0, 1, run.max_sequences, run.theta)
    work = [
        (
            Prompt(id=name, token_ids=tuple(tokenizer.encode(text))),
            lambda finished, _: None if finished else only,
        )
        for name, text in texts.items()
    ]
    runs = {run.prompt.id: run for finished in decoder.run(work) for run in finished}
    return [
        {
            "otherwise_from": decoder.otherwise.get(name),
            "ties": decoder.ties[name],
            **_describe(runs[name], tokenizer),
        }
        for name in texts
    ]


def _describe(run: PromptRun, tokenizer: Any) -> dict[str, Any]:
    ((_, tree),) = run.finished
    return {
        "branches": [
            {
                "seq_idx": b.parent,
                "gen_step": b.step,
                "entropy": b.entropy,
                "entropy_threshold": b.threshold,
                "man_token_original": tokenizer.decode([b.kept]),
                "man_token_branch": tokenizer.decode([b.forked]),
            }
            for b in tree.branches
        ],
        "entropies": [[-1.0] * s.birth + list(s.step_entropies) for s in tree.sequences],
    }


if __name__ == "__main__":
    model, name, output = sys.argv[1:]
    Path(output).write_text(json.dumps(generate(Path(model), read_run(name))))
