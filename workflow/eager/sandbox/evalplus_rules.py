"""The functions and constants of evalplus that the checker uses, imported when first needed.

Only what compares and what converts data is used here, outside the container; evalplus's own
evaluation, which runs solutions, is never called.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import dataclass
from functools import cache
from typing import Any

from eager.util.errors import EagerError


@dataclass(frozen=True)
class EvalplusRules:
    """evalplus's comparison helpers."""

    is_floats: Any
    poly: Any
    surface_area: Any
    digit_distance: Any
    not_none_entry_points: frozenset[str]
    set_entry_points: frozenset[str]


def _import(name: str) -> Any:
    if "datasets" not in sys.modules and importlib.util.find_spec("datasets") is None:
        # evalplus.data imports it for a data set of another benchmark.
        stub = types.ModuleType("datasets")
        stub.load_dataset = None  # type: ignore[attr-defined]
        sys.modules["datasets"] = stub
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EagerError(
            f"evaluating code needs the package evalplus ({error}); install it with "
            "pip install --no-deps evalplus==0.3.1 and what envs/sandbox.lock lists"
        ) from None


@cache
def rules() -> EvalplusRules:
    """Evalplus's comparison helpers.

    Raises:
        EagerError: evalplus is not installed.
    """
    oracle = _import("evalplus.eval._special_oracle")
    return EvalplusRules(
        is_floats=_import("evalplus.eval").is_floats,
        poly=oracle._poly,
        surface_area=oracle._surface_Area,
        digit_distance=oracle._digit_distance_nums,
        not_none_entry_points=frozenset(oracle.MBPP_OUTPUT_NOT_NONE_TASKS),
        set_entry_points=frozenset(oracle.MBPP_OUTPUT_SET_EQ_TASKS),
    )


def mbpp_inputs(task_id: str, inputs: list[Any]) -> list[Any]:
    """Inputs of an MBPP+ task with the tuples, sets and complex numbers that JSON lost.

    Raises:
        EagerError: evalplus is not installed.
    """
    converted: list[Any] = _import("evalplus.data.mbpp").mbpp_deserialize_inputs(task_id, inputs)
    return converted


def mbpp_outputs(task_id: str, inputs: list[Any]) -> list[Any]:
    """Inputs of an MBPP+ task in a form that JSON can hold.

    Raises:
        EagerError: evalplus is not installed.
    """
    converted: list[Any] = _import("evalplus.data.mbpp").mbpp_serialize_inputs(task_id, inputs)
    return converted


def pass_at_k(totals: list[int], right: list[int], k: int) -> float:
    """Mean over tasks of the unbiased estimate of pass@k.

    Raises:
        EagerError: evalplus is not installed.
    """
    return float(_import("evalplus.eval").estimate_pass_at_k(totals, right, k).mean())
