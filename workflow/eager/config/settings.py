"""The parameters that make a result: what a generation depends on, and nothing else.

`DecodingSettings` stands in a rule's `params` and in the names of finished prompts in the store, so
whatever is in it reruns a stage when it changes. `EngineOptions` only change
speed and memory and rerun nothing.
"""

from __future__ import annotations

from math import log
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from eager.algorithm.methods import check_children, own_methods
from eager.algorithm.rules import RuleName
from eager.util.validation import closest

MAX_LOGPROBS = 20
"""Top tokens that vLLM returns per position by default; the largest K."""

LOWEST_TEMPERATURE = 0.01
"""vLLM samples lower ones at this one (`_MAX_TEMP`)."""

SNAPSHOT_STEPS = 2048
"""Steps between two states of a prompt by default; a multiple of the engine's KV blocks, so that
what is submitted again finds its prefix in the cache."""

METHODS = ("parallel", "eager_init", "eager_adapt", "eager")
"""The paper's methods, in the order they are shown in."""
BUDGET_METHODS = ("eager_adapt", "eager")
"""Those that go on from EAGer-init's result with the budget it saved."""
DEFAULT_RULE: RuleName = "described"
NumberFormat = Literal["auto", "float32", "bfloat16", "float16"]
TaskKind = Literal["math", "choice", "code"]
KINDS: tuple[TaskKind, ...] = get_args(TaskKind)
THINK_MARKER = "</think>"
"""End of thinking of most reasoning models."""


def check_method(name: str) -> str:
    """A method's name, if there is such a method.

    Raises:
        ValueError: neither one of the paper's nor a module of `eager.algorithm.methods` that can
            be used.
    """
    known = [*METHODS, *own_methods()]
    if name in own_methods():
        check_children(name)
    if name in known:
        return name
    raise ValueError(
        f"unknown method; {closest(name, known)} (a method of your own is "
        f"workflow/eager/algorithm/methods/{name}.py)"
    )


def is_first_round(method: str) -> bool:
    """Whether a method branches from a root: EAGer-init and methods of one's own."""
    return method not in ("parallel", *BUDGET_METHODS)


Method = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name of a method, of a result that is there: others' results may have methods of their own."""
KnownMethod = Annotated[Method, AfterValidator(check_method)]
"""Name of a method that can be run here."""


class StrictModel(BaseModel):
    """A record that refuses typing errors: no unknown keys, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BranchingParameters(StrictModel):
    """Parameters of the method that hold for a whole experiment (symbols of the paper)."""

    top_k_entropy: int = Field(
        default=20, ge=2, le=MAX_LOGPROBS, description="top tokens the entropy is taken over (K)"
    )
    threshold_percentile: float = Field(
        default=99, ge=0, le=100, description="percentile of the dynamic threshold (q)"
    )
    max_steps_without_branch: int = Field(
        default=1000, ge=1, description="steps with no branch after which branching ends (patience)"
    )


class DecodingSettings(BranchingParameters):
    """How one method samples and branches in one cell."""

    method: Method
    max_sequences: int = Field(ge=1, description="cap on sequences per prompt (M)")
    entropy_threshold: float | None = Field(
        default=None, ge=0, description="entropy threshold in nats (theta); null for parallel"
    )
    temperature: float = Field(gt=0, description="sampling temperature (T)")
    top_p: float = Field(default=1.0, gt=0, le=1, description="nucleus sampling; 1: off")
    top_k: int = Field(default=0, ge=0, description="sample among the top k tokens; 0: off")
    max_tokens: int | None = Field(
        default=None, ge=1, description="tokens of an answer; null: what is left of the context"
    )
    dtype: NumberFormat = Field(default="auto", description="number format of the weights")
    seed: int = Field(ge=0, description="seed of the run")
    record_entropies: bool = Field(
        default=False,
        exclude_if=lambda recorded: not recorded,
        description="record entropies of Full Parallel too, which costs time",
    )
    # Left out of what is written where it is the default, so that no result's hash changes by it.
    snapshot_steps: int = Field(
        default=SNAPSHOT_STEPS,
        ge=1,
        exclude_if=lambda steps: steps == SNAPSHOT_STEPS,
        description="steps of a prompt after which its state is kept and its seeds are new",
    )
    rule: RuleName = Field(
        default=DEFAULT_RULE,
        exclude_if=lambda rule: rule == DEFAULT_RULE,
        description="how it branches: as the paper describes it, or as the authors' program does",
    )

    @model_validator(mode="after")
    def _check_threshold(self) -> DecodingSettings:
        if self.method == "parallel":
            return self
        if self.entropy_threshold is None:
            raise ValueError(f"{self.method} needs an entropy_threshold")
        check_threshold(self.entropy_threshold, self.top_k_entropy)
        return self


class EngineOptions(StrictModel):
    """How vLLM is run: speed and memory, not what is asked of it."""

    max_num_seqs: int = Field(default=256, ge=1, description="sequences decoded at once")
    gpu_memory_utilization: float = Field(
        default=0.9, gt=0, le=1, description="share of GPU memory for vLLM"
    )
    tensor_parallel_size: int = Field(
        default=1,
        ge=1,
        description="GPUs that share a model; the model's own value takes precedence",
    )
    cpu_kv_cache_gib: int = Field(default=2, ge=1, description="KV cache on a CPU, in GiB")


class RivalSettings(StrictModel):
    """Simple rivals that stop sampling early; derived from Full Parallel's samples."""

    window: int = Field(
        default=4, ge=2, description="samples that early_stopping draws at once and that must agree"
    )
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="the leading answer's probability of being the majority at which "
        "adaptive_consistency stops",
    )


USUAL_RIVALS = RivalSettings()
"""Where an experiment does not say otherwise."""


def check_threshold(entropy_threshold: float, top_k_entropy: int) -> None:
    """Refuse a threshold that no entropy over K tokens can exceed.

    Raises:
        ValueError: theta is outside [0, ln K].
    """
    highest = log(top_k_entropy)
    if not 0 <= entropy_threshold <= highest:
        raise ValueError(
            f"entropy_threshold: {entropy_threshold:g} is outside [0, ln K]: the entropy over "
            f"{top_k_entropy} tokens is at most {highest:.3f} nats; write 0 to {highest:.2f}"
        )
