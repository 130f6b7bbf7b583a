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


def check_log(log: EngineLog, max_sequences: int, top_k: int, block_size: int) -> list[CheckLine]:
    """What was observed of one decoding of a branching method."""
    too_small = "the prefix cache is off or too small: branches would compute their prefixes again"
    within, blocks = f"prompts within M={max_sequences}", f"branches, in blocks of {block_size}"
    checks = (
        ("generation", "prefixes of branches", "requests and branches", _prefixes(log), ""),
        ("generation", "best and second token", "branches", _top_two(log), ""),
        ("generation", "entropies", "against float64", _entropies(log, top_k), ""),
        ("generation", "source of each token", "tokens", _sources(log), ""),
        ("generation", "limits", within, _limits(log, max_sequences), ""),
        ("generation", "counts", "counts", _counts(log), ""),
        ("engine", "a step is a token", "requests", _stepping(log), ""),
        ("engine", "prefix cache", blocks, _reuse(log, block_size), too_small),
    )
    return [_judged(*check) for check in checks]


Cases = Iterator[str]
"""One text for each case that is looked at: what is wrong with it, or nothing."""


def _judged(area: str, name: str, what: str, cases: Cases, to_do: str) -> CheckLine:
    found = list(cases)
    return check_line(
        area, name, [problem for problem in found if problem], len(found), what, to_do
    )


def _positions(log: EngineLog) -> dict[tuple[int, int, int], RecordedOutput]:
    """(prompt, sequence, position) -> what the engine answered there."""
    said = {}
    for name, request in log.requests.items():
        priority, sequence, start = place(name)
        for offset, answer in enumerate(request.answers):
            said[priority, sequence, start + offset] = answer
    return said


def _prefixes(log: EngineLog) -> Cases:
    """Every request continues its sequence; a branch shares all that was before it."""
    for name, request in log.requests.items():
        priority, sequence, start = place(name)
        tree, prompt = log.trees[priority], log.prompts[priority]
        continues = request.token_ids == [*prompt, *tree.tokens(sequence)[:start]]
        yield "" if continues else f"request {name} does not continue its sequence"
    for priority, tree in log.trees.items():
        for branch in tree.branches:
            child, parent = (
                tree.tokens(n)[: branch.position] for n in (branch.child, branch.parent)
            )
            yield "" if child == parent else f"prompt {priority}: {branch.child} left its prefix"


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


def _limits(log: EngineLog, max_sequences: int) -> Cases:
    """No prompt has more than M sequences, no sequence is longer than allowed, all have ended."""
    for priority, tree in log.trees.items():
        ended = all(
            sequence.length <= tree.rule.max_tokens and sequence.finish_reason is not None
            for sequence in tree.sequences
        )
        within = ended and len(tree.sequences) <= max_sequences
        yield (
            ""
            if within
            else f"prompt {priority}: {len(tree.sequences)} sequences, all ended: {ended}"
        )


def _counts(log: EngineLog) -> Cases:
    """Counters equal what was recorded: a branch's first token costs no token of the engine."""
    answers = sum(len(request.answers) for request in log.requests.values())
    trees = log.trees.values()
    branches = sum(len(tree.branches) for tree in trees)
    own = sum(len(sequence.tokens) for tree in trees for sequence in tree.sequences)
    rows = (
        ("tokens", log.counters.tokens, answers),
        ("branches", log.counters.forks, branches),
        ("steps", log.counters.steps, log.steps),
        ("tokens of sequences", own, answers + branches),
    )
    for name, ours, there in rows:
        yield "" if ours == there else f"{name}: {ours}, not {there}"


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
