"""What a model's files say of its size, for what a result costs beside tokens."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

from eager.data.model_settings import METADATA, safetensors_header

EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
"""Names of the number of experts in config.json, of which a token uses only some."""


def model_shape(folder: Path, dtype: str) -> dict[str, int | None] | None:
    """Sizes of a model, or None where its config.json does not say them.

    Every layer counts as attending to all positions, which those with a window do not.

    Args:
        folder: of the model.
        dtype: in which it is run; the KV cache is in the same.

    Returns:
        `layers`; `attention_width`: heads times their dimension; `kv_bytes_per_position`: of keys
        and values in all layers; `parameters`: None where the weights are not safetensors, or are
        packed, or a token does not use all of them.
    """
    whole = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = whole.get("text_config") or whole
    try:
        layers, heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
        width = int(config.get("head_dim") or config["hidden_size"] // heads)
    except (KeyError, TypeError, ValueError):
        return None
    size = 4 if dtype == "float32" else 2
    kept = int(config.get("num_key_value_heads") or heads)
    all_used = not any(config.get(name) for name in EXPERTS) and "quantization_config" not in whole
    return {
        "layers": layers,
        "attention_width": heads * width,
        "kv_bytes_per_position": 2 * layers * kept * width * size,
        "parameters": _parameters(folder) if all_used else None,
    }


def _parameters(folder: Path) -> int | None:
    """How many, from the headers of the weights' files."""
    headers = [safetensors_header(file) for file in sorted(folder.glob("*.safetensors"))]
    every = [item for header in headers for item in header.items()]
    shapes = [weights["shape"] for name, weights in every if name != METADATA]
    return sum(map(prod, shapes)) if headers else None
