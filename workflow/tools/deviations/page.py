"""The page on deviations, made from the recording and the demo's metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from eager.report.tables.rendering import format_value, markdown
from tools.deviations import measure
from tools.deviations.authors import ALL
from tools.deviations.measure import STAND_IN, Table
from tools.deviations.points import LIMITS, POINTS
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
        _points(recording, results),
        _together(results),
        _words(summary),
        _tokenised(recording, results),
        _saturation(recording, results),
        _prompt_box(recording, results),
        _choice(results),
        _substring(summary, results),
        _empty_votes(results),
        _marker(recording, results),
        LIMITS,
    ]
    return "\n".join(parts)


def _introduction(recording: Recording, results: dict[str, Replayed]) -> str:
    settings = recording.facts.settings["eager_init"]
    tokens = sum(len(log) for log in recording.logs.values())
    return f"""# Deviations from the authors' program

The authors' program was run unchanged beside this workflow. Where it does something else than the
paper describes, the rule `described` (the default) follows the paper and the rule `authors` follows
the program; `workflow/eager/algorithm/rules.py` has both side by side, and a test replays the
program's recorded entropies by the second and finds its branches. This page says for each point
what either does and what the difference was measured to be. `python -m tools.deviations` makes it,
and a test fails where it is not what the command makes.

Measured on

1. the demo, both data sets: `workflow/report/demo/summary.csv` (`make demo`, then
   `python -m tools.docs readme`);
2. stored trees: {len(results)} generations on the demo's {len(recording.facts.prompt_ids)} \
arithmetic problems (M = {settings.max_sequences}, theta = {settings.entropy_threshold}, \
T = {settings.temperature}, seed {settings.seed}), {tokens:,} tokens.
   What the model said at each step is in `workflow/report/demo/recording.parquet`
   (`python -m tools.deviations --record`, with the engine); the command decides on it again. The
   first four generations are the demo's own results; most others turn on one point.
"""


def _points(recording: Recording, results: dict[str, Replayed]) -> str:
    init, parallel = results["eager_init"], results["parallel"]

    def change(name: str) -> str:
        theirs = results[name]
        return measure.effect(results[theirs.variant.method], theirs, parallel)

    found = measure.sampled_entropies(recording.logs["eager_init"])
    measured = {
        "A": change("eager_init, A"),
        "B": change("eager_init, B"),
        "C": f"with F: {change('eager_init, C, F')}",
        "D": f"with B: {change('eager_init, B, D')}",
        "E": "not imitated; below",
        "F": "with C; alone it changes nothing",
        "G": f"EAGer-adapt: {change('eager_adapt, G')}",
        "H": "below",
        "I": "below",
        "J": "below",
        "K": "none: both rules follow it",
        "L": f"full EAGer: {change('eager, L')}",
        "N": f"{found.outside} of {found.steps:,} steps, {found.largest_rise:.4f} nats at most",
        "O": "below",
    }
    rows = [[letter, *texts, measured[letter]] for letter, texts in POINTS.items()]
    all_points = measure.effect(init, results[ALL], parallel)
    table = [["point", "the authors' program", "as described", "measured difference"], *rows]
    return (
        "## The points\n\nEAGer-init where nothing else is said; from the described rule to it "
        "with the point. Points saved are percentage points of Full Parallel's tokens.\n\n"
        f"{markdown({}, table)}\nAll points together, EAGer-init: {all_points}.\n"
    )


def _together(results: dict[str, Replayed]) -> str:
    shown = [result for result in results.values() if result.variant.theta is None]
    table = measure.results_table(shown, results["parallel"])
    return (
        "## One at a time and all together\n\nOn the stored trees. `their count`: words in place "
        "of tokens once a prompt has stopped branching, and with C each end drawn again.\n\n"
        + markdown({}, table)
    )


def _words(summary: pd.DataFrame) -> str:
    table = [["dataset", "method", "tokens", "their count", "saved", "saved by their count"]]
    for row in summary.to_dict("records"):
        names = ("tokens", "tokens_upstream", "tokens_relative", "tokens_upstream_relative")
        tokens, upstream, *relative = (row[name] for name in names)
        counts = [format_value("tokens", count) for count in (tokens, upstream)]
        saved = [f"{100 * (1 - share):.0f} %" for share in relative]
        table.append([row["dataset"], row["method"], *counts, *saved])
    return _point(
        "Words in place of tokens",
        "once a prompt has stopped branching, whitespace-separated words of the rest of a sequence "
        "are counted, for the EAGer methods; Full Parallel counts tokens.",
        "tokens everywhere; their count stands beside it (`tokens_upstream`) in every table.",
        "the demo. Saved: against `parallel`.",
        table,
    )


def _tokenised(recording: Recording, results: dict[str, Replayed]) -> str:
    counted = recording.facts.tokenised_otherwise
    table = [["generation", "sequences", "tokenised otherwise", "tokens from that position on"]]
    for name, (count, behind) in counted.items():
        total = sum(map(len, results[name].sequences.values()))
        table.append([name, str(total), str(count), f"{100 * behind:.1f} %"])
    return _point(
        "E. Text tokenised at every step",
        "each step begins from text, so the model may see other tokens than it generated (two line "
        "ends as one token), and a token that is half of a character becomes a replacement sign.",
        "token ids throughout, by both rules: in a tree of token ids the inherited part of a "
        "sequence cannot change its length.",
        "stored trees: sequences whose text, tokenised again, gives other tokens than were "
        "generated, and how much of the tokens lies where the model could have said something "
        "else.",
        table,
    )


def _saturation(recording: Recording, results: dict[str, Replayed]) -> str:
    cap = recording.facts.settings["eager_init"].max_sequences
    return _point(
        "H. Saturated at 32",
        "EAGer-adapt gives the saved budget to prompts with 32 sequences, whatever M is; full "
        "EAGer takes M. At the paper's M = 32 they are the same.",
        "M, by both rules.",
        f"stored trees, M = {cap}. Where no prompt is saturated, EAGer-adapt is EAGer-init.",
        measure.saturation_table(results["eager_init"], cap),
    )


def _prompt_box(recording: Recording, results: dict[str, Replayed]) -> str:
    names = ("eager_init", "eager_adapt", "eager")
    table = [["generation", "answers", "Pass@k", "PassRate"]]
    for name in names:
        with_prompt = recording.judged_with_prompt(results[name])
        for label, result in (("of the answer", results[name]), ("with the prompt", with_prompt)):
            table.append([name, label, *measure.shares_of_right(result)])
    return _point(
        "I. Answers found in the prompt",
        "for the EAGer methods the box is looked for in prompt and answer, for Full Parallel in "
        "the answer: a prompt that holds a box answers for a sequence that has none.",
        "in the answer alone; figures by their grading are in the columns that end in `_upstream`.",
        "stored trees, whose prompts hold `\\boxed{15}` as an example, by our comparison.",
        table,
    )


def _choice(results: dict[str, Replayed]) -> str:
    sweeping = [r for r in results.values() if r.variant.theta is not None]
    return _point(
        "J. The threshold chosen on the scored prompts",
        "each published cell is the best of several runs with other thresholds, chosen on the "
        "prompts it is scored on.",
        "every run is a row; where a method has several thetas, the summary has the best one's "
        "Pass@k and that of a theta chosen on other prompts (`config/paper_sweep.yaml`).",
        "stored trees, EAGer-init.",
        measure.sweep_table([results["eager_init"], *sweeping]),
    )


def _substring(summary: pd.DataFrame, results: dict[str, Replayed]) -> str:
    table = [["dataset", "method", "Pass@k", "by the substring rule"]]
    for row in summary.to_dict("records"):
        shares = [f"{row[name]:.3f}" for name in ("pass_at_k", "pass_at_k_upstream")]
        table.append([row["dataset"], row["method"], *shares])
    return _point(
        "A target inside the answer",
        'an answer is right for Pass@k if the target is a substring of it ("3" in "13").',
        "equality of integers, or mathematical equivalence; their verdict is a second column "
        "(`correct_upstream`). Programs are not concerned.",
        "the demo, and sequence by sequence on the stored trees.",
        table,
        measure.substring_table(_own(results)),
    )


def _empty_votes(results: dict[str, Replayed]) -> str:
    return _point(
        "Votes of empty answers",
        "sequences without an answer vote for the empty answer in Cons@max.",
        "they do not vote.",
        "stored trees.",
        measure.votes_table(_own(results)),
    )


def _marker(recording: Recording, results: dict[str, Replayed]) -> str:
    ours = results["eager_init"]
    behind = measure.branches_behind(ours, recording.facts.decode, STAND_IN)
    return _point(
        "O. Branching in the final answer of gpt-oss",
        "branching ends at `</think>`, which gpt-oss does not write: it branches in its final "
        "answer too.",
        "a marker per model (`end_of_thinking` in `config/models.yaml`); with the rule `authors` "
        "nothing but `</think>`.",
        "nothing differs on the demo, whose model does not think and has no marker. As a stand-in, "
        f'"{STAND_IN}" begins the final answer of a solution: {behind} of the {len(ours.branches)} '
        "branches of EAGer-init in the stored trees lie behind it, and a marker would have "
        "prevented them.",
    )


def _own(results: dict[str, Replayed]) -> list[Replayed]:
    """Results of our own rules."""
    return [result for name, result in results.items() if name == result.variant.method]


def _point(title: str, theirs: str, ours: str, effect: str, *tables: Table) -> str:
    lines: list[Any] = [f"## {title}", "", f"- **Authors' code**: {theirs}", f"- **Ours**: {ours}"]
    lines.append(f"- **Measured** on {effect}" if tables else f"- **Measured**: {effect}")
    for table in tables:
        lines += ["", markdown({}, table).rstrip()]
    return "\n".join(lines) + "\n"
