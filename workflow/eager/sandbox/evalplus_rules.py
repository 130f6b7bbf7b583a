"""evalplus's functions and constants that compare outputs and convert data, imported when needed.

They are used outside of the container. evalplus's own evaluation, which runs solutions, is never
called.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from functools import cache
from typing import Any

from eager.util.errors import EagerError


@cache
def evalplus(module: str) -> Any:
    """A module of evalplus, such as `eval`.

    Raises:
        EagerError: evalplus is not installed.
    """
    if "datasets" not in sys.modules and importlib.util.find_spec("datasets") is None:
        # evalplus.data imports it for a data set of another benchmark.
        stub = types.ModuleType("datasets")
        stub.load_dataset = None  # type: ignore[attr-defined]
        sys.modules["datasets"] = stub
    try:
        return importlib.import_module(f"evalplus.{module}")
    except ImportError as error:
        raise EagerError(
            f"evaluating code needs the package evalplus ({error}); install it with "
            "pip install --no-deps evalplus==0.3.1 and what envs/sandbox.lock lists"
        ) from None


def oracle() -> Any:
    """The module of evalplus's comparisons for single tasks.

    Raises:
        EagerError: evalplus is not installed.
    """
    return evalplus("eval._special_oracle")
