"""What an engine is asked and answers, step by step: the material of the checks; no vLLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from eager.algorithm.allocation import Round
from eager.algorithm.branching import PromptTree
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.data.tokenization import Texts
from eager.generation.decoder import Decoder
from eager.generation.engine import Engine, EngineOutput, EngineRequest
from eager.generation.prompt_run import Counters


@dataclass
class RecordedOutput:
    """One token: the step it came in, the token, and the top K with the sampled token before."""

    step: int
    tokens: list[int]
    top_tokens: list[int]
    logprobs: list[float]


@dataclass
class RecordedRequest:
    """One request. `step` counts the steps made before it; `aborted` likewise; None: it was not."""

    token_ids: list[int]
    step: int
    answers: list[RecordedOutput] = field(default_factory=list)
    cached: int = 0
    aborted: int | None = None


@dataclass
class EngineLog:
    """Everything between an engine and a decoder, and the trees that came of it.

    Attributes:
        requests: by the name the decoder gave: PRIORITY.ROUND.SEQUENCE.START.
        trees: tree of each prompt, by priority.
        counters: what the decoder counted.
        steps: steps made.
    """

    requests: dict[str, RecordedRequest] = field(default_factory=dict)
    trees: dict[int, PromptTree] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    steps: int = 0

    def tokens(self) -> list[list[list[int]]]:
        """Token ids of all sequences, by prompt and sequence."""
        return [
            [tree.tokens(number).tolist() for number in range(len(tree.sequences))]
            for _, tree in sorted(self.trees.items())
        ]


def place(request_id: str) -> tuple[int, int, int]:
    """Prompt, sequence and first position of a request of the decoder."""
    priority, _, sequence, start = map(int, request_id.split("."))
    return priority, sequence, start


class Recorder:
    """An engine that records in `log` what another one is asked and answers."""

    def __init__(self, engine: Engine) -> None:
        self.log = EngineLog()
        self.max_num_seqs = engine.max_num_seqs
        self._engine = engine

    def submit(self, request: EngineRequest) -> None:
        """See `Engine.submit`."""
        recorded = RecordedRequest(list(request.token_ids), self.log.steps)
        self.log.requests[request.request_id] = recorded
        self._engine.submit(request)

    def abort(self, request_id: str) -> None:
        """See `Engine.abort`."""
        self.log.requests[request_id].aborted = self.log.steps
        self._engine.abort(request_id)

    def step(self) -> list[EngineOutput]:
        """See `Engine.step`."""
        outputs = self._engine.step()
        for output in outputs:
            request = self.log.requests[output.request_id]
            if not request.answers:
                request.cached = output.cached_prompt_tokens
            # Copied: the engine clears these lists to save memory.
            lists = (list(output.tokens), list(output.top_tokens), list(output.logprobs))
            request.answers.append(RecordedOutput(self.log.steps, *lists))
        self.log.steps += 1
        return outputs


def record(
    engine: Engine,
    settings: DecodingSettings,
    prompts: Sequence[Prompt],
    vocabulary: Vocabulary,
    texts: Texts,
) -> tuple[EngineLog, float]:
    """Decode prompts in one round; what happened, and the seconds it took."""
    roots = settings.max_sequences if settings.method == "parallel" else 1
    first = Round(0, roots, settings.max_sequences, settings.entropy_threshold or 0.0)
    recorder = Recorder(engine)
    log = recorder.log
    decoder = Decoder(recorder, settings, vocabulary, texts)
    start = perf_counter()
    work = [(prompt, lambda rounds, _: None if rounds else first) for prompt in prompts]
    for finished in decoder.run(work):
        for run in finished:
            ((_, tree),) = run.finished
            log.trees[run.priority] = tree
    log.counters = decoder.counters
    return log, perf_counter() - start


def ask(
    engine: Engine, requests: Sequence[EngineRequest], most_steps: int | None = None
) -> dict[str, RecordedRequest]:
    """What came of requests submitted together; those unfinished after `most_steps` are aborted."""
    recorder = Recorder(engine)
    for request in requests:
        recorder.submit(request)
    live = {request.request_id for request in requests}
    while live and (most_steps is None or recorder.log.steps < most_steps):
        live -= {output.request_id for output in recorder.step() if output.finished}
    for name in sorted(live):
        recorder.abort(name)
    return recorder.log.requests
