"""Effects of single deviations, counted in replayed results: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean
from typing import NamedTuple

from eager.evaluation.statistics.metrics import measure
from eager.report.tables.thresholds import sweep
from tools.deviations.authors import LITERAL_CAP, majority_with_empty_votes
from tools.deviations.recording import Row
from tools.deviations.replay import Replayed

Table = list[list[str]]
STAND_IN = "The answer"
"""Where a solution of the recorded model turns to its final answer: it has no marker of its own."""


class SampledEntropies(NamedTuple):
    """How often the sampled token is outside of the top K, and what it adds to the entropy."""

    steps: int
    outside: int
    mean_rise: float
    largest_rise: float


def results_table(results: Iterable[Replayed], parallel: Replayed) -> Table:
    """Metrics of whole results, one row each; saved: against Full Parallel."""
    saved = ["saved", "saved by their count"]
    header = ["generation", "sequences", "tokens", "their count", *saved]
    table = [[*header, "Pass@k", "Cons@max", "PassRate"]]
    reference = measure(list(parallel.results.values())).tokens
    for result in results:
        figures = measure(list(result.results.values()))
        counts = (figures.tokens, figures.tokens_upstream)
        shares = (figures.pass_at_k, figures.cons_at_max, figures.pass_rate)
        table.append(
            [
                result.variant.name,
                f"{figures.sequences:,}",
                *(f"{count:,}" for count in counts),
                *(f"{100 * (1 - count / reference):.1f} %" for count in counts),
                *(f"{share:.3f}" for share in shares),
            ]
        )
    return table


def effect(ours: Replayed, theirs: Replayed, parallel: Replayed) -> str:
    """What a point changes, on one line: trees, sequences, tokens and share saved, Pass@k."""
    a, b = (measure(list(result.results.values())) for result in (ours, theirs))
    reference = measure(list(parallel.results.values())).tokens
    differing = differing_prompts(ours, theirs)
    return (
        f"trees of {differing} of {len(ours.sequences)} prompts; sequences "
        f"{a.sequences} to {b.sequences}; tokens {a.tokens:,} to {b.tokens:,} "
        f"({100 * (a.tokens - b.tokens) / reference:+.1f} points saved); Pass@k "
        f"{a.pass_at_k:.3f} to {b.pass_at_k:.3f}"
    )


def sweep_table(results: Iterable[Replayed]) -> Table:
    """Pass@k at the best theta, and where each prompt's is the best one on the others (J)."""
    solved: dict[float, dict[str, bool]] = {}
    tokens: dict[float, float] = {}
    for result in results:
        theta = result.theta
        solved[theta] = {p: any(s.correct for s in rows) for p, rows in result.results.items()}
        tokens[theta] = measure(list(result.results.values())).tokens / len(solved[theta])
    found = sweep(solved, tokens)
    shown = {f"theta {t:g}": fmean(flags.values()) for t, flags in sorted(solved.items())}
    shown[f"best theta ({found.best:g}), on the prompts it is chosen on"] = found.at_best
    shown["each prompt's theta chosen on the others"] = found.held_out
    return [["EAGer-init", "Pass@k"], *([name, f"{value:.3f}"] for name, value in shown.items())]


def shares_of_right(result: Replayed) -> list[str]:
    """Pass@k and PassRate of a result."""
    figures = measure(list(result.results.values()))
    return [f"{share:.3f}" for share in (figures.pass_at_k, figures.pass_rate)]


def differing_prompts(one: Replayed, other: Replayed) -> int:
    """Prompts whose sequences are not the same in two results."""

    def tokens(result: Replayed, prompt: str) -> list[list[int]]:
        return [row["token_ids"] for row in result.sequences[prompt]]

    return sum(tokens(one, prompt) != tokens(other, prompt) for prompt in one.sequences)


def sampled_entropies(log: list[Row]) -> SampledEntropies:
    """What a log says about sampled tokens outside of the top K; entropies in nats."""
    recorded = [row for row in log if row["entropy"] is not None]
    rises = [
        row["entropy_with_sampled"] - row["entropy"]
        for row in recorded
        if row["entropy_with_sampled"] is not None
    ]
    return SampledEntropies(
        len(recorded), len(rises), fmean(rises) if rises else 0.0, max(rises, default=0.0)
    )


def substring_table(results: Iterable[Replayed]) -> Table:
    """Sequences and prompts that only the substring rule accepts."""
    table = [
        ["generation", "sequences", "right", "by the substring rule", "prompts", "by the rule"]
    ]
    for result in results:
        prompts = list(result.results.values())
        sequences = [sequence for prompt in prompts for sequence in prompt]
        counts = (
            len(sequences),
            sum(s.correct for s in sequences),
            sum(s.correct_upstream for s in sequences),
            sum(any(s.correct for s in prompt) for prompt in prompts),
            sum(any(s.correct_upstream for s in prompt) for prompt in prompts),
        )
        table.append([result.variant.name, *map(str, counts)])
    return table


def votes_table(results: Iterable[Replayed]) -> Table:
    """Cons@max with and without votes of sequences that have no answer."""
    table = [["generation", "sequences", "without an answer", "Cons@max", "empty ones voting"]]
    for result in results:
        prompts = list(result.results.values())
        empty = sum(s.candidate is None for prompt in prompts for s in prompt)
        table.append(
            [
                result.variant.name,
                str(sum(map(len, prompts))),
                str(empty),
                f"{measure(prompts).cons_at_max:.3f}",
                f"{fmean(map(majority_with_empty_votes, prompts)):.3f}",
            ]
        )
    return table


def saturation_table(initial: Replayed, max_sequences: int) -> Table:
    """Prompts that count as saturated."""

    def saturated(cap: int) -> str:
        return str(sum(len(rows) >= cap for rows in initial.sequences.values()))

    caps = {f"M = {max_sequences}": max_sequences, str(LITERAL_CAP): LITERAL_CAP}
    return [
        ["compared with", "saturated prompts"],
        *([name, saturated(c)] for name, c in caps.items()),
    ]


def branches_behind(result: Replayed, decode: Callable[[list[int]], str], marker: str) -> int:
    """Forks of sequences in whose text a marker stands already."""
    return sum(
        marker
        in decode(
            result.sequences[branch["prompt_id"]][branch["parent_index"]]["token_ids"][
                : branch["position"]
            ]
        )
        for branch in result.branches
    )
