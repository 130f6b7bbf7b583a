"""Families of models: prompts, answers, markers, stops and ends come out right or are refused."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.algorithm.branching import BranchingRule, Observation, PromptTree
from eager.algorithm.markers import Marker
from eager.config.schema import DatasetEntry, ModelEntry
from eager.data.encoding import encode_prompts
from eager.data.model_settings import check_context, used_dtype
from eager.data.prompts import Prompt, Vocabulary, read_prompts
from eager.data.tasks import Task
from eager.data.tokenization import Texts
from eager.generation.records import tree_tables
from eager.util.errors import EagerError
from eager.util.tables import read_table
from tests.support.families import (
    CONFIG,
    CORPUS,
    FAMILIES,
    GENERATION,
    chatml,
    tokenizer,
    write_family,
)

NAMES = sorted(FAMILIES)
PROBLEM = "What is 6 + 9?\n\n    Take care:  x < y."
FRAGMENTS = st.sampled_from(
    [
        *" \n<>/aé思◁",
        "  ",
        "\n\n",
        "think",
        "</",
        "</b>",
        ">>> ",
        "END",
        "So 6 + 9",
        "    return",
        "[/",
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=8).map("".join)


@cache
def texts_of(name: str) -> Texts:
    return Texts(tokenizer(name))


@cache
def tokens_by_text(name: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for token_id in range(len(tokenizer(name))):
        text = texts_of(name).of_token(token_id)
        if isinstance(text, str) and text and "\ufffd" not in text:
            found.setdefault(text, []).append(token_id)
    return found


@cache
def bytes_of(name: str) -> dict[int, int]:
    known = ((texts_of(name).of_token(i), i) for i in range(len(tokenizer(name))))
    pieces = {text[0]: i for text, i in known if isinstance(text, list) and len(text) == 1}
    return {ord(t): ids[0] for t, ids in tokens_by_text(name).items() if len(t) == 1} | pieces


def some_tokens(name: str, text: str, seed: int) -> list[int]:
    """Tokens that spell a text, any of those that do: models need not write as they read."""
    source, tokens, rest = random.Random(seed), [], text
    by_text = tokens_by_text(name)
    while rest:
        sizes = [n for n in range(1, min(len(rest), 24) + 1) if rest[:n] in by_text]
        whole = max((n for n in range(1, len(rest) + 1) if rest[:n] in by_text), default=0)
        size = source.choice([*sizes, whole]) if sizes or whole else 0
        tokens += (
            [source.choice(by_text[rest[:size]])]
            if size
            else [bytes_of(name)[byte] for byte in rest[0].encode()]
        )
        rest = rest[size or 1 :]
    return tokens


def encoded(
    name: str,
    folder: Path,
    problem: str = PROBLEM,
    model: dict[str, Any] | None = None,
    **data: Any,
) -> tuple[str, Prompt, Vocabulary]:
    """The prompt of a problem as text and as tokens, with what is known of the model."""
    dataset = {"kind": "math", "path": "x", "chat_template": bool(FAMILIES[name].template), **data}
    entry = {"path": "x", "context_length": 512, **(model or {})}
    encode_prompts(
        [Task(id="p", problem=problem, target="1", kind="math")],
        write_family(name, folder) if not folder.exists() else folder,
        ModelEntry(**entry),
        DatasetEntry(**dataset),
        folder / "prompts.parquet",
    )
    (prompt,), vocabulary = read_prompts(folder / "prompts.parquet")
    return read_table(folder / "prompts.parquet", "prompts")["text"][0].as_py(), prompt, vocabulary


def squeezed(name: str, tokens: Sequence[int]) -> str:
    """Text of tokens without spaces: Llama 2 has one more behind every control token."""
    return "".join(texts_of(name).behind((), tokens).split(" "))


@pytest.mark.parametrize("name", NAMES)
def test_prompts_hold_the_problem_and_every_end_is_known(name: str, tmp_path: Path) -> None:
    text, prompt, vocabulary = encoded(name, tmp_path / "model")
    assert PROBLEM in text
    assert squeezed(name, prompt.token_ids) == "".join(text.split(" "))
    family, made = FAMILIES[name], tokenizer(name)
    named = {family.control[0], *(end for ends in family.ends.values() for end in ends)}
    assert vocabulary.end_of_sequence == tuple(sorted(made.convert_tokens_to_ids(list(named))))


@pytest.mark.parametrize("name", NAMES)
def test_a_control_token_in_a_problem_is_text(name: str, tmp_path: Path) -> None:
    """Special ones, and those that the template writes; also where the problem is nothing else."""
    family, made = FAMILIES[name], tokenizer(name)
    controls = [family.control[0], *(one for one in family.plain if one in family.template)]
    _, plain, _ = encoded(name, tmp_path / "model", "Say ?!")
    for control in controls:
        token = made.convert_tokens_to_ids(control)
        for problem in (f"Say {control}!", control):
            text, prompt, _ = encoded(name, tmp_path / "model", problem)
            assert squeezed(name, prompt.token_ids) == "".join(text.split(" "))
            assert prompt.token_ids.count(token) == plain.token_ids.count(token)
            # What stands around the problem is as it was.
            assert prompt.token_ids[-1] == plain.token_ids[-1] or not family.template
        _, prompt, _ = encoded(name, tmp_path / "model", f"Say {control}!", control_tokens=True)
        assert prompt.token_ids.count(token) == 1 + plain.token_ids.count(token)


def test_the_control_token_that_is_text_is_the_problems(tmp_path: Path) -> None:
    """A template that begins with a turn of the system has the same token before the problem."""
    folder = write_family("Qwen2.5", tmp_path / "model")
    system = "<|im_start|>system\nHelp.<|im_end|>\n" + chatml()
    (folder / "chat_template.jinja").write_text(system)
    _, prompt, _ = encoded("Qwen2.5", folder, "<|im_end|>")
    end = tokenizer("Qwen2.5").eos_token_id
    assert texts_of("Qwen2.5").behind((), prompt.token_ids[: prompt.token_ids.index(end)]) == (
        "<|im_start|>system\nHelp."
    )
    assert prompt.token_ids.count(end) == 2


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(text=TEXTS, seed=st.integers(0, 10**6))
def test_an_answer_is_what_stands_behind_its_prompt(name: str, text: str, seed: int) -> None:
    before = tokenizer(name).encode("A: ", add_special_tokens=False)
    tokens = some_tokens(name, text, seed)
    assert texts_of(name).behind(before, tokens) == text
    parts = [texts_of(name).of_token(token) for token in tokens]
    joined = b"".join(p.encode() if isinstance(p, str) else bytes(p) for p in parts)
    assert joined.decode() == text


def run(
    name: str,
    tokens: list[int],
    marker: str = "",
    stop: tuple[str, ...] = (),
    fork: int | None = None,
) -> PromptTree:
    """A tree that is given tokens; at `fork` it branches, and the second sequence goes on so."""
    within = texts_of(name).within
    rule = BranchingRule(
        9,
        0.5,
        99,
        1000,
        max_tokens=10**6,
        end_of_sequence=frozenset({tokenizer(name).eos_token_id}),
        stops=tuple(Marker(text, within) for text in stop),
        end_of_thinking=Marker(marker, within) if marker else None,
    )
    tree = PromptTree(rule)
    other = tokens_by_text(name)["a"][0]
    for place, token in enumerate(tokens):
        live = [i for i, one in enumerate(tree.sequences) if one.finish_reason is None]
        given = {0: other if fork is not None and place > fork else token, 1: token}
        if place == fork:
            tree.observe([Observation(0, other, 0.9, other, token)])
        else:
            tree.observe([Observation(i, given[i]) for i in live])
    return tree


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(TEXTS, TEXTS, st.integers(0, 10**6), st.booleans())
def test_a_marker_ends_thinking_where_the_text_holds_it(
    name: str, before: str, after: str, seed: int, forked: bool
) -> None:
    marker = FAMILIES[name].thinking
    tokens = some_tokens(name, before + marker + after, seed)
    spelled = [texts_of(name).within(tokens[: n + 1]) for n in range(len(tokens))]
    first = next(n for n, text in enumerate(spelled) if marker in text)
    for end in {max(first - 1, 0), first, len(tokens) - 1}:
        fork = seed % (end + 1) if forked and first > 0 else None
        if fork is not None and fork > first:
            continue  # it may not branch any more
        tree = run(name, tokens[: end + 1], marker, fork=fork)
        assert tree.sequences[-1].thinking == (end < first)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(
    TEXTS, st.lists(FRAGMENTS, min_size=1, max_size=3).map("".join), TEXTS, st.integers(0, 10**6)
)
def test_a_stop_of_any_length_ends_a_sequence_and_is_no_part_of_its_text(
    name: str, before: str, stop: str, after: str, seed: int
) -> None:
    tokens = some_tokens(name, before + stop + after, seed)
    spelled = [texts_of(name).within(tokens[: n + 1]) for n in range(len(tokens))]
    last = next(n for n, text in enumerate(spelled) if stop in text)
    tree = run(name, tokens, stop=(stop, "never"))
    (sequence,) = tree.sequences
    assert (sequence.finish_reason, sequence.length) == ("stop", last + 1)
    assert text_of(name, tree) == spelled[last].partition(stop)[0]


def text_of(name: str, tree: PromptTree) -> str:
    prompt = Prompt(
        id="p", token_ids=tuple(tokenizer(name).encode("A: ", add_special_tokens=False))
    )
    table, _ = tree_tables(
        prompt, tree, round_number=0, first_index=0, count_words=True, texts=texts_of(name)
    )
    return str(table["text"][0].as_py())


PROGRAMS = {
    "bare": "    return a + b",
    "one line": "def add(a, b): return a + b",
    "fenced": "```python\ndef add(a, b):\n    return a + b\n```",
    "open fence": "```python\ndef add(a, b):\n    return a + b",
    "text": "".join(CORPUS[:1]),
}


@pytest.mark.parametrize("form", PROGRAMS)
@pytest.mark.parametrize("name", NAMES)
def test_no_end_stands_in_the_text_of_a_program(name: str, form: str, tmp_path: Path) -> None:
    """So a program passes whatever ended it; the sandbox's tests run these forms."""
    *_, vocabulary = encoded(name, tmp_path / "model")
    for end in vocabulary.end_of_sequence:
        tree = run(name, some_tokens(name, PROGRAMS[form], end))
        tree.rule = BranchingRule(2, 0.5, 99, 9, 10**6, frozenset({end}))
        tree.observe([Observation(0, end)])
        assert tree.sequences[0].finish_reason == "stop"
        assert text_of(name, tree) == PROGRAMS[form]


PARTS = "{% for part in messages[0].content %}{{ part.text }}{% endfor %}?"
CLOSED = "{{ messages[0].content }}<think>\n\n</think>\n\n"
BROKEN = {
    "drops": ({"chat_template.jinja": PARTS}, "template leaves the problem of prompt 'p' out"),
    "empty": ({"chat_template.jinja": "{{ '' }}"}, "leaves the problem of prompt 'p' out"),
    "raises": ({"chat_template.jinja": "{{ raise_exception('no\\nroles') }}"}, "fails on.*: no\\)"),
    "syntax": ({"chat_template.jinja": "{% for %}"}, "template fails on prompt 'p' .*Syntax"),
    "undefined": ({"chat_template.jinja": "{{ messages[3].content.a }}"}, "fails on prompt 'p'"),
    "thought": ({"chat_template.jinja": CLOSED}, "itself writes '</think>'.*end_of_thinking: null"),
    "cut": ({"tokenizer.json": '{"version": "1.0", "mod'}, "tokenizer cannot be loaded"),
    "other": ({"tokenizer.json": "[]"}, "tokenizer cannot be loaded"),
    "text": ({GENERATION: '{"eos_token_id": "2"}'}, "eos_token_id '2' is no token id"),
    "bool": (
        {CONFIG: '{"model_type": "llama", "dtype": "float32", "eos_token_id": [true]}'},
        "is no token id",
    ),
    "list": ({GENERATION: "[1]"}, "an object is expected"),
    "nested": (
        {CONFIG: '{"model_type": "llama", "text_config": {"max_position_embeddings": 64}}'},
        "context_length 512 is more than the model's 64",
    ),
    "endless": (
        {"tokenizer_config.json": '{"tokenizer_class": "PreTrainedTokenizerFast"}'},
        "no file names the token that ends a sequence.*eos_token_id",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_folder_is_refused_in_one_line(fault: str, tmp_path: Path) -> None:
    folder = write_family("SmolLM2", tmp_path / "model")
    files, message = BROKEN[fault]
    for file, content in files.items():
        (folder / file).write_text(content)
    if fault == "endless":
        (folder / "chat_template.jinja").unlink()
    with pytest.raises(EagerError, match=message) as raised:
        encoded(
            *("SmolLM2", folder),
            model={"end_of_thinking": "</think>"},
            chat_template=fault != "endless",
        )
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("config", "stored", "asked", "used"),
    [
        ({"dtype": "float32"}, "BF16", "auto", "float32"),
        ({"torch_dtype": "bfloat16"}, None, "auto", "bfloat16"),
        ({"text_config": {"dtype": "float16"}}, None, "auto", "float16"),
        ({"dtype": None}, "F32", "auto", "float32"),
        ({}, "BF16", "auto", "bfloat16"),
        ({"dtype": "float32"}, None, "bfloat16", "bfloat16"),
        ({}, "I8", "auto", None),
        ({"dtype": "auto"}, None, "auto", None),
    ],
)
def test_the_number_format_is_that_of_the_weights(
    config: dict[str, Any], stored: str | None, asked: Any, used: str | None, tmp_path: Path
) -> None:
    (tmp_path / CONFIG).write_text(json.dumps(config))
    if stored is not None:
        header = json.dumps({"__metadata__": {}, "a": {"dtype": stored, "shape": [1]}}).encode()
        weights = len(header).to_bytes(8, "little") + header
        (tmp_path / "model.safetensors").write_bytes(weights)
    if used is not None:
        assert used_dtype(tmp_path, asked) == used
        return
    with pytest.raises(EagerError, match=r"do not say the number format.*set dtype"):
        used_dtype(tmp_path, asked)
    for damaged in (b"weights", b"\xff" * 99, b""):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(EagerError, match=r"model\.safetensors: not a safetensors file"):
            used_dtype(tmp_path, asked)


@pytest.mark.parametrize(
    ("content", "longest"),
    [
        ({"max_position_embeddings": 8192}, 8192),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {"max_position_embeddings": 8192}}, 8192),
        (
            {"max_position_embeddings": 8192, "rope_scaling": {"type": "linear", "factor": 2.0}},
            16384,
        ),
        (
            {"max_position_embeddings": 8192, "rope_scaling": {"rope_type": "yarn", "factor": 4}},
            32768,
        ),
        (
            {
                "max_position_embeddings": 32768,
                "rope_parameters": {
                    "rope_type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 8192,
                },
            },
            32768,
        ),
        ({"max_position_embeddings": 8192, "rope_scaling": {"type": "llama3", "factor": 8}}, 8192),
        ({"max_position_embeddings": 8192, "rope_scaling": None}, 8192),
    ],
)
def test_the_longest_context(content: dict[str, Any], longest: int, tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(json.dumps(content))
    check_context(tmp_path, longest)
    with pytest.raises(EagerError, match=f"write at most {longest}"):
        check_context(tmp_path, longest + 1)
