"""Small tokenizers and chat templates as the families of models have them, made here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n",
    "if x -> y and a >= b: </b> <i>italic</i> => z;\n>>> f(x)\n",
    "I think so. thinking of </div>, then Let me re-think: /think about it </answer> END\n",
    "The answer is \\boxed{42}.\n\nSo 6 + 9 = 15. Let us check: Ω ≤ é ◁ ▷ 思考\n",
] * 4
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level(control: list[str]) -> Tokenizer:
    """As GPT-2: bytes spelled as characters, words begin with a space."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    _train(made, control, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return made


def sentencepiece(control: list[str]) -> Tokenizer:
    """As Llama 2: a space before the text, which decoding takes away; bytes for rare characters."""
    made = _pieces(control, [decoders.Strip(" ", 1, 0)])
    space = normalizers.Replace(" ", "▁")
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), space])
    return made


def metaspace(control: list[str]) -> Tokenizer:
    """As Mistral: the same, but for text behind control tokens."""
    made = _pieces(control, [decoders.Strip(" ", 1, 0)])
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return made


def spaced(control: list[str]) -> Tokenizer:
    """As Gemma: spaces are characters like any other."""
    made = _pieces(control, [])
    made.normalizer = normalizers.Replace(" ", "▁")
    return made


def _pieces(control: list[str], last: list[Any]) -> Tokenizer:
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    _train(made, ["<unk>", *control], extra=BYTES)
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence([*parts, *last])
    return made


def _train(
    made: Tokenizer, control: list[str], extra: list[str] | None = None, **kind: Any
) -> None:
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=[*control, *(extra or [])], show_progress=False, **kind
    )
    made.train_from_iterator(CORPUS, trainer)
    if extra:  # in the vocabulary, but no control tokens
        content = json.loads(made.to_str())
        added = [one for one in content["added_tokens"] if one["content"] not in extra]
        content["added_tokens"] = added
        restored = Tokenizer.from_str(json.dumps(content))
        made.model = restored.model
        made.add_special_tokens([])


def chatml(opening: str = "") -> str:
    """The template of Qwen, SmolLM and others."""
    return (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n" + opening + "{% endif %}"
    )


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        make: its kind of tokenizer.
        control: special tokens; the first is the tokenizer's end of sequence.
        template: its chat template; empty: none.
        ends: what a file of the model names besides, by the file's name.
        thinking: marker of the end of thinking.
        plain: added tokens that are not special.
    """

    make: Any
    control: tuple[str, ...]
    template: str
    ends: Mapping[str, list[str]] = field(default_factory=dict)
    thinking: str = "</think>"
    plain: tuple[str, ...] = ()


GENERATION, CONFIG = "generation_config.json", "config.json"
LLAMA_3 = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n"
)
R1 = "<bos>{% for m in messages %}<User>{{ m.content }}{% endfor %}<Assistant><think>\n"
CHATML = ("<|im_end|>", "<|im_start|>", "<|endoftext|>")
FAMILIES = {
    "SmolLM3": Family(byte_level, CHATML, chatml(), plain=("<think>", "</think>")),
    "Qwen3": Family(
        byte_level,
        CHATML,
        chatml(),
        {GENERATION: ["<|im_end|>", "<|endoftext|>"]},
        plain=("<think>", "</think>"),
    ),
    "DeepSeek-R1-Distill-Llama": Family(
        byte_level, ("<eos>", "<bos>"), R1, plain=("<User>", "<Assistant>", "<think>", "</think>")
    ),
    "gpt-oss": Family(
        byte_level,
        ("<|return|>", "<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>"),
        "<|start|>user<|message|>{{ messages[0].content }}<|end|><|start|>assistant",
        {GENERATION: ["<|return|>", "<|call|>"]},
        thinking="<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    "Llama-2": Family(
        sentencepiece, ("</s>", "<s>"), "<s>[INST] {{ messages[0].content | trim }} [/INST]"
    ),
    "Llama-3": Family(
        byte_level,
        (
            "<|eot_id|>",
            "<|begin_of_text|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eom_id|>",
        ),
        LLAMA_3,
        {GENERATION: ["<|eot_id|>", "<|eom_id|>"]},
    ),
    "Mistral": Family(
        metaspace,
        ("</s>", "<s>"),
        "<s>[INST] {{ messages[0].content }}[/INST]",
        thinking="[/THINK]",
    ),
    "Phi": Family(
        byte_level,
        ("<|endoftext|>", "<|user|>", "<|end|>", "<|assistant|>"),
        "<|user|>\n{{ messages[0].content }}<|end|>\n<|assistant|>\n",
        {GENERATION: ["<|endoftext|>", "<|end|>"]},
        plain=("  ", "    "),
    ),
    "Gemma": Family(
        spaced,
        ("<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
        "<bos><start_of_turn>user\n{{ messages[0].content | trim }}<end_of_turn>\n"
        "<start_of_turn>model\n",
        {CONFIG: ["<eos>", "<end_of_turn>"]},
    ),
    "Qwen2.5": Family(byte_level, CHATML, chatml(), {CONFIG: ["<|im_end|>"]}),
    "SmolLM2": Family(byte_level, ("<|im_end|>", "<|im_start|>"), chatml()),
    "Kimi": Family(byte_level, CHATML, chatml(), thinking="◁/think▷"),
    "DeepSeek-V3": Family(sentencepiece, ("<eos>", "<bos>", "<User>", "<Assistant>"), R1[:-8]),
    "base": Family(byte_level, ("<|endoftext|>",), ""),
}


@cache
def tokenizer(name: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a family."""
    family = FAMILIES[name]
    made = family.make(list(family.control))
    made.add_tokens([AddedToken(text, normalized=False) for text in family.plain])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=family.control[0], chat_template=family.template or None
    )


def write_family(name: str, folder: Path) -> Path:
    """A model's folder without weights."""
    made, family = tokenizer(name), FAMILIES[name]
    made.save_pretrained(folder)
    files: dict[str, dict[str, Any]] = {CONFIG: {"model_type": "llama", "dtype": "float32"}}
    for file, ends in family.ends.items():
        files.setdefault(file, {})["eos_token_id"] = made.convert_tokens_to_ids(ends)
    for file, content in files.items():
        (folder / file).write_text(json.dumps(content))
    return folder
