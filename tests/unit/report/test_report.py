"""The report's parts: packs, texts of tokens, tables, contrast."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from eager.report.page import explorer, page, parts
from eager.report.page.headline import headline
from eager.report.page.packing import ENTROPY_STEPS, NOT_RECORDED, pack
from eager.report.page.tokens import TokenTexts
from eager.report.results import SequenceRow
from eager.util.errors import EagerError
from tests.support.reports import tables_of_targets
from tests.support.synthetic import HOSTILE, SyntheticRun, write_model

STYLE = Path(page.__file__).parent / "style.css"


class Letters:
    def of(self, token_id: int) -> str:
        return f"<{token_id}>"


def row(ids: list[int], inherited: int = 0, entropy: float = 1.0) -> SequenceRow:
    entropies = np.full(len(ids), entropy, np.float32)
    entropies[:inherited] = np.nan
    numbers = np.array(ids, np.int32)
    return SequenceRow(0, None, 0, None, inherited, "stop", numbers, entropies)


VERDICT = {"answer": None, "correct": False, "status": "wrong"}


def unpack(packed: bytes) -> tuple[dict[str, Any], list[str], list[int]]:
    """What the page does, in Python: header, texts of tokens, entropies."""
    content = gzip.decompress(packed)
    size = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + size])
    total = sum(sequence["own"] for sequence in header["sequences"])
    planes = np.frombuffer(content[4 + size :], np.uint8).reshape(header["planes"] + 1, total)
    codes = sum(planes[place].astype(int) << 8 * place for place in range(header["planes"]))
    return header, [header["texts"][code] for code in codes], planes[-1].tolist()


def test_a_pack_holds_own_tokens_only_and_nothing_is_lost() -> None:
    packed = pack([row([7, 8, 7]), row([7, 9], inherited=1)], [VERDICT] * 2, [], Letters())
    header, texts, entropies = unpack(packed)
    assert texts == ["<7>", "<8>", "<7>", "<9>"]
    assert header["texts"][0] == "<7>"
    assert [sequence["own"] for sequence in header["sequences"]] == [3, 1]
    assert entropies == [ENTROPY_STEPS] * 4
    assert packed == pack([row([7, 8, 7]), row([7, 9], inherited=1)], [VERDICT] * 2, [], Letters())


@pytest.mark.parametrize("size", [1, 256, 257, 70_000])
def test_packs_of_any_vocabulary(size: int) -> None:
    ids = list(range(size))
    header, texts, _ = unpack(pack([row(ids)], [VERDICT], [], Letters()))
    assert texts == [f"<{token_id}>" for token_id in ids]
    assert header["planes"] == (1 if size <= 256 else 2 if size <= 65_536 else 3)


@pytest.mark.parametrize(("entropy", "expected"), [(0, 0), (2.9957, 240), (9, 254), (np.nan, 255)])
def test_entropies_fit_into_a_byte(entropy: float, expected: int) -> None:
    assert NOT_RECORDED == 255
    assert unpack(pack([row([1], entropy=entropy)], [VERDICT], [], Letters()))[2] == [expected]


def test_texts_of_tokens_are_texts_or_bytes(tmp_path: Path) -> None:
    write_model(tmp_path, 6, [" a", "é"])
    known = TokenTexts(tmp_path / "files")
    assert [known.of(0), known.of(1)] == [" a", "é"]
    content = json.loads((tmp_path / "files/tokenizer.json").read_text())
    content["model"]["vocab"] = {"ð": 0, "ŁĺĢ": 1, "<0xE2>": 2}
    (tmp_path / "files/tokenizer.json").write_text(json.dumps(content))
    parts = TokenTexts(tmp_path / "files")
    assert bytes([*parts.of(0), *parts.of(1)]).decode() == "😀"


def test_what_finds_no_room_is_said(tmp_path: Path) -> None:
    cell = SyntheticRun(prompts=5).make(tmp_path)
    data = explorer.collect([cell, cell], largest=1)
    packed = [p["pack"] for m in data.index["cells"][0]["methods"] for p in m["prompts"]]
    assert [number is not None for number in packed] == [True, False, False, False, False] * 4
    assert data.left_out == 4 * 4 + 4 * 5
    assert explorer.collect([cell]).left_out == 0


def test_the_first_round_of_budgeted_methods_is_packed_once(tmp_path: Path) -> None:
    data = explorer.collect([SyntheticRun().make(tmp_path)])
    methods = {m["method"]: m["prompts"][0] for m in data.index["cells"][0]["methods"]}
    assert (
        methods["eager"]["base"] == methods["eager_adapt"]["base"] == methods["eager_init"]["pack"]
    )
    assert "base" not in methods["parallel"]


def headline_html(summary: list[dict[str, Any]], comparison: list[dict[str, Any]]) -> str:
    cards = headline(pd.DataFrame(summary), pd.DataFrame(comparison), pd.DataFrame())
    return page.render("headline.html.j2", cards=cards)


def headline_row(**values: Any) -> dict[str, Any]:
    return {
        "model": "m<b>",
        "dataset": "d",
        "temperature": 0.6,
        "max_sequences": 8,
        "entropy_threshold": 2.0,
        "seed": 1,
        "prompts": 30,
        "method": "eager",
        "pass_at_k": 0.5,
        "tokens_relative": 0.71,
        "tokens_upstream_relative": 0.54,
        **values,
    }


def test_the_headline_states_both_counts_and_invents_no_interval() -> None:
    parallel = headline_row(method="parallel", pass_at_k=0.6, tokens_relative=1.0)
    text = headline_html([parallel, headline_row()], [])
    assert "29 % fewer tokens</b> than Full Parallel (46 % fewer by the authors' count)" in text
    assert "<b>\N{MINUS SIGN}0.100</b>)" in text
    assert "hold no intervals" in text
    assert "m&lt;b&gt; on d, M 8, θ 2, T 0.6, seed 1" in text
    alone = headline_html([headline_row(tokens_relative=None)], [])
    assert "; no tokens of Full Parallel to compare with." in alone
    nothing = headline_html([headline_row(prompts=0, pass_at_k=None, tokens_relative=None)], [])
    assert "no Pass@k; no tokens of Full Parallel to compare with." in nothing
    assert "No prompts." in nothing


def test_the_headline_takes_intervals_from_the_tables() -> None:
    bounds = {"pass_at_k_low": 0.41, "pass_at_k_high": 0.59}
    parallel = headline_row(method="parallel", pass_at_k=0.6, tokens_relative=1.0, **bounds)
    compared = headline_row(
        tokens_saved=-0.29,
        tokens_saved_low=-0.4,
        tokens_saved_high=0.1,
        pass_at_k_difference_low=-0.3,
        pass_at_k_difference_high=0.1,
        pass_at_k_p_value=0.25,
        pass_at_k_equal_tokens_difference=0.034,
        pass_at_k_equal_tokens_difference_low=-0.05,
        pass_at_k_equal_tokens_difference_high=0.11,
    )
    text = headline_html([parallel, headline_row(**bounds)], [compared])
    assert "Pass@k 0.500 [0.410, 0.590] against 0.600" in text
    assert "29 % more tokens</b> (saving: \N{MINUS SIGN}40 % to 10 %)" in text
    assert "0.100</b> [\N{MINUS SIGN}0.300, 0.100], p = 0.250)" in text
    assert "no intervals" not in text
    begins = "at equal tokens: <b>Pass@k +0.03 [\N{MINUS SIGN}0.05, 0.11]</b>; <b>29 % more tokens"
    assert begins in " ".join(text.split())


def test_the_verdict_stands_at_the_top_with_the_rivals_beside(tmp_path: Path) -> None:
    targets = SyntheticRun(branching=False).make(tmp_path)
    page.write_report(targets, tables_of_targets(targets), [], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    top = text.split('id="result-title"')[1].split('class="cards"')[0]
    assert "3 comparisons of a method with Full Parallel." in top
    assert "Cons@max" in top
    cards = text.split('class="cards"')[1].split("<h2")[0]
    assert "sampling until solved: Pass@k" in cards
    assert "at equal tokens: <b>not comparable, it used more tokens than all samples</b>" in cards


def test_everything_recorded_is_there_and_escaped(tmp_path: Path) -> None:
    targets = SyntheticRun(prompts=1).make(tmp_path / "<b>")
    text = page.render("provenance.html.j2", provenance=[parts.provenance(targets)])
    assert text.count("everything recorded</summary>") == len(targets)
    assert '<tr><th scope="row">parameters.note</th><td>synthetic &lt;b&gt;</td></tr>' in text
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"targets": []}, "no cells to report"),
        ({"figures": [STYLE]}, "not an SVG"),
    ],
)
def test_missing_input_is_reported(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    targets = SyntheticRun(prompts=1).make(tmp_path)
    usual = {"targets": targets, "made": tables_of_targets(targets), "figures": []}
    with pytest.raises(EagerError, match=expected):
        page.write_report(**(usual | change), output=tmp_path / "report.html")
    page.write_report(**usual, output=tmp_path / "report.html")
    written = (tmp_path / "report.html").read_text()
    page.write_report(**usual, output=tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == written
    assert HOSTILE not in written
    assert written.count("<script") == 2 + 4
    assert_policy_names_our_code(written)


def assert_policy_names_our_code(written: str) -> None:
    """The browser runs and applies only elements whose bytes have the policy's hashes."""
    policy = unescape(re.findall(r'Policy" content="([^"]*)"', written)[0])
    for element in ("style", "script"):
        [content] = re.findall(rf"<{element}>(.*?)</{element}>", written, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_aa_in_both_schemes(scheme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", block))
    backgrounds = ["page", "card", "chosen", *(f"heat-{n}" for n in range(1, 6))]
    pairs = [(text, back) for text in ("text", "dim") for back in backgrounds]
    pairs += [(text, back) for text in ("accent", "right", "wrong") for back in backgrounds[:3]]
    for text, back in pairs:
        low, high = sorted([luminance(colours[text]), luminance(colours[back])])
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, back)
    low, high = sorted([luminance(colours["line"]), luminance(colours["page"])])
    assert (high + 0.05) / (low + 0.05) >= 3
