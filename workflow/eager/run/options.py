"""The command line of `eager run`: our flags and those of the authors' program."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticUndefined

from eager.algorithm.rules import RuleName
from eager.config.schema import RESERVED_NAMES, Name
from eager.config.settings import (
    DEFAULT_RULE,
    LOWEST_TEMPERATURE,
    MAX_LOGPROBS,
    METHODS,
    THINK_MARKER,
    KnownMethod,
    NumberFormat,
    StrictModel,
    TaskKind,
    check_threshold,
)
from eager.util.errors import EagerError
from eager.util.validation import closest, faults_of

EXPERIMENTS = {
    "all": METHODS,
    "default": ("parallel",),
    "aware": ("eager_init",),
    "aware_easy_more_budget": ("eager_adapt",),
    "aware_more_budget": ("eager",),
}
"""Methods by the words in the names of the authors' result files."""
DTYPE_NAMES = {"half": "float16", "float": "float32"}
DTYPES = (*DTYPE_NAMES, *get_args(NumberFormat))
USAGE = """eager run --model NAME --dataset NAME [options] [-- arguments of Snakemake]"""
NOTE = """
NAME is a name of config/models.yaml or config/datasets.yaml, a name on the Hugging Face hub, or a
local path. Every option may also be written with underscores, and --model_name and --data_name
stand for --model and --dataset, as in the authors' program. Several thresholds, caps or seeds are
several cells. What is written: results/{name}/config/, which any later `snakemake` takes by
--configfile.
"""
OTHER_FLAGS = {
    "model": ("--model-name",),
    "dataset": ("--data-name",),
    "methods": ("--experiments",),
    "dry_run": ("-n",),
}
"""Further names of a flag."""


def _split(words: Any) -> tuple[Any, ...]:
    """Values as `2.0 2.2`, `2.0,2.2` or `[2.0,2.2]`, each once."""
    parts = (part.strip() for word in words for part in str(word).strip("[]").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _methods(words: Any) -> tuple[str, ...]:
    plain = (word.replace("-", "_") for word in _split(words))
    return tuple(dict.fromkeys(name for word in plain for name in EXPERIMENTS.get(word, (word,))))


def _thresholds(values: tuple[float, ...]) -> tuple[float, ...]:
    for value in values:
        check_threshold(value, MAX_LOGPROBS)
    return values


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError("results/ holds something else of this name; write another one")
    return name


Count = Annotated[int, Field(ge=1)]
Numbers = BeforeValidator(_split)


class RunOptions(StrictModel):
    """What was asked for, by the names of the flags; None: not said."""

    model: str = Field(description="the model")
    dataset: str = Field(description="the data set")
    name: Annotated[Name, AfterValidator(_not_reserved)] | None = Field(
        None, description="name of the experiment, a folder of results/; else model--dataset"
    )
    temperature: float = Field(
        0.6, ge=LOWEST_TEMPERATURE, description=f"sampling temperature T, from {LOWEST_TEMPERATURE}"
    )
    max_sequences: Annotated[tuple[Count, ...], Numbers] = Field((32,), description="caps M")
    entropy_threshold: Annotated[tuple[float, ...], Numbers, AfterValidator(_thresholds)] = Field(
        (2.2,), description="thresholds in nats"
    )
    seed: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Numbers] = Field(
        (55,), description="seeds of the run"
    )
    methods: Annotated[tuple[KnownMethod, ...], BeforeValidator(_methods)] = Field(
        METHODS, description=f"methods: {', '.join((*METHODS, *EXPERIMENTS))}"
    )
    rule: RuleName = Field(
        DEFAULT_RULE, description=f"how it branches: {' or '.join(get_args(RuleName))}"
    )
    dtype: (
        Annotated[NumberFormat, BeforeValidator(lambda name: DTYPE_NAMES.get(name, name))] | None
    ) = Field(None, description=f"number format of the weights: {', '.join(DTYPES)}")
    max_model_len: Count | None = Field(None, description="tokens of prompt plus answer")
    max_tokens: Count | None = Field(None, description="tokens of an answer")
    gpu_memory_utilization: float | None = Field(
        None, gt=0, le=1, description="share of the GPU's memory for vLLM"
    )
    device: str | None = Field(
        None, description="cpu or cuda: the profile, where none is given; else as vLLM is installed"
    )
    output_dir: str | None = Field(
        None, description="folder for the results in the authors' format, besides ours"
    )
    record_entropies: bool = Field(False, description="those of Full Parallel too; slower")
    models: str = Field("config/models.yaml", description="file of configured models")
    datasets: str = Field("config/datasets.yaml", description="file of configured data sets")
    end_of_thinking: str | None = Field(
        None, description=f"marker of one that is not configured; {THINK_MARKER} if left out"
    )
    kind: TaskKind | None = Field(
        None, description="how answers are evaluated, of one that is not configured; else math"
    )
    prompt_field: str | None = Field(
        None, description="column with the problem, of one that is not configured; else problem"
    )
    target_field: str | None = Field(
        None, description="column with the answer, of one that is not configured; else answer"
    )
    prompt_template: str | None = Field(
        None, description="text of the prompt; {prompt} is replaced by the problem"
    )
    split: str | None = Field(
        None, description="split, of one that is not configured; train if left out"
    )
    profile: str | None = Field(
        None, description="for Snakemake; a folder of workflow/profiles/ by its name"
    )
    workflow_profile: str | None = Field(None, description="for Snakemake")
    dry_run: bool = Field(False, description="say what would run")
    snakemake: tuple[str, ...] = ()


class _Parser(argparse.ArgumentParser):
    """Mistakes are raised as one line."""

    def error(self, message: str) -> NoReturn:
        raise EagerError(f"eager run: {message}; `eager run --help` lists the flags")

    def check_flags(self, words: Sequence[str]) -> None:
        """Name a flag that there is not before any that lacks.

        Raises:
            EagerError: there is no such flag.
        """
        for word in words:
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag not in self._option_string_actions:
                hint = closest(flag, self._option_string_actions)
                raise EagerError(f"eager run: unknown flag {flag}; {hint}")


def parse_run(words: Sequence[str]) -> RunOptions:
    """Read the command line; what stands after `--` is for Snakemake.

    Raises:
        EagerError: a flag is unknown, lacks its value, or has one that is not possible.
        SystemExit: help was asked for and printed.
    """
    own, rest = list(words), []
    if "--" in own:
        place = own.index("--")
        own, rest = own[:place], own[place + 1 :]
    own = [_dashed(word) if word.startswith("--") else word for word in own]
    parser = _parser()
    parser.check_flags(own)
    given = vars(parser.parse_args(own))
    try:
        return RunOptions.model_validate(given | {"snakemake": tuple(rest)})
    except ValidationError as error:
        keys = [fault.partition(":") for fault in faults_of(RunOptions, error)]
        faults = "; ".join(f"--{_dashed(key)}:{rest}" for key, _, rest in keys)
        raise EagerError(f"eager run: {faults}") from None


def _dashed(word: str) -> str:
    """Underscores and dashes are the same in names of flags."""
    flag, *rest = word.partition("=")
    return flag.replace("_", "-") + "".join(rest)


def _default(value: Any) -> str:
    """What a help says of a default; of flags and of what the description explains nothing."""
    if value in (None, False, PydanticUndefined):
        return ""
    words = value if isinstance(value, tuple) else (value,)
    return f" (default: {' '.join(map(str, words))})"


def _parser() -> _Parser:
    parser = _Parser("eager run", USAGE, epilog=NOTE, allow_abbrev=False)
    for name, field in RunOptions.model_fields.items():
        if name == "snakemake":
            continue
        flags = (f"--{_dashed(name)}", *OTHER_FLAGS.get(name, ()))
        said = f"{field.description}{_default(field.default)}"
        more: dict[str, Any] = {"dest": name, "help": said}
        if field.annotation is bool:
            more["action"] = "store_true"
        elif get_origin(field.annotation) is tuple:
            more["nargs"] = "+"
        parser.add_argument(*flags, required=field.is_required(), default=argparse.SUPPRESS, **more)
    return parser
