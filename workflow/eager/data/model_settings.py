"""What a model's own files say of it that decides on prompts: its ends, and its longest context."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from eager.config.settings import NumberFormat
from eager.util.errors import EagerError
from eager.util.files import read_json

FILES = ("generation_config.json", "config.json")
LENGTHS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
"""Keys of the longest context, as vLLM looks for them."""
SCALED = ("linear", "dynamic", "ntk")
"""Forms of rotary embeddings whose factor multiplies the longest context; yarn's multiplies what it
was trained with; others (llama3, longrope) have the scaled one in config.json."""
DTYPES = ("dtype", "torch_dtype")
STORED = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""Number formats as safetensors and as config.json and vLLM call them."""
METADATA = "__metadata__"
LONGEST_HEADER = 100_000_000
"""Bytes, as the format says."""
NESTED = "text_config"
"""Where models of several kinds of input keep what concerns text."""


def named_ends(folder: Path) -> set[int]:
    """Ids that the model's files name as the end of a sequence.

    Raises:
        EagerError: what is named is no id.
    """
    found: set[int] = set()
    for name in FILES:
        settings = _read(folder / name)
        for section in (settings, _nested(settings)):
            ends = section.get("eos_token_id")
            ids = ends if isinstance(ends, list) else [] if ends is None else [ends]
            if not all(type(one) is int and one >= 0 for one in ids):
                raise EagerError(
                    f"{folder / name}: eos_token_id {reprlib.repr(ends)} is no token id; write a "
                    "number, or a list of numbers"
                )
            found.update(ids)
    return found


def end_of_sequence(tokenizer: Any, folder: Path) -> tuple[int, ...]:
    """Ids of all tokens that the tokenizer and the model's files name as the end of a sequence.

    Raises:
        EagerError: none is named, or one is no id.
    """
    ends = named_ends(folder) | {tokenizer.eos_token_id} - {None}
    if not ends:
        raise EagerError(
            f"{folder}: no file names the token that ends a sequence, so no answer would end; "
            f'write its id in {FILES[0]}, such as {{"eos_token_id": 2}}'
        )
    return tuple(sorted(ends))


def check_context(folder: Path, context_length: int) -> None:
    """Refuse a context that is longer than the model's.

    Raises:
        EagerError: it is.
    """
    settings = _read(folder / "config.json")
    for section in (settings, _nested(settings)):
        name = next((name for name in LENGTHS if isinstance(section.get(name), int)), None)
        if name is None:
            continue
        longest = _scaled(section[name], section)
        if context_length > longest:
            raise EagerError(
                f"context_length {context_length} is more than the model's {longest} "
                f"({name} in {folder}/config.json); write at most {longest}"
            )
        return


def used_dtype(folder: Path, dtype: NumberFormat) -> str:
    """The number format that a model is run in: `auto` is the one its weights are stored in.

    vLLM's own `auto` runs float32 weights in another format.

    Raises:
        EagerError: the model's files do not say it.
    """
    if dtype != "auto":
        return dtype
    settings = _read(folder / "config.json")
    sections = (settings, _nested(settings))
    named = (section.get(key) for section in sections for key in DTYPES)
    every = chain(named, _stored(folder))
    found = next((one for one in every if one in STORED.values()), None)
    if found is None:
        raise EagerError(
            f"{folder}: its files do not say the number format of the weights; set dtype for the "
            "model, such as bfloat16"
        )
    return str(found)


def _stored(folder: Path) -> Iterator[str | None]:
    """The number formats of the first file of weights, read when they are asked for."""
    for weights in sorted(folder.glob("*.safetensors"))[:1]:
        header = safetensors_header(weights)
        yield from (STORED.get(one["dtype"]) for name, one in header.items() if name != METADATA)


def safetensors_header(path: Path) -> dict[str, Any]:
    """What stands before the weights in a safetensors file: a length in 8 bytes, then JSON.

    Raises:
        EagerError: it is no such file.
    """
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        text = stream.read(length) if length <= LONGEST_HEADER else b""
    try:
        header: dict[str, Any] = json.loads(text)
    except ValueError:
        raise EagerError(f"{path}: not a safetensors file; fetch it again") from None
    return header


def _scaled(length: int, section: Mapping[str, Any]) -> int:
    """The longest context in tokens with what config.json says of rotary embeddings."""
    scaling = section.get("rope_scaling") or section.get("rope_parameters")
    if not isinstance(scaling, dict):
        return length
    form = scaling.get("rope_type") or scaling.get("type")
    factor = _number(scaling.get("factor"), 1)
    if form == "yarn":
        trained = _number(scaling.get("original_max_position_embeddings"), length)
        return max(length, int(factor * trained))
    return int(factor * length) if form in SCALED else length


def _number(value: Any, default: float) -> float:
    return value if type(value) in (int, float) and 0 < value < math.inf else default


def _nested(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    nested = settings.get(NESTED)
    return nested if isinstance(nested, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    """A JSON file of the model that holds an object; empty where there is none."""
    if not path.is_file():
        return {}
    content = read_json(path)
    if not isinstance(content, dict):
        raise EagerError(f"{path}: an object is expected; take the model's own file")
    return content
