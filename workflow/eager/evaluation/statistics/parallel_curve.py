"""Full Parallel as a curve: what k of a prompt's M samples reach on average, for every k.

The average is over all subsets of k samples, each in the order of the whole result, so that the
curve ends at the measured value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import comb
from typing import Any, NamedTuple

import numpy as np

from eager.evaluation.statistics.draws import SEED, draw
from eager.evaluation.statistics.inference import (
    Interval,
    Table,
    estimate,
    mean,
    share_interval,
)
from eager.evaluation.statistics.metrics import SequenceResult, unbiased_pass_at_k

MOST_PRODUCTS = 20_000
"""Products of polynomials that an exact Cons@k may take (a tenth of a second)."""
MOST_SAMPLES = 500
"""Numbers of subsets of more samples do not fit into a float."""
SUBSETS = 1000


class PromptCurve(NamedTuple):
    """Expected figures of one prompt with k samples; place k of each array, from 0.

    Attributes:
        pass_at_k: chance of a right sample.
        cons_at_max: chance that the majority answer is right.
        pass_rate: share of right samples; the same for every k.
        distinct_answers: number of different answers.
        cons_error: standard error of `cons_at_max`; 0 where it is exact.
    """

    pass_at_k: Table
    cons_at_max: Table
    pass_rate: Table
    distinct_answers: Table
    cons_error: Table


def prompt_curve(samples: Sequence[SequenceResult]) -> PromptCurve:
    """The curve of one prompt, which has at least one sample.

    Source of Pass@k: Chen et al. 2021, arXiv 2107.03374, section 2.1.
    """
    numbers: dict[int | None, int | None] = {None: None}
    for sample in samples:
        numbers.setdefault(sample.candidate, len(numbers))
    return _curve(tuple((numbers[s.candidate], s.correct) for s in samples))


@lru_cache(maxsize=4096)
def _curve(votes: tuple[tuple[int | None, bool], ...]) -> PromptCurve:
    """The same prompts come back in many comparisons, and many are all right or all wrong."""
    samples = [SequenceResult(candidate, right, right, 0, 0) for candidate, right in votes]
    many, correct = len(samples), sum(s.correct for s in samples)
    passed = [0.0, *(unbiased_pass_at_k(many, correct, k) for k in range(1, many + 1))]
    exact = many <= MOST_SAMPLES and _products(samples) <= MOST_PRODUCTS
    cons, error = (
        (_exact_cons(samples), np.zeros(many + 1)) if exact else sampled_cons(samples, SUBSETS)
    )
    return PromptCurve(
        np.array(passed),
        cons,
        np.full(many + 1, correct / many),
        _distinct(samples),
        error,
    )


def mean_curve(seeds: Sequence[Sequence[Sequence[SequenceResult]]]) -> list[dict[str, Any]]:
    """The curve over prompts: a row for every k up to the fewest samples that a prompt has.

    Args:
        seeds: the samples of each prompt, for each seed; the prompts are the same.

    Returns:
        Per row `samples` (k), the figures of `PromptCurve`, tokens per prompt in both counts, and
        `intervals` of the figures over prompts (95 %; none of one prompt).
        `cons_error` is the standard error that random subsets leave in the mean.
    """
    curves = [[prompt_curve(prompt) for prompt in prompts] for prompts in seeds]
    fewest = min(len(prompt) for prompts in seeds for prompt in prompts)
    # By figure: shape (k, prompts, seeds).
    tables = {
        name: np.array([[getattr(c, name)[: fewest + 1] for c in row] for row in curves]).T
        for name in PromptCurve._fields
    }
    variances = tables.pop("cons_error") ** 2
    errors = np.sqrt(variances.sum(axis=(1, 2))) / variances[0].size
    per_sample = {
        f"{name}_per_prompt": float(
            np.mean([[np.mean([getattr(s, name) for s in p]) for p in row] for row in seeds])
        )
        for name in ("tokens", "tokens_upstream")
    }
    return [
        {
            "samples": k,
            **{name: float(table[k].mean()) for name, table in tables.items()},
            "cons_error": float(errors[k]),
            **{name: k * value for name, value in per_sample.items()},
            "intervals": {name: _interval(name, table[k]) for name, table in tables.items()},
        }
        for k in range(1, fewest + 1)
    ]


def _interval(name: str, values: Table) -> Interval | None:
    shares = name != "distinct_answers"
    return share_interval(values) if shares else estimate([mean(values, None)]).interval


def sampled_cons(samples: Sequence[SequenceResult], subsets: int) -> tuple[Table, Table]:
    """Cons@k for k = 0..M over seeded random subsets, and its standard error."""
    rng = np.random.default_rng(SEED)
    orders = rng.permuted(np.tile(np.arange(len(samples)), (subsets, 1)), axis=1)
    right = draw(samples, orders, by_index=True).majority_right
    return (
        np.concatenate([[0.0], right.mean(axis=0)]),
        np.concatenate([[0.0], right.std(axis=0) / np.sqrt(subsets)]),
    )


def _groups(samples: Sequence[SequenceResult]) -> dict[int | None, list[int]]:
    groups: dict[int | None, list[int]] = {}
    for index, sample in enumerate(samples):
        groups.setdefault(sample.candidate, []).append(index)
    return groups


def _products(samples: Sequence[SequenceResult]) -> int:
    groups = _groups(samples)
    sizes = {name: len(members) for name, members in groups.items()}
    votes = [sizes[s.candidate] for s in samples if s.correct and s.candidate is not None]
    return sum(votes) * len(groups)


def _exact_cons(samples: Sequence[SequenceResult]) -> Table:
    """Share of the subsets of k samples whose majority answer is right, for k = 0..M.

    A right sample i decides a subset where it is the first of its answer, which has t votes there;
    every other answer has fewer votes, or t votes that all come after i. The numbers of such
    subsets by size are the coefficients of a product of one polynomial per answer.
    """
    groups = _groups(samples)
    blank = len(groups.pop(None, []))
    subsets = np.zeros(len(samples) + 1)
    for name, members in groups.items():
        others = [positions for other, positions in groups.items() if other != name]
        for place, index in enumerate(members):
            if not samples[index].correct:
                continue
            later = len(members) - place - 1
            for votes in range(1, later + 2):
                product: Table = _choices(blank, blank) * comb(later, votes - 1)
                for positions in others:
                    product = _product(product, _with_fewer(positions, votes, index))
                subsets[votes : votes + len(product)] += product
    return subsets / _choices(len(samples), len(samples))


def _product(left: Table, right: Table) -> Table:
    return np.asarray(np.convolve(left, right), np.float64)


def _with_fewer(positions: list[int], votes: int, index: int) -> Table:
    """Ways to choose 0, 1, ... votes for an answer that does not win against `votes` of `index`."""
    fewer = _choices(len(positions), min(votes - 1, len(positions)))
    if votes > len(positions):
        return fewer
    return np.append(fewer, float(comb(sum(place > index for place in positions), votes)))


def _choices(many: int, most: int) -> Table:
    return np.array([float(comb(many, chosen)) for chosen in range(most + 1)])


def _distinct(samples: Sequence[SequenceResult]) -> Table:
    """Expected number of different answers among k samples."""
    many = len(samples)
    sizes = [len(members) for name, members in _groups(samples).items() if name is not None]
    return np.array(
        [sum(1 - comb(many - size, k) / comb(many, k) for size in sizes) for k in range(many + 1)]
    )
