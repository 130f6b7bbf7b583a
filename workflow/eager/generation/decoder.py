"""All prompts at once in one engine: submit, step, let the trees decide, branch, finish.

A branch is a new request on a prefix the engine has cached; a parent whose sampled token was not
the most likely one is aborted and submitted again with that token forced. Where the rule draws ends
of sequence again, a sequence that has drawn one is submitted again as it was. The decisions are
made in `eager.algorithm`; this module moves tokens between it and the engine.

While a prompt branches, its sequences take their steps together: where one has to wait (for a slot
of the engine, for its prefix to be computed, after a preemption), what the others bring is kept
until it has its own token. So trees depend on the seeds alone, whatever the engine serves first. To
keep waiting rare, a prompt is begun when its sequences fit in even if it branches up to its cap.

At every S-th step of a prompt (`snapshot_steps`) its running sequences are submitted again as they
are, with seeds of that place, and its state is kept. A sequence of a prompt that branches no more
depends on no other, so its own steps count then. An interrupted generation goes on from there and
draws the random numbers that it would have drawn.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from time import perf_counter

import numpy as np

from eager.algorithm.allocation import Round
from eager.algorithm.branching import (
    Branch,
    BranchingRule,
    Observation,
    PromptTree,
    second_most_likely,
)
from eager.algorithm.entropy import top_k_entropy
from eager.algorithm.markers import Marker
from eager.algorithm.methods import children_of
from eager.algorithm.rules import RULES
from eager.algorithm.tree_state import can_go_on, restore
from eager.config.settings import THINK_MARKER, DecodingSettings, check_method
from eager.data.prompts import Prompt, Vocabulary
from eager.data.tokenization import Texts
from eager.generation.engine import Engine, EngineOutput, EngineRequest
from eager.generation.prompt_run import (
    Arrival,
    Counters,
    LiveRequest,
    NextRound,
    PromptRun,
    Snapshots,
)


class Decoder:
    """Drives one engine over the prompts of a shard.

    Args:
        engine: a fresh engine.
        settings: how to sample and branch.
        vocabulary: ends of sequence and of thinking, context length.
        texts: of the model's tokens.
        snapshots: states of prompts, to go on from; None: they are not kept.
    """

    def __init__(
        self,
        engine: Engine,
        settings: DecodingSettings,
        vocabulary: Vocabulary,
        texts: Texts,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.counters = Counters()
        self._engine = engine
        self._settings = settings
        self._vocabulary = vocabulary
        self._snapshots = snapshots
        self._live: dict[str, LiveRequest] = {}
        own = children_of(check_method(settings.method))
        self._children = own or second_most_likely
        # The paper's methods need no more than the two most likely tokens.
        self._tokens_needed = settings.top_k_entropy if own else 2
        self._points = RULES[settings.rule]
        self._stops = tuple(Marker(text, texts.within) for text in vocabulary.stop)
        marker = vocabulary.end_of_thinking
        if self._points.only_think_marker and marker != THINK_MARKER:  # O
            marker = ""
        self._end_of_thinking = Marker(marker, texts.within) if marker else None

    @property
    def live_sequences(self) -> int:
        """Sequences now in the engine."""
        return len(self._live)

    def run(self, work: Sequence[tuple[Prompt, NextRound]]) -> Iterator[list[PromptRun]]:
        """Decode; yields after every step the prompts that finished with it.

        Args:
            work: prompts with their rounds, in order of priority.
        """
        waiting = deque(PromptRun(*item, priority=index) for index, item in enumerate(work))
        yield self._begin(waiting)
        while self._live:
            start = perf_counter()
            outputs = self._engine.step()
            stepped = perf_counter()
            finished = self._take(outputs)
            self.counters.steps += 1
            self.counters.engine_seconds += stepped - start
            finished += self._begin(waiting)
            self.counters.driver_seconds += perf_counter() - stepped
            yield finished

    def _begin(self, waiting: deque[PromptRun]) -> list[PromptRun]:
        """Begin the prompts that fit in, in order; returns those that have nothing to generate.

        Samples of Full Parallel do not wait for each other, so all of them are begun at once.
        """
        finished = []
        while waiting:
            if self._live and self._settings.method != "parallel":
                taken = sum(run.slots for run in {request.run for request in self._live.values()})
                if taken + self._settings.max_sequences > self._engine.max_num_seqs:
                    break
            run = waiting.popleft()
            if not (self._resume(run) or self._start_round(run)):
                finished.append(run)
        return finished

    def _resume(self, run: PromptRun) -> bool:
        """Go on with a prompt from its last state; False if none of its rounds is under way.

        The state of a block of samples may have been kept while more or fewer were asked for.
        """
        rounds = self._snapshots.restore(run.priority) if self._snapshots else []
        for states in rounds:
            round_ = run.next_round(len(run.finished), run.sequences)
            assert round_ is not None
            tree = restore(self._rule(run.prompt, round_), round_.roots, states)
            if tree.live:
                run.round, run.tree = round_, tree
                for index, sequence in enumerate(tree.sequences):
                    if sequence.finish_reason is None:
                        self._submit(run, tree, index)
                return True
            run.finished.append((round_, tree))
        return False

    def _start_round(self, run: PromptRun) -> bool:
        """Begin a prompt's next round; False if it has none left."""
        run.round = run.next_round(len(run.finished), run.sequences)
        if run.round is None:
            run.tree = None
            return False
        run.tree = PromptTree(self._rule(run.prompt, run.round), run.round.roots)
        run.steps_to_state = 1
        for sequence in range(run.round.roots):
            self._submit(run, run.tree, sequence)
        return True

    def _rule(self, prompt: Prompt, round_: Round) -> BranchingRule:
        available = self._vocabulary.context_length - len(prompt.token_ids)
        return BranchingRule(
            max_sequences=round_.max_sequences,
            entropy_threshold=round_.entropy_threshold,
            threshold_percentile=self._settings.threshold_percentile,
            max_steps_without_branch=self._settings.max_steps_without_branch,
            max_tokens=min(available, self._settings.max_tokens or available),
            end_of_sequence=frozenset(self._vocabulary.end_of_sequence),
            stops=self._stops,
            end_of_thinking=self._end_of_thinking,
            children=self._children,
            points=self._points,
        )

    def _submit(self, run: PromptRun, tree: PromptTree, sequence: int) -> None:
        """Give a sequence to the engine from where it is."""
        assert run.round is not None
        tokens = tree.tokens(sequence).tolist()
        draws = tree.sequences[sequence].ends_drawn
        request_id = f"{run.priority}.{run.round.number}.{sequence}.{len(tokens)}"
        request_id += f".{draws}" if draws else ""
        prompt = [*run.prompt.token_ids, *tokens]
        number = run.round.first + sequence
        seed = request_seed(
            self._settings.seed, run.prompt.id, run.round.number, number, len(tokens), draws
        )
        self._engine.submit(
            EngineRequest(
                request_id,
                prompt,
                max_tokens=tree.tokens_left(sequence),
                seed=seed,
                with_logprobs=tree.branching or self._settings.record_entropies,
                priority=run.priority,
            )
        )
        run.request_ids[sequence] = request_id
        self._live[request_id] = LiveRequest(run, tree, sequence, len(tokens))
        self.counters.prompt_tokens += len(prompt)

    def _take(self, outputs: Sequence[EngineOutput]) -> list[PromptRun]:
        """Let the trees decide on one step's tokens; returns the prompts that finished."""
        arrived: dict[PromptRun, list[Arrival]] = {}
        for output, entropy in zip(outputs, self._entropies(outputs), strict=True):
            request = self._live[output.request_id]
            if not request.started:
                request.started = True
                self.counters.cached_prompt_tokens += output.cached_prompt_tokens
            request.ended = output.finished
            arrived.setdefault(request.run, []).append((request, output, entropy))
        self.counters.tokens += len(outputs)
        return [run for run, arrivals in arrived.items() if self._advance(run, arrivals)]

    def _advance(self, run: PromptRun, arrived: list[Arrival]) -> bool:
        """Tell a prompt's tree of every step that is complete; whether the prompt has finished."""
        assert run.tree is not None
        if run.ready or (run.tree.branching and len(arrived) < len(run.request_ids)):
            for request, output, entropy in arrived:
                run.ready += not request.rows
                request.rows.append((output, entropy))
            arrived = self._complete_step(run)
        while arrived:
            self._observe(run, arrived)
            if run.tree.live == 0:
                assert run.round is not None
                run.finished.append((run.round, run.tree))
                if not self._start_round(run):
                    return True
                self._save(run)
            arrived = self._complete_step(run)
        return False

    def _complete_step(self, run: PromptRun) -> list[Arrival]:
        """The next step of what was kept, if every sequence that it needs has brought its token."""
        assert run.tree is not None
        if not run.ready or (run.tree.branching and run.ready < len(run.request_ids)):
            return []
        requests = [self._live[request_id] for request_id in run.request_ids.values()]
        arrived = [(request, *request.rows.popleft()) for request in requests if request.rows]
        run.ready = sum(bool(request.rows) for request in requests)
        return arrived

    def _observe(self, run: PromptRun, arrived: list[Arrival]) -> None:
        """Tell a prompt's tree of one step."""
        assert run.tree is not None
        branching, recording = run.tree.branching, self._settings.record_entropies
        last = self._tokens_needed + 1
        rows, ended = [], set()
        for request, output, entropy in arrived:
            sequence = request.sequence
            if request.ended and not request.rows:
                ended.add(output.request_id)
            (sampled,) = output.tokens
            if branching:
                best, second, *others = output.top_tokens[1:last]
                rows.append(Observation(sequence, sampled, entropy, best, second, others))
            else:
                rows.append(Observation(sequence, sampled))
                if recording:
                    run.tree.sequences[sequence].entropies.append(entropy)
        rows.sort()
        self._apply(run, rows, ended)

    def _entropies(self, outputs: Sequence[EngineOutput]) -> list[float]:
        """Entropy (nats) of each output's position, in one call; 0 where it is not needed."""
        size = self._settings.top_k_entropy
        needed = [
            index
            for index, output in enumerate(outputs)
            if self._settings.record_entropies or self._live[output.request_id].tree.branching
        ]
        entropies = [0.0] * len(outputs)
        if needed:
            logprobs = array("d")
            for index in needed:
                logprobs.fromlist(outputs[index].logprobs[1 : size + 1])
                if self._points.sampled_token_in_entropy:  # N
                    logprobs.append(_outside_of_top(outputs[index], size))
            rows = np.frombuffer(logprobs).reshape(len(needed), -1)
            for index, entropy in zip(needed, top_k_entropy(rows).tolist(), strict=True):
                entropies[index] = entropy
        return entropies

    def _apply(self, run: PromptRun, rows: list[Observation], ended: set[str]) -> None:
        """Carry out what a prompt's tree decides on a step."""
        tree = run.tree
        assert tree is not None
        branches = tree.observe(rows)
        self.counters.forks += len(branches)
        ends = tree.rule.end_of_sequence
        replaced = {b.parent for b in branches if b.kept != b.sampled or b.kept in ends}
        drawn = [row.sequence for row in rows if tree.sequences[row.sequence].drawn_end is not None]
        due = self._due(run, rows, branches)
        replaced.update(drawn, due)
        for row in rows:
            over = tree.sequences[row.sequence].finish_reason is not None
            request_id = run.request_ids[row.sequence]
            # The engine knows nothing of texts that end a sequence, nor that steps run out for a
            # sequence too that had to wait for its turn in one of them (F).
            cut = over and (self._points.limit_counts_steps or bool(self._stops))
            if over != (request_id in ended) and row.sequence not in replaced and not cut:
                raise RuntimeError(
                    f"the engine and the tree disagree on the end of request {request_id}"
                )
            if over or row.sequence in replaced:
                self._drop(run, row.sequence)
        if tree.live == 0:
            for sequence in list(run.request_ids):
                self._drop(run, sequence)
        for sequence in [*(s for b in branches for s in (b.parent, b.child)), *drawn, *due]:
            not_submitted = sequence not in run.request_ids
            if not_submitted and tree.sequences[sequence].finish_reason is None:
                self._submit(run, tree, sequence)
        if due:
            self._save(run)

    def _due(self, run: PromptRun, rows: list[Observation], branches: list[Branch]) -> list[int]:
        """Of the sequences that a step has moved, those that run on and are at an S-th step."""
        tree, every = run.tree, self._settings.snapshot_steps
        assert tree is not None
        if tree.branching and tree.steps % every:
            return []
        if not tree.branching and run.steps_to_state > 1:
            run.steps_to_state -= 1
            return []
        moved = [*(row.sequence for row in rows), *(branch.child for branch in branches)]
        running = [index for index in moved if tree.sequences[index].finish_reason is None]
        if tree.branching:
            return running
        left = (every - one.steps % every for one in tree.sequences if one.finish_reason is None)
        run.steps_to_state = min(left, default=1)
        return [index for index in running if tree.sequences[index].steps % every == 0]

    def _save(self, run: PromptRun) -> None:
        """Keep a prompt's state, unless a sequence could not go on from where it was submitted."""
        if self._snapshots is None:
            return
        tree = run.tree
        assert tree is not None
        lengths = {index: self._live[name].length for index, name in run.request_ids.items()}
        if all(can_go_on(tree.sequences[index], at) for index, at in lengths.items()):
            self._snapshots.save(run, lengths)

    def _drop(self, run: PromptRun, sequence: int) -> None:
        """End the request of a sequence, with what it has brought of later steps."""
        request_id = run.request_ids.pop(sequence)
        request = self._live.pop(request_id)
        run.ready -= bool(request.rows)
        if not request.ended:
            self._engine.abort(request_id)


def request_seed(
    run_seed: int, prompt_id: str, round_: int, sequence: int, position: int, draws: int = 0
) -> int:
    """Seed of the request that continues a sequence from a position: 63 bits of a hash.

    It depends on nothing but its arguments, so what a prompt is given does not change with the
    other prompts, the shard or a resume. The position is part of it because a sequence that is
    submitted again must not draw the random numbers of its beginning a second time, and for the
    same reason the number of discarded ends.
    """
    key = f"{run_seed}\x1f{prompt_id}\x1f{round_}\x1f{sequence}\x1f{position}"
    key += f"\x1f{draws}" if draws else ""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1


def _outside_of_top(output: EngineOutput, top_k: int) -> float:
    """Logprob (nats) of the sampled token if it is not among the top K; else minus infinity."""
    inside = output.top_tokens[0] in output.top_tokens[1 : top_k + 1]
    return -np.inf if inside else output.logprobs[0]
