"""The page on deviations, made from the recording and the demo's metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from eager.report.tables.rendering import format_value, markdown
from tools.deviations import measure
from tools.deviations.measure import STAND_IN, Table
from tools.deviations.replay import Recording, Replayed, read
from tools.docs.sections import update_files

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "workflow/report/deviations.md"
RECORDING = ROOT / "workflow/report/demo/recording.parquet"
SUMMARY = ROOT / "workflow/report/demo/summary.csv"


def write_page(*, check: bool) -> list[Path]:
    """Write the page; returns it if it was not up to date.

    Args:
        check: leave it as it is.

    Raises:
        EagerError: the recording does not fit the code any more.
    """
    return update_files({PAGE: page(read(RECORDING, ROOT), pd.read_csv(SUMMARY))}, check=check)


def page(recording: Recording, summary: pd.DataFrame) -> str:
    """The page as Markdown.

    Args:
        recording: a model's side of every variant.
        summary: the demo's summary.
    """
    results = recording.replay_all()
    parts = [
        _introduction(recording, results),
        _words(summary),
        _sampled_token(recording, results),
        _substring(summary, results),
        _empty_votes(results),
        _cap(results),
        _overshoot(results),
        _literal(recording, results),
        _marker(recording, results),
    ]
    return "\n".join(parts)


def _introduction(recording: Recording, results: dict[str, Replayed]) -> str:
    settings = recording.facts.settings["eager_init"]
    tokens = sum(len(log) for log in recording.logs.values())
    return f"""# Deviations from the authors' code

Where the authors' implementation and the method as the paper describes it differ, this workflow
follows the paper. This page says for each such point what their code does, what ours does, and what
the difference was measured to be. `python -m tools.deviations` makes it, and a test fails where it
is not what the command makes.

Measured on

1. the demo, both data sets: `workflow/report/demo/summary.csv` (`make demo`, then
   `python -m tools.docs readme`);
2. stored trees: {len(results)} generations on the demo's {len(recording.facts.prompt_ids)} \
arithmetic problems (M = {settings.max_sequences}, theta = {settings.entropy_threshold}, \
T = {settings.temperature}, seed {settings.seed}), {tokens:,} tokens.
   What the model said at each step is in `workflow/report/demo/recording.parquet`
   (`python -m tools.deviations --record`, with the engine); the command decides on it again. The
   first four generations are the demo's own results, the others each change one point.

The model is small (135M) and M is low: the sizes of these effects do not carry over to the paper's
models. A sequence that differs in one token differs from there on, so a few prompts more or less
in Pass@k between two generations are chance as much as rule.
"""


def _words(summary: pd.DataFrame) -> str:
    table = [["dataset", "method", "tokens", "their count", "saved", "saved by their count"]]
    for row in summary.to_dict("records"):
        names = ("tokens", "tokens_upstream", "tokens_relative", "tokens_upstream_relative")
        tokens, upstream, *relative = (row[name] for name in names)
        counts = [format_value("tokens", count) for count in (tokens, upstream)]
        saved = [f"{100 * (1 - share):.0f} %" for share in relative]
        table.append([row["dataset"], row["method"], *counts, *saved])
    return _point(
        "1. Words in place of tokens",
        "once a prompt has stopped branching, whitespace-separated words of the rest of a sequence "
        "are counted, for the EAGer methods; Full Parallel counts tokens.",
        "tokens everywhere; their count stands beside it (`tokens_upstream`) in every table.",
        "the demo. Saved: against `parallel`.",
        table,
    )


def _sampled_token(recording: Recording, results: dict[str, Replayed]) -> str:
    ours, theirs = results["eager_init"], results["eager_init, sampled token in H"]
    found = measure.sampled_entropies(recording.logs[ours.variant.name])
    share = 100 * found.outside / found.steps
    return _point(
        "2. A 21st token in the entropy",
        "vLLM returns the sampled token beside the top 20; where it is not among them, the entropy "
        "is taken over 21 tokens.",
        "exactly the top K.",
        f"stored trees. The sampled token was outside of the top K at {found.outside} of "
        f"{found.steps:,} steps ({share:.2f} %), where it raises the entropy by "
        f"{found.mean_rise:.4f} nats on average and {found.largest_rise:.4f} at most. "
        f"{_differ(ours, theirs)}",
        measure.results_table([ours, theirs]),
    )


def _substring(summary: pd.DataFrame, results: dict[str, Replayed]) -> str:
    table = [["dataset", "method", "Pass@k", "by the substring rule"]]
    for row in summary.to_dict("records"):
        shares = [f"{row[name]:.3f}" for name in ("pass_at_k", "pass_at_k_upstream")]
        table.append([row["dataset"], row["method"], *shares])
    return _point(
        "3. A target inside the answer",
        'an answer is right for Pass@k if the target is a substring of it ("3" in "13").',
        "equality of integers, or mathematical equivalence; their verdict is a second column "
        "(`correct_upstream`). Programs are not concerned.",
        "the demo, and sequence by sequence on the stored trees.",
        table,
        measure.substring_table(_own(results)),
    )


def _empty_votes(results: dict[str, Replayed]) -> str:
    return _point(
        "4. Votes of empty answers",
        "sequences without an answer vote for the empty answer in Cons@max.",
        "they do not vote.",
        "stored trees.",
        measure.votes_table(_own(results)),
    )


def _cap(results: dict[str, Replayed]) -> str:
    ours, theirs = results["eager_init"], results["eager_init, cap counted twice"]
    return _point(
        "5. The cap counted twice",
        "the test for fewer than M sequences adds those handled in the step to those it began "
        "with, so that past M/2 only a prompt's earlier sequences may branch.",
        "any sequence may branch while there are fewer than M.",
        f"stored trees. {_differ(ours, theirs)}",
        measure.results_table([ours, theirs]),
    )


def _overshoot(results: dict[str, Replayed]) -> str:
    ours, theirs = results["eager_adapt"], results["eager_adapt, last round uncut"]
    return _point(
        "6. The last round over the share",
        "every budgeted round may grow to M sequences, the last one past the prompt's share.",
        "a round is capped at what is left of the share.",
        f"EAGer-adapt in the stored trees. {_differ(ours, theirs)}",
        measure.overshoot_table(ours, theirs),
        measure.results_table([ours, theirs]),
    )


def _literal(recording: Recording, results: dict[str, Replayed]) -> str:
    cap = recording.facts.settings["eager_init"].max_sequences
    return _point(
        "7. Saturation at 32",
        "a prompt counts as saturated with 32 sequences, whatever M is. Nothing differs at M = 32.",
        "with M sequences.",
        f"stored trees, M = {cap}. Where no prompt is saturated, EAGer-adapt gives nothing and its "
        "result is EAGer-init's; full EAGer treats every unsolved prompt as one under M and lowers "
        "its threshold from the first round on.",
        measure.saturation_table(results["eager_init"], cap),
        measure.results_table(
            results[name] for name in ("eager_init", "eager_adapt", "eager", "eager, literal 32")
        ),
    )


def _marker(recording: Recording, results: dict[str, Replayed]) -> str:
    ours = results["eager_init"]
    behind = measure.branches_behind(ours, recording.facts.decode, STAND_IN)
    return _point(
        "8. Branching in the final answer of gpt-oss",
        "branching ends at `</think>`, which gpt-oss does not write: it branches in its final "
        "answer too.",
        "a marker per model (`end_of_thinking` in `config/models.yaml`).",
        "nothing differs on the demo, whose model does not think and has no marker. As a stand-in, "
        f'"{STAND_IN}" begins the final answer of a solution: {behind} of the {len(ours.branches)} '
        "forks of EAGer-init in the stored trees lie behind it, and a marker would have prevented "
        "them.",
    )


def _differ(ours: Replayed, theirs: Replayed) -> str:
    differing = measure.differing_prompts(ours, theirs)
    return f"The trees of {differing} of {len(ours.sequences)} prompts differ."


def _own(results: dict[str, Replayed]) -> list[Replayed]:
    """Results of our own rules."""
    return [result for name, result in results.items() if name == result.variant.method]


def _point(title: str, theirs: str, ours: str, effect: str, *tables: Table) -> str:
    lines: list[Any] = [f"## {title}", "", f"- **Authors' code**: {theirs}", f"- **Ours**: {ours}"]
    lines.append(f"- **Measured** on {effect}" if tables else f"- **Measured**: {effect}")
    for table in tables:
        lines += ["", markdown({}, table).rstrip()]
    return "\n".join(lines) + "\n"
