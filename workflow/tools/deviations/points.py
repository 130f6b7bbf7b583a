"""The words of the page on deviations: what each point is, and what cannot be measured here."""

from __future__ import annotations

POINTS = {
    "A": (
        "a branch's entropy enters the history of the percentile twice, with parent and child",
        "once",
    ),
    "B": (
        "a sequence may branch if those active when the step began, plus its place, are under M",
        "any may while there are fewer than M",
    ),
    "C": (
        "while the prompt branches an end is drawn again at each step, recorded and counted",
        "it ends the sequence",
    ),
    "D": ("sequences that have ended count as active in B", "no such count"),
    "E": ("text, tokenised again at each step", "token ids"),
    "F": ("the limit counts steps of the prompt", "tokens of a sequence"),
    "G": (
        "a budgeted round may grow to the prompt's whole share, beyond what is left of it",
        "to what is left of it",
    ),
    "H": ("EAGer-adapt: saturated means 32 sequences", "M"),
    "I": ("EAGer methods: the box may stand in the prompt", "in the answer alone"),
    "J": (
        "theta chosen on the scored prompts",
        "each theta a row; held-out choice beside the best",
    ),
    "K": ("saturated prompts: 0.9 theta in every round from the third on", "the same"),
    "L": (
        (
            "full EAGer distributes the budget equally over all unsolved prompts; those at M take "
            "the remainder first"
        ),
        "those at M are served first, the others from what is left",
    ),
    "N": ("a sampled token outside of the top K counts in the entropy", "exactly the top K"),
    "O": ("only </think> ends the thinking", "a marker per model"),
}
"""Letter -> (the authors' program, the method as described)."""

LIMITS = """## What a small model cannot show

The model is small (135M), M is low, and its answers are short and without reasoning. So these
figures say nothing on

- the size of any effect for the paper's models: how often a token is uncertain, and so where
  branches lie, is the model's own;
- C at length: how many ends a prompt of thousands of tokens discards depends on how much its
  sequences differ in length;
- the patience of 1,000 steps, which no prompt here reaches;
- G and K in EAGer-adapt at M = 32, where a share is up to 96 sequences;
- O, which concerns one of the paper's models.

A sequence that differs in one token differs from there on, so a few prompts more or less in Pass@k
between two generations are chance as much as rule.
"""
