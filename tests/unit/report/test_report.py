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
import pytest

from eager.data.tokenization import Texts, load_tokenizer
from eager.report.figures.facts import read_plot_data
from eager.report.page import explorer, page, parts
from eager.report.page.packing import ENTROPY_STEPS, NOT_RECORDED, pack
from eager.report.results import SequenceRow
from eager.util.errors import EagerError
from tests.support.reports import tables_of_targets
from tests.support.synthetic import HOSTILE, SyntheticRun, write_model

STYLE = Path(page.__file__).parent / "style.css"


class Letters:
    def of_token(self, token_id: int) -> str:
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
    # A token of another program's whose id is not known.
    assert unpack(pack([row([7, -1])], [VERDICT], [], Letters()))[1] == ["<7>", "\ufffd"]
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
    known = Texts(load_tokenizer(tmp_path / "files"))
    assert [known.of_token(0), known.of_token(1)] == [" a", "é"]
    content = json.loads((tmp_path / "files/tokenizer.json").read_text())
    content["model"]["vocab"] = {"ð": 0, "ŁĺĢ": 1, "<0xE2>": 2}
    (tmp_path / "files/tokenizer.json").write_text(json.dumps(content))
    parts = Texts(load_tokenizer(tmp_path / "files"))
    assert bytes([*parts.of_token(0), *parts.of_token(1)]).decode() == "😀"


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


def test_the_verdict_stands_at_the_top(tmp_path: Path) -> None:
    targets = SyntheticRun(branching=False).make(tmp_path)
    made = tables_of_targets(targets)
    page.write_report(targets, made, [], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    top = text.split('id="result-title"')[1].split("<h2")[0]
    assert list(map(unescape, re.findall("<li>(.*)</li>", top))) == made.conclusion
    assert len(made.conclusion) > 3


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
    with pytest.raises(EagerError, match="no cells to draw"):
        read_plot_data([], usual["made"])
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
