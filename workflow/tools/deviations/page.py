"""The tables of the page on deviations, made from the recording and the demo's metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eager.evaluation.statistics.metrics import Metrics, measure
from eager.report.tables.rendering import markdown
from eager.report.tables.thresholds import sweep
from tools.deviations.authors import LITERAL_CAP, majority_with_empty_votes
from tools.deviations.recording import Row
from tools.deviations.replay import Recording, Replayed, read
from tools.docs.sections import read_text, update_files, with_section

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "workflow/report/deviations.md"
RECORDING = ROOT / "workflow/report/demo/recording.parquet"
SUMMARY = ROOT / "workflow/report/demo/summary.csv"
STAND_IN = "The answer"
"""Where a solution of the recorded model turns to its final answer: it has no marker of its own."""
Table = list[Any]


def write_page(*, check: bool) -> list[Path]:
    """Write the page's tables; returns it if they were not up to date.

    Args:
        check: leave it as it is.

    Raises:
        EagerError: the recording does not fit the code any more, or a section is missing.
    """
    text = read_text(PAGE)
    for name, table in tables(read(RECORDING, ROOT), pd.read_csv(SUMMARY)).items():
        cells = [[str(cell) for cell in row] for row in table]
        text = with_section(text, name, f"\n{markdown({}, cells)}\n")
    return update_files({PAGE: text}, check=check)


def tables(recording: Recording, summary: pd.DataFrame) -> dict[str, Table]:
    """Every table of the page by its name.

    Args:
        recording: a model's side of every variant.
        summary: the demo's summary.
    """
    results = recording.replay_all()
    own = [result for name, result in results.items() if name == result.variant.method]
    init, branching = results["eager_init"], own[1:]
    thetas = [init, *(result for result in results.values() if result.variant.theta is not None)]
    return {
        "recorded": _recorded(recording),
        "variants": _variants([r for r in results.values() if r.variant.theta is None], results),
        "sampled": _sampled(recording.logs["eager_init"]),
        "words": _of_demo(summary, "tokens", "tokens_upstream", "{:,.0f}"),
        "tokenised": _tokenised(recording, results),
        "saturated": _saturated(init, recording.facts.settings["eager_init"].max_sequences),
        "prompt": _with_prompt(branching, recording),
        "thetas": _thetas(thetas),
        "substring": _of_demo(summary, "pass_at_k", "pass_at_k_upstream", "{:.3f}"),
        "substring_by_sequence": _substring(own),
        "votes": _votes(own),
        "marker": _marker(init, recording.facts.decode),
    }


def _figures(result: Replayed) -> Metrics:
    return measure(list(result.results.values()))


def _recorded(recording: Recording) -> Table:
    settings, logs = recording.facts.settings["eager_init"], recording.logs
    return [
        ["generations", "problems", "M", "theta", "T", "seed", "tokens"],
        [
            len(logs),
            len(recording.facts.prompt_ids),
            settings.max_sequences,
            settings.entropy_threshold,
            settings.temperature,
            settings.seed,
            f"{sum(map(len, logs.values())):,}",
        ],
    ]


def _variants(shown: Iterable[Replayed], results: dict[str, Replayed]) -> Table:
    """Metrics of whole results; saved: of Full Parallel's tokens."""
    reference = _figures(results["parallel"]).tokens
    counts = ["sequences", "tokens", "saved", "their count", "saved by it"]
    table: Table = [["generation", "other trees", *counts, "Pass@k", "Cons@max", "PassRate"]]
    for result in shown:
        found, described = _figures(result), results[result.variant.method]
        row: list[Any] = [result.variant.name, differing_prompts(described, result)]
        row.append(f"{found.sequences:,}")
        for count in (found.tokens, found.tokens_upstream):
            row += [f"{count:,}", f"{100 * (1 - count / reference):.1f} %"]
        shares = (found.pass_at_k, found.cons_at_max, found.pass_rate)
        table.append(row + [f"{share:.3f}" for share in shares])
    return table


def differing_prompts(one: Replayed, other: Replayed) -> int:
    """Prompts whose sequences are not the same in two results."""

    def tokens(result: Replayed, prompt: str) -> list[list[int]]:
        return [row["token_ids"] for row in result.sequences[prompt]]

    return sum(tokens(one, prompt) != tokens(other, prompt) for prompt in one.sequences)


def _sampled(log: list[Row]) -> Table:
    """How often the sampled token is outside of the top K, and what it adds to the entropy (N)."""
    recorded = [row for row in log if row["entropy"] is not None]
    rises = [
        row["entropy_with_sampled"] - row["entropy"]
        for row in recorded
        if row["entropy_with_sampled"] is not None
    ]
    largest = f"{max(rises, default=0.0):.4f} nats"
    return [
        ["steps", "sampled outside of the top K", "largest rise of the entropy"],
        [f"{len(recorded):,}", len(rises), largest],
    ]


def _of_demo(summary: pd.DataFrame, ours: str, theirs: str, form: str) -> Table:
    rows = zip(*(summary[name] for name in ("dataset", "method", ours, theirs)), strict=True)
    header: list[Any] = ["dataset", "method", ours, theirs]
    return [header, *([d, m, form.format(a), form.format(b)] for d, m, a, b in rows)]


def _tokenised(recording: Recording, results: dict[str, Replayed]) -> Table:
    table: Table = [["generation", "sequences", "tokenised otherwise", "tokens from there on"]]
    for name, (count, behind) in recording.facts.tokenised_otherwise.items():
        total = sum(map(len, results[name].sequences.values()))
        table.append([name, total, count, f"{100 * behind:.1f} %"])
    return table


def _saturated(initial: Replayed, max_sequences: int) -> Table:
    sizes = [len(rows) for rows in initial.sequences.values()]
    caps = (max_sequences, LITERAL_CAP)
    counted = ([cap, sum(size >= cap for size in sizes)] for cap in caps)
    return [["compared with", "saturated prompts"], *counted]


def _with_prompt(results: Iterable[Replayed], recording: Recording) -> Table:
    table: Table = [["generation", "answers", "Pass@k", "PassRate"]]
    for result in results:
        both = {"of the answer": result, "with the prompt": recording.judged_with_prompt(result)}
        for label, judged in both.items():
            found = _figures(judged)
            shares = (found.pass_at_k, found.pass_rate)
            table.append([result.variant.name, label, *(f"{share:.3f}" for share in shares)])
    return table


def _thetas(results: Iterable[Replayed]) -> Table:
    """Pass@k at the best theta, and where each prompt's is the best one on the others (J)."""
    solved: dict[float, NDArray[np.float64]] = {}
    tokens: dict[float, float] = {}
    for result in results:
        rows = result.results
        flags = [any(s.correct for s in rows[prompt]) for prompt in sorted(rows)]
        solved[result.theta] = np.array(flags, float)
        tokens[result.theta] = _figures(result).tokens / len(rows)
    found = sweep(solved, tokens)
    shown = {f"theta {t:g}": float(solved[t].mean()) for t in sorted(solved)}
    best = f"best theta ({found['best_threshold']:g}), on the prompts it is chosen on"
    shown[best] = found["pass_at_k_at_best"]
    shown["each prompt's theta chosen on the others"] = found["pass_at_k_held_out"]
    return [["EAGer-init", "Pass@k"], *([name, f"{value:.3f}"] for name, value in shown.items())]


def _substring(results: Iterable[Replayed]) -> Table:
    """Sequences and prompts that only the substring rule accepts."""
    rule = "by the substring rule"
    table: Table = [["generation", "sequences", "right", rule, "prompts solved", rule]]
    for result in results:
        prompts = list(result.results.values())
        sequences = [sequence for prompt in prompts for sequence in prompt]
        counts = [
            len(sequences),
            sum(s.correct for s in sequences),
            sum(s.correct_upstream for s in sequences),
            sum(any(s.correct for s in prompt) for prompt in prompts),
            sum(any(s.correct_upstream for s in prompt) for prompt in prompts),
        ]
        table.append([result.variant.name, *counts])
    return table


def _votes(results: Iterable[Replayed]) -> Table:
    """Cons@max with and without votes of sequences that have no answer."""
    table: Table = [["generation", "sequences", "without an answer", "Cons@max", "if they vote"]]
    for result in results:
        prompts = list(result.results.values())
        empty = sum(s.candidate is None for prompt in prompts for s in prompt)
        voting = fmean(map(majority_with_empty_votes, prompts))
        ours = measure(prompts).cons_at_max
        row = [result.variant.name, sum(map(len, prompts)), empty, f"{ours:.3f}", f"{voting:.3f}"]
        table.append(row)
    return table


def _marker(result: Replayed, decode: Callable[[list[int]], str]) -> Table:
    """Branches of sequences in whose text the final answer has begun (O)."""
    behind = 0
    for branch in result.branches:
        tokens = result.sequences[branch["prompt_id"]][branch["parent_index"]]["token_ids"]
        behind += STAND_IN in decode(tokens[: branch["position"]])
    return [
        ["branches", f'behind "{STAND_IN}"'],
        [len(result.branches), behind],
    ]
