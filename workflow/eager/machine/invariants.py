"""What must hold of every decoding, whatever the hardware: pure functions of what was recorded.

Each returns a line of the page; nothing here imports vLLM. Distributions are compared by their
logprobs and not by token ids: two tokens of equal logprob may stand in either order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from eager.machine.page import CheckLine, check_line
from eager.machine.recording import EngineLog, RecordedOutput, place

ENTROPY_TOLERANCE = 1e-5
"""Nats between an entropy as recorded (float32) and as recomputed in float64."""
TOLERANCE = {"float32": 0.01, "bfloat16": 0.25}
"""Nats between two computations of a logprob; bfloat16 has steps of 0.125 from 16 to 32."""
Sequences = Sequence[Sequence[Sequence[int]]]
"""Token ids by prompt and sequence."""


Cases = Iterator[str]
"""One text for each case that is looked at: what is wrong with it, or nothing."""


def check_log(log: EngineLog, top_k: int, block_size: int) -> list[CheckLine]:
    """What was observed of one decoding of a branching method."""
    too_small = "the prefix cache is off or too small: branches would compute their prefixes again"
    return [
        _judged("generation", "best and second token", "branches", _top_two(log)),
        _judged("generation", "entropies", "against float64", _entropies(log, top_k)),
        _judged("generation", "source of each token", "tokens", _sources(log)),
        _judged("engine", "a step is a token", "requests", _stepping(log)),
        _judged(
            *("engine", "prefix cache", f"branches, in blocks of {block_size}"),
            _reuse(log, block_size),
            too_small,
        ),
    ]


def _judged(area: str, name: str, what: str, cases: Cases, to_do: str = "") -> CheckLine:
    found = list(cases)
    problems = [problem for problem in found if problem]
    return check_line(area, name, problems, len(found), what, to_do)


def _positions(log: EngineLog) -> dict[tuple[int, int, int], RecordedOutput]:
    """(prompt, sequence, position) -> what the engine answered there."""
    said = {}
    for name, request in log.requests.items():
        priority, sequence, start = place(name)
        for offset, answer in enumerate(request.answers):
            said[priority, sequence, start + offset] = answer
    return said


def _top_two(log: EngineLog) -> Cases:
    """At a branch the parent takes a most likely token and the child a second most likely one."""
    said = _positions(log)
    for priority, tree in log.trees.items():
        for branch in tree.branches:
            answer = said[priority, branch.parent, branch.position]
            logprobs = dict(zip(answer.top_tokens[1:], answer.logprobs[1:], strict=False))
            best, second = sorted(logprobs.values(), reverse=True)[:2]
            took = logprobs.get(branch.kept), logprobs.get(branch.forked)
            fits = took == (best, second) and branch.kept != branch.forked
            yield "" if fits else f"prompt {priority}, position {branch.position}: {took}"


def _entropies(log: EngineLog, top_k: int) -> Cases:
    """Recorded entropies equal those of the engine's logprobs in float64."""
    said = _positions(log)
    for priority, tree in log.trees.items():
        for number, sequence in enumerate(tree.sequences):
            for offset, ours in enumerate(sequence.entropies):
                answer = said.get((priority, number, sequence.fork_position + offset))
                if np.isnan(ours) and offset == 0 and sequence.parent is not None:
                    continue  # a branch's first token was taken, not sampled
                where = f"prompt {priority}, sequence {number}, token {offset}"
                if answer is None or len(answer.logprobs) != top_k + 1:
                    yield f"{where}: not {top_k} logprobs"
                    continue
                exact = _entropy(answer.logprobs[1:])
                differs = not abs(ours - exact) <= ENTROPY_TOLERANCE
                yield f"{where}: {ours:.6f}, not {exact:.6f}" if differs else ""


def _entropy(logprobs: Sequence[float]) -> float:
    weights = np.exp(np.asarray(logprobs, dtype=np.float64))
    weights = weights[weights > 0] / weights.sum()
    return float(-(weights * np.log(weights)).sum())


def _sources(log: EngineLog) -> Cases:
    """Every token is what the engine sampled there, or what a branch put in its place."""
    said = _positions(log)
    for priority, tree in log.trees.items():
        forced = {(b.parent, b.position): [b.kept] for b in tree.branches}
        forced |= {(b.child, b.position): [b.forked] for b in tree.branches}
        for number, sequence in enumerate(tree.sequences):
            for position, token in enumerate(sequence.tokens, start=sequence.fork_position):
                answer = said.get((priority, number, position))
                expected = forced.get((number, position), answer.tokens if answer else [])
                where = f"prompt {priority}, sequence {number}, position {position}"
                yield "" if [token] == expected else where


def _stepping(log: EngineLog) -> Cases:
    """One token per step from each request, at once for a branch, and none after an abort.

    With async scheduling an answer would come a step late, and an aborted request would answer.
    """
    for name, request in log.requests.items():
        steps = [answer.step for answer in request.answers]
        if any(len(answer.tokens) != 1 for answer in request.answers):
            yield f"request {name}: not one token in a step"
        elif steps and steps != list(range(steps[0], steps[0] + len(steps))):
            yield f"request {name}: paused"
        elif place(name)[2] > 0 and (not steps or steps[0] > request.step):
            yield f"request {name}: late"
        elif request.aborted is not None and steps and steps[-1] >= request.aborted:
            yield f"request {name}: answered after its abort"
        else:
            yield ""


def _reuse(log: EngineLog, block_size: int) -> Cases:
    """A branch computes no more of its prefix than the last block, and one that was not full."""
    for name, request in log.requests.items():
        if place(name)[2] > 0:
            tokens = len(request.token_ids)
            # The last token is new, and so is what follows the last full block.
            full = (tokens - 1) // block_size * block_size
            reused = request.cached >= full - block_size
            yield "" if reused else f"request {name}: {request.cached} of {tokens} tokens"


def same_tokens(name: str, one: Sequences, other: Sequences, to_do: str = "") -> CheckLine:
    """Two decodings gave the same tokens."""
    problems = list(_differences(one, other))
    return check_line("generation", name, problems, _sequences(one), "sequences", to_do)


def other_tokens(name: str, one: Sequences, other: Sequences) -> CheckLine:
    """Two decodings with different seeds did not give the same tokens."""
    same = not list(_differences(one, other))
    problems = ["another seed gave the same tokens"] if same and _sequences(one) else []
    return check_line("generation", name, problems, _sequences(one), "sequences")


def _sequences(decoded: Sequences) -> int:
    return sum(map(len, decoded))


def _differences(one: Sequences, other: Sequences) -> Iterator[str]:
    if list(map(len, one)) != list(map(len, other)):
        yield f"{list(map(len, one))} sequences, and {list(map(len, other))}"
        return
    for prompt, pair in enumerate(zip(one, other, strict=True)):
        for number, (ours, theirs) in enumerate(zip(*pair, strict=True)):
            if list(ours) != list(theirs):
                at = next(
                    (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
                    min(len(ours), len(theirs)),
                )
                yield f"prompt {prompt}, sequence {number} from token {at} on"


def greedy_agreement(
    expected: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    found: Mapping[str, Sequence[int]],
    tolerance: float,
) -> CheckLine:
    """The most likely tokens are those of the reference, up to its first tie in each prompt.

    Args:
        expected: prompt -> tokens, and how much likelier (nats) each is than the second.
        found: prompt -> tokens.
        tolerance: nats below which two tokens count as tied.
    """
    problems, checked = [], 0
    for name, (tokens, margins) in expected.items():
        ours = found.get(name, [])
        for position, (token, margin) in enumerate(zip(tokens, margins, strict=True)):
            if margin < tolerance:
                break
            checked += 1
            if position >= len(ours) or ours[position] != token:
                problems.append(f"{name}, token {position}: {margin:.3f} nats from the second")
                break
    return check_line(
        "generation",
        "greedy tokens of the reference",
        problems,
        checked,
        f"tokens before a tie within {tolerance:g} nats",
        "compare metrics, not tokens, and tell us: this machine computes other logits",
    )


def same_logprobs(name: str, one: Sequence[float], other: Sequence[float], dtype: str) -> CheckLine:
    """The sorted logprobs of one position, computed in two ways, differ by rounding only."""
    tolerance = TOLERANCE[dtype]
    pairs = zip(sorted(one), sorted(other), strict=False)
    largest = max((abs(a - b) for a, b in pairs), default=0.0)
    problems = [f"by {largest:.4f} nats"] if largest > tolerance else []
    if len(one) != len(other):
        problems.append(f"{len(one)} and {len(other)} of them")
    what = f"logprobs within {tolerance:g} nats (largest difference {largest:.2g})"
    return check_line("engine", name, problems, len(one), what)


def served_in_order(served: Sequence[int], waiting: Sequence[int]) -> CheckLine:
    """Requests of lower priority numbers are served first."""
    problems = []
    if served and waiting and max(served) > min(waiting):
        problems.append(f"{max(served)} was served before {min(waiting)}")
    if not waiting:
        problems.append("all were served at once")
    total = len(served) + len(waiting)
    what = f"requests, {len(served)} of them served first"
    return check_line("engine", "priorities", problems, total, what)
