"""The part of the check that loads the engine, in a process of its own: it may be killed or crash.

Usage: python -m eager.machine.trial TRIAL.json ANSWER.json
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from eager.algorithm.allocation import Round
from eager.config.settings import DecodingSettings, EngineOptions, NumberFormat, StrictModel
from eager.data.models import model_folder
from eager.data.prompts import Prompt, Vocabulary, read_prompts
from eager.generation.progress import Progress
from eager.generation.shard_job import Generation
from eager.generation.signals import StopRequest
from eager.generation.store import Store
from eager.generation.work import WorkItem
from eager.machine import invariants, probes
from eager.machine.page import CheckLine, check_line
from eager.machine.probes import ProbedEngine, decode
from eager.util.files import read_json, write_json

SEED, CAP, THETA = 55, 4, 0.8


class Trial(StrictModel):
    """What one process does.

    Attributes:
        kind: `killed` ends after its first prompt; `whole` resumes it and makes all checks.
        manifest, prompts: of the demo's model and data set.
        store: folder of finished prompts of the job that is killed and resumed.
        dtype: number format.
        gpu_memory_utilization: share of the GPU's memory; None: on a CPU.
        prompts_decoded, tokens: size of each decoding.
        sequences: sequences at once of the timed decodings.
        timed_tokens: tokens per sequence of the timed decodings.
        greedy: whether to compare with the reference.
    """

    kind: Literal["killed", "whole"]
    manifest: Path
    prompts: Path
    store: Path
    dtype: NumberFormat
    gpu_memory_utilization: float | None = None
    prompts_decoded: int = 4
    tokens: int = 24
    sequences: tuple[int, ...] = ()
    timed_tokens: int = 16
    greedy: bool = True

    @property
    def settings(self) -> DecodingSettings:
        """Of the decodings."""
        return DecodingSettings(
            method="eager_init",
            max_sequences=CAP,
            entropy_threshold=THETA,
            temperature=0.6,
            max_tokens=self.tokens,
            dtype=self.dtype,
            seed=SEED,
        )


def load(trial: Trial, vocabulary: Vocabulary) -> tuple[ProbedEngine, float]:
    """The engine, and the seconds it took."""
    most = max([CAP * trial.prompts_decoded, *trial.sequences])
    options: dict[str, Any] = {"max_num_seqs": most, "cpu_kv_cache_gib": 1}
    if trial.gpu_memory_utilization is not None:
        options["gpu_memory_utilization"] = trial.gpu_memory_utilization
    start = perf_counter()
    engine = ProbedEngine(
        model_folder(trial.manifest),
        trial.settings,
        EngineOptions.model_validate(options),
        vocabulary.context_length,
        vocabulary.end_of_sequence,
    )
    return engine, perf_counter() - start


class _Kill(StopRequest):
    """Kills this process as soon as the store has a prompt: no handler runs, nothing is closed."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def check(self) -> None:
        if next(iter(self._store.entries()), None) is not None:
            os.kill(os.getpid(), signal.SIGKILL)


def _job(
    trial: Trial, engine: ProbedEngine, prompts: Sequence[Prompt], vocabulary: Vocabulary
) -> int:
    """The job that is killed and resumed, as `eager generate` runs it: prompts found finished."""
    first, store = Round(0, 1, CAP, THETA), Store(trial.store, print)
    items = [
        WorkItem(prompt, lambda rounds, _: None if rounds else first, prompt.id, 1.0)
        for prompt in prompts
    ]
    stop = _Kill(store) if trial.kind == "killed" else StopRequest()
    job = Generation(trial.settings, vocabulary, items, _keys(prompts), store, stop)
    with engine.sampling(trial.settings, vocabulary.end_of_sequence):
        job.run(lambda: (engine, engine.texts), Progress("job", len(prompts), sys.stderr))
    return job.found


def _keys(prompts: Sequence[Prompt]) -> list[str]:
    return [f"{number:032x}" for number in range(len(prompts))]


def resume_line(
    before: dict[str, bytes], after: dict[str, bytes], prompts: int, found: int
) -> CheckLine:
    """What a killed job had finished is kept as it was; the same job generates the rest.

    Args:
        before: entries of the store after the kill, by name.
        after: those after the resume.
        prompts: of the job.
        found: prompts that the resumed job found finished.
    """
    problems = [
        f"{name} was changed" for name, content in before.items() if after.get(name) != content
    ]
    if not 0 < len(before) < prompts:
        problems.append(f"the kill came after {len(before)} of {prompts} prompts")
    if found != len(before):
        problems.append(f"{found} were found finished, not {len(before)}")
    if len(after) != prompts:
        problems.append(f"{len(after)} of {prompts} prompts are there in the end")
    what = f"prompts, {len(before)} of them finished before a kill"
    return check_line("generation", "kill and resume", problems, prompts, what)


def _resume(
    trial: Trial, engine: ProbedEngine, prompts: Sequence[Prompt], vocabulary: Vocabulary
) -> tuple[CheckLine, list[Any]]:
    """The line about the resumed job, and its tokens by prompt and sequence."""
    store = Store(trial.store, print)

    def entries() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(store.entries())}

    before = entries()
    found = _job(trial, engine, prompts, vocabulary)
    finished = [store.read(key) for key in _keys(prompts)]
    tokens = [f.sequences.column("token_ids").to_pylist() if f else [] for f in finished]
    return resume_line(before, entries(), len(prompts), found), tokens


def _whole(trial: Trial, engine: ProbedEngine, vocabulary: Vocabulary) -> list[CheckLine]:
    """All checks."""
    prompts = read_prompts(trial.prompts)[0][: trial.prompts_decoded]
    settings, found = trial.settings, engine.configuration()
    dtype = found["dtype"]
    lines, resumed = [probes.configuration_line(found)], None
    if trial.store.is_dir():
        line, resumed = _resume(trial, engine, prompts, vocabulary)
        lines.append(line)
    log, _ = decode(engine, settings, prompts, vocabulary)
    lines += invariants.check_log(log, settings.top_k_entropy, found["block_size"])
    tokens = log.tokens()
    again, _ = decode(engine, settings, prompts, vocabulary)
    to_do = "set VLLM_BATCH_INVARIANT=1 (slower; compute capability 8.0 or more) and check again"
    lines.append(invariants.same_tokens("same seed twice", tokens, again.tokens(), to_do))
    other = settings.model_copy(update={"seed": SEED + 1})
    reseeded, _ = decode(engine, other, prompts, vocabulary)
    lines.append(invariants.other_tokens("another seed", tokens, reseeded.tokens()))
    if resumed is not None:
        lines.append(batch_line(tokens, resumed, found["device"]))
    lines.append(probes.cached_logprobs(engine, settings, prompts[0], dtype))
    lines.append(probes.priorities(engine, settings, found["max_num_seqs"]))
    if found["chunked_prefill"]:
        lines.append(probes.chunked_prefill(engine, settings, prompts[0], dtype))
    if trial.greedy:
        model = read_json(trial.manifest)["files"]
        lines.append(probes.compare(engine, settings, model, trial.dtype))
    return lines


def batch_line(whole: Any, resumed: Any, device: str) -> CheckLine:
    """Whether a job that was killed and resumed makes the tokens of one that was not.

    On a CPU it has to. On a GPU rounding may depend on what else is in the batch.
    """
    line = invariants.same_tokens("other prompts in the batch", whole, resumed)
    if line.verdict == "ok" or device == "cpu":
        return line
    to_do = "nothing: rounding depends on the batch; compare metrics, not tokens"
    return line._replace(verdict="note", to_do=to_do)


def _timed(engine: ProbedEngine, trial: Trial, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Full Parallel and EAGer-init at each number of sequences."""
    every, _ = read_prompts(trial.prompts)
    endless = vocabulary.model_copy(
        update={"end_of_sequence": (), "stop": (), "end_of_thinking": ""}
    )
    rates = []
    for sequences in trial.sequences:
        prompts = [
            every[n % len(every)].model_copy(update={"id": f"timed-{n}"})
            for n in range(max(1, sequences // CAP))
        ]
        for method in ("parallel", "eager_init"):
            settings = trial.settings.model_copy(
                update={"method": method, "max_tokens": trial.timed_tokens}
            )
            log, seconds = decode(engine, settings, prompts, endless)
            rate = {
                "method": method,
                "sequences": sequences,
                "tokens": log.counters.tokens,
                "seconds": seconds,
                "driver_seconds": log.counters.driver_seconds,
            }
            rates.append(rate)
    return rates


def run(trial: Trial) -> dict[str, Any]:
    """Do what a trial says; the answer, ready for JSON. A `killed` one does not return."""
    every, vocabulary = read_prompts(trial.prompts)
    engine, seconds = load(trial, vocabulary)
    prompts = every[: trial.prompts_decoded]
    if trial.kind == "killed":
        _job(trial, engine, prompts, vocabulary)
        return {}
    return {
        "lines": _whole(trial, engine, vocabulary),
        "configuration": engine.configuration(),
        "load_seconds": seconds,
        "rates": _timed(engine, trial, vocabulary),
    }


if __name__ == "__main__":
    write_json(Path(sys.argv[2]), run(Trial.model_validate(read_json(Path(sys.argv[1])))))
