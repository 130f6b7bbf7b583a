"""EAGer-init like the reference implementation, as the reference of the benchmark.

One prompt at a time; while it branches, one engine call of a single token for all of its live
sequences, over text that is tokenised again each time, and the percentile taken over the whole
history for every sequence and step. Once branching has ended, one call runs the rest to its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from eager.config.settings import DecodingSettings
from eager.generation.engine import EngineRequest, VllmEngine


@dataclass
class TextSequence:
    text: str
    tokens: int = 0
    own_tokens: int = 0
    done: bool = False


@dataclass
class ReferenceLoop:
    """Counts engine steps and generated tokens (an inherited one counts once)."""

    engine: VllmEngine
    settings: DecodingSettings
    end_of_sequence: tuple[int, ...]
    engine_steps: int = 0
    tokens: int = 0
    _ids: Any = field(default_factory=count)
    _seeds: Any = field(default_factory=count)

    def run(self, prompt: str) -> None:
        """Generate all sequences of one prompt; the same ones whatever has been run before."""
        self._seeds = count()
        theta, cap = self.settings.entropy_threshold, self.settings.max_sequences
        limit = self.settings.max_tokens
        assert theta is not None
        assert limit is not None
        sequences = [TextSequence(prompt)]
        history: list[float] = []
        without_branch = 0
        while len(sequences) < cap and without_branch < self.settings.max_steps_without_branch:
            live = [sequence for sequence in sequences if not sequence.done]
            if not live:
                break
            outputs = self._generate([sequence.text for sequence in live], 1, logprobs=True)
            recorded = []
            branched = False
            for sequence, (token_ids, top) in zip(live, outputs, strict=True):
                probabilities = np.exp(np.array([logprob for _, logprob in top]))
                probabilities /= probabilities.sum()
                entropy = float(-(probabilities * np.log(probabilities)).sum())
                threshold = max(
                    theta,
                    float(np.percentile(history, self.settings.threshold_percentile))
                    if history
                    else theta,
                )
                recorded.append(entropy)
                ended = token_ids[-1] in self.end_of_sequence
                if entropy > threshold and len(sequences) < cap and not ended:
                    child = TextSequence(sequence.text, sequence.tokens)
                    sequences.append(child)
                    branched = True
                    self._extend(child, [top[1][0]], limit)
                    self._extend(sequence, [top[0][0]], limit)
                else:
                    self._extend(sequence, token_ids, limit)
            history += recorded
            without_branch = 0 if branched else without_branch + 1
        self._finish(sequences, limit)
        self.tokens += sum(sequence.own_tokens for sequence in sequences)

    def _finish(self, sequences: list[TextSequence], limit: int) -> None:
        live = [sequence for sequence in sequences if not sequence.done]
        if live:
            rest = [limit - sequence.tokens for sequence in live]
            outputs = self._generate([s.text for s in live], rest, logprobs=False)
            for sequence, (token_ids, _) in zip(live, outputs, strict=True):
                self._extend(sequence, token_ids, limit)

    def _extend(self, sequence: TextSequence, token_ids: list[int], limit: int) -> None:
        sequence.text += self.engine.texts.tokenizer.decode(token_ids)
        sequence.tokens += len(token_ids)
        sequence.own_tokens += len(token_ids)
        sequence.done = token_ids[-1] in self.end_of_sequence or sequence.tokens >= limit

    def _generate(
        self, texts: list[str], max_tokens: int | list[int], *, logprobs: bool
    ) -> list[tuple[list[int], list[tuple[int, float]]]]:
        """One call for several texts; of each the new ids, and the first position's top K."""
        limits = max_tokens if isinstance(max_tokens, list) else [max_tokens] * len(texts)
        names = [f"reference-{next(self._ids)}" for _ in texts]
        for name, text, limit in zip(names, texts, limits, strict=True):
            self.engine.submit(
                EngineRequest(
                    name,
                    self.engine.texts.tokenizer.encode(text),
                    max_tokens=limit,
                    seed=next(self._seeds),
                    with_logprobs=logprobs,
                    priority=0,
                )
            )
        ids: dict[str, list[int]] = {name: [] for name in names}
        top: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
        waiting = set(names)
        while waiting:
            self.engine_steps += 1
            for output in self.engine.step():
                ids[output.request_id] += output.tokens
                if logprobs:
                    pairs = zip(output.top_tokens[1:], output.logprobs[1:], strict=True)
                    top[output.request_id] = list(pairs)
                if output.finished:
                    waiting.remove(output.request_id)
        return [(ids[name], top[name]) for name in names]
