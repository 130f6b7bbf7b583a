"""Sizes of a model from its files: config.json and the headers of safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eager.generation.model_shape import model_shape

CONFIG = {
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "dtype": "bfloat16",
}


def write(folder: Path, config: dict[str, Any], *shapes: list[int]) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    for number, shape in enumerate(shapes):
        tensor = {"dtype": "BF16", "shape": shape, "data_offsets": [0, 0]}
        header = json.dumps({"__metadata__": {"format": "pt"}, "a.weight": tensor}).encode()
        file = folder / f"model-{number}.safetensors"
        file.write_bytes(len(header).to_bytes(8, "little") + header)


@pytest.mark.parametrize(
    ("more", "dtype", "expected"),
    [
        ({}, "bfloat16", (64, 2 * 3 * 2 * 8 * 2, 52)),
        ({}, "float32", (64, 2 * 3 * 2 * 8 * 4, 52)),
        ({"head_dim": 16, "num_key_value_heads": None}, "bfloat16", (128, 2 * 3 * 8 * 16 * 2, 52)),
        ({"num_local_experts": 4}, "bfloat16", (64, 192, None)),
        ({"quantization_config": {"quant_method": "mxfp4"}}, "bfloat16", (64, 192, None)),
    ],
)
def test_sizes_of_a_model(
    more: dict[str, Any], dtype: str, expected: tuple[Any, ...], tmp_path: Path
) -> None:
    write(tmp_path, CONFIG | more, [4, 10], [12])
    found = model_shape(tmp_path, dtype)
    names = ("attention_width", "kv_bytes_per_position", "parameters")
    assert found == {"layers": 3, **dict(zip(names, expected, strict=True))}


def test_what_files_do_not_say(tmp_path: Path) -> None:
    write(tmp_path, {"text_config": CONFIG})
    assert (model_shape(tmp_path, "bfloat16") or {})["parameters"] is None
    write(tmp_path, {"model_type": "llama"})
    assert model_shape(tmp_path, "bfloat16") is None
