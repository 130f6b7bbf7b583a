"""The command line of `eager run`: our flags and those of the authors' program."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import NoReturn, get_args

from eager.algorithm.rules import RuleName
from eager.config.schema import NAME_PATTERN, RESERVED_NAMES
from eager.config.settings import (
    DEFAULT_RULE,
    KINDS,
    MAX_LOGPROBS,
    METHODS,
    THINK_MARKER,
    Method,
    NumberFormat,
    check_method,
    check_threshold,
)
from eager.util.errors import EagerError

EXPERIMENTS = {
    "all": METHODS,
    "default": ("parallel",),
    "aware": ("eager_init",),
    "aware_easy_more_budget": ("eager_adapt",),
    "aware_more_budget": ("eager",),
}
"""Methods by the words in the names of the authors' result files."""
DTYPES = ("half", "float", *get_args(NumberFormat))
DTYPE_NAMES = {"half": "float16", "float": "float32"}
"""End of thinking of a model that is not configured: the one that the authors' program knows."""
USAGE = """eager run --model NAME --dataset NAME [options] [-- arguments of Snakemake]"""
NOTE = """
NAME is a name of config/models.yaml or config/datasets.yaml, a name on the Hugging Face hub, or a
local path. Every option may also be written with underscores, and --model_name and --data_name
stand for --model and --dataset, as in the authors' program. Several thresholds or caps are several
cells. What is written: results/{name}/config/, which any later `snakemake` takes by --configfile.
"""


@dataclass(frozen=True)
class RunOptions:
    """What was asked for; None: not said.

    Attributes are named as the flags; `snakemake` is what stands after `--`.
    """

    model: str
    dataset: str
    name: str | None
    temperature: float
    max_sequences: tuple[int, ...]
    entropy_threshold: tuple[float, ...]
    seed: int
    methods: tuple[Method, ...]
    models: str
    datasets: str
    rule: RuleName
    dtype: NumberFormat | None
    max_model_len: int | None
    max_tokens: int | None
    gpu_memory_utilization: float | None
    end_of_thinking: str | None
    kind: str | None
    prompt_field: str | None
    target_field: str | None
    prompt_template: str | None
    split: str | None
    record_entropies: bool
    device: str | None
    profile: str | None
    workflow_profile: str | None
    output_dir: str | None
    dry_run: bool
    snakemake: tuple[str, ...]


class _Parser(argparse.ArgumentParser):
    """Mistakes are raised as one line."""

    def error(self, message: str) -> NoReturn:
        raise EagerError(f"eager run: {message}; `eager run --help` lists the flags")

    @property
    def flags(self) -> list[str]:
        """Every flag."""
        return list(self._option_string_actions)


def parse_run(words: Sequence[str]) -> RunOptions:
    """Read the command line.

    Raises:
        EagerError: a flag is unknown, lacks its value, or has one that is not possible.
        SystemExit: help was asked for and printed.
    """
    own, rest = list(words), []
    if "--" in own:
        place = own.index("--")
        own, rest = own[:place], own[place + 1 :]
    # Underscores and dashes are the same in names of flags.
    own = [_dashed(word) if word.startswith("--") else word for word in own]
    parser = _parser()
    _check_flags(own, parser.flags)
    found = vars(parser.parse_args(own))
    found["methods"] = _methods(found.pop("experiments"))
    for name in ("max_sequences", "entropy_threshold"):
        found[name] = tuple(dict.fromkeys(value for values in found[name] for value in values))
    found["dtype"] = DTYPE_NAMES.get(found["dtype"], found["dtype"])
    return RunOptions(**found, snakemake=tuple(rest))


def _check_flags(words: list[str], known: list[str]) -> None:
    """Name a flag that there is not before any that lacks."""
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            close = get_close_matches(flag, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "`eager run --help` lists the flags"
            raise EagerError(f"eager run: unknown flag {flag}; {hint}")


def _dashed(word: str) -> str:
    flag, equals, value = word.partition("=")
    return flag.replace("_", "-") + equals + value


def _parser() -> _Parser:
    parser = _Parser("eager run", USAGE, epilog=NOTE, allow_abbrev=False)
    add = parser.add_argument
    add("--model", "--model-name", required=True, help="the model")
    add("--dataset", "--data-name", required=True, help="the data set")
    add(
        "--name",
        type=_name,
        help="name of the experiment, a folder of results/; else model--dataset",
    )
    add("--temperature", type=_positive, default=0.6, help="sampling temperature T, above 0")
    add("--max-sequences", type=_counts, nargs="+", default=[(32,)], help="caps M")
    thresholds = "thresholds in nats"
    add("--entropy-threshold", type=_thresholds, nargs="+", default=[(2.2,)], help=thresholds)
    add("--seed", type=_natural, default=55, help="seed of the run")
    words = f"methods: {', '.join((*METHODS, *EXPERIMENTS))}"
    add("--experiments", "--methods", nargs="+", default=["all"], help=words)
    add("--rule", choices=get_args(RuleName), default=DEFAULT_RULE, help="how it branches")
    add("--dtype", choices=DTYPES, help="number format of the weights")
    add("--max-model-len", type=_count, help="tokens of prompt plus answer")
    add("--max-tokens", type=_count, help="tokens of an answer")
    add("--gpu-memory-utilization", type=_share, help="share of the GPU's memory for vLLM")
    add("--device", help="cpu or cuda: the profile, where none is given; else what is there")
    add("--output-dir", help="folder for the results in the authors' format, besides ours")
    add("--record-entropies", action="store_true", help="those of Full Parallel too; slower")
    add("--models", default="config/models.yaml", help="file of configured models")
    add("--datasets", default="config/datasets.yaml", help="file of configured data sets")
    unknown = "of one that is not configured"
    add("--end-of-thinking", help=f"marker {unknown}; {THINK_MARKER} if left out")
    add("--kind", choices=KINDS, help=f"how answers are evaluated, {unknown}; math if left out")
    add("--prompt-field", help=f"column with the problem, {unknown}; problem if left out")
    add("--target-field", help=f"column with the answer, {unknown}; answer if left out")
    add("--prompt-template", help="text of the prompt; {prompt} is replaced by the problem")
    add("--split", help=f"split, {unknown}; train if left out")
    add("--profile", help="for Snakemake; a folder of workflow/profiles/ by its name")
    add("--workflow-profile", help="for Snakemake")
    add("-n", "--dry-run", action="store_true", help="say what would run")
    return parser


def _methods(words: list[str]) -> tuple[Method, ...]:
    methods: list[Method] = []
    for word in (part for text in words for part in text.split(",") if part):
        plain = word.replace("-", "_")
        if plain in EXPERIMENTS:
            methods += EXPERIMENTS[plain]
            continue
        try:
            methods.append(check_method(plain))
        except ValueError:
            raise EagerError(
                f"eager run: --experiments {word}: write some of "
                f"{', '.join((*METHODS, *EXPERIMENTS))}"
            ) from None
    return tuple(dict.fromkeys(methods))


def _thresholds(text: str) -> tuple[float, ...]:
    numbers = tuple(float(part) for part in text.strip("[]").split(",") if part.strip())
    for number in numbers:
        try:
            check_threshold(number, MAX_LOGPROBS)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).partition(": ")[2]) from None
    return numbers


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.strip("[]").split(",") if part.strip())


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text) or text in RESERVED_NAMES:
        raise argparse.ArgumentTypeError(f"{text!r} cannot name a folder of results/")
    return text


def _natural(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def _positive(text: str) -> float:
    if not ((number := float(text)) > 0 and isfinite(number)):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _share(text: str) -> float:
    if not 0 < (number := float(text)) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number
