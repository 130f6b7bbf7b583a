"""The letter of a multiple-choice answer in every notation, and none where there are several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.evaluation.answers.letters import extract_letter
from eager.evaluation.answers.matching import is_correct

LETTERS = st.sampled_from("ABCDEFGHIJ")
FONTS = r"""\text \textrm \textbf \textit
\textsf \texttt \textnormal \mathrm \mathbf \mathit \mathsf
\mathcal \boldsymbol \bm \operatorname \mbox \hbox
\underline \emph \fbox \color{{red}} \textcolor{{red}}"""
DRESSES = [
    *(f"{font}{{{{{{}}}}}}" for font in FONTS.split()),
    *(r"\bf {}", r"{{\rm {}}}", r"\large {}", r"\displaystyle {}", r"\left({}\right)", r"\;{}\;"),
    *("({})", "[{}]", "<{}>", "{{{}}}", "{}.", "{},", "{};", "{}:", "{}!", "{})", "({}).", "{}。"),
    *("${}$", "$${}$$", r"\({}\)", "**{}**", "*{}*", "__{}__", "`{}`", '"{}"', "'{}'", "“{}”"),
    *(r" {} ", r"~{}", "\u200b{}", "（{}）", r"\quad {}", r"{}\\", "<b>{}</b>", "{}\n"),
]
LEADS = ["", "Answer: ", "Option ", "Choice ", "The correct answer is ", "answer is option "]
TEXTS = [
    *(". because the rate doubles", ". The rate", ") 3.2", ": A polygenic score", " - text"),
    *(
        " — photons",
        r"\text{ because}",
        r"\text{. } 3.2\,\text{eV}",
        ", since it is cold",
        " (3.2 eV)",
    ),
]


@given(LETTERS, st.lists(st.sampled_from(DRESSES), max_size=2, unique=True), st.booleans())
def test_a_letter_in_dress_is_the_letter(letter: str, dresses: list[str], small: bool) -> None:
    text = letter.lower() if small else letter
    for dress in dresses:
        text = dress.format(text)
    assert extract_letter(text) == letter, text


@given(LETTERS, st.sampled_from(LEADS), st.sampled_from(["{}", "({})", r"\text{{{}}}", "**{}**"]))
def test_a_letter_after_words_that_announce_it(letter: str, lead: str, dress: str) -> None:
    assert extract_letter(lead + dress.format(letter)) == letter
    assert extract_letter(rf"\text{{{lead}{letter}}}") == letter


@given(LETTERS, st.sampled_from(TEXTS))
def test_a_letter_with_the_text_of_its_option(letter: str, text: str) -> None:
    assert extract_letter(letter + text) == letter


@given(
    st.lists(LETTERS, min_size=2, max_size=4, unique=True),
    st.sampled_from([", ", ",", " and ", " or ", "/", " & ", "; ", " ", "+", r"\text{ and }"]),
    st.sampled_from(["{}", "({})", r"\text{{{}}}", "**{}**"]),
)
def test_several_letters_are_none(letters: list[str], separator: str, dress: str) -> None:
    assert extract_letter(separator.join(dress.format(letter) for letter in letters)) is None


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B is correct", "B"),
        ("Option (B) is the correct answer.", "B"),
        ("(B) The mitochondria of E. coli", "B"),
        ("B. Both protons and neutrons", "B"),
        ("B: vitamin C", "B"),
        (r"\text{Choice }\mathbf{D}", "D"),
        (r"D) \sqrt{A}", "D"),
        ("ⓑ", "B"),
        ("答案是B", "B"),
        ("A. A photon", "A"),
        # An initial, a name, a value, a word: no letter.
        ("C. elegans", None),
        ("E. coli bacteria", None),
        ("B. subtilis", None),
        ("C-14", None),
        ("D-glucose", None),
        ("B.C.", None),
        ("A = 3", None),
        ("A > B", None),
        ("a photon", None),
        ("A photon", None),
        ("I don't know", None),
        ("Because", None),
        ("None of the above", None),
        ("AB", None),
        ("7", None),
        ("", None),
        # A letter that is refused, or one of several.
        ("not B", None),
        ("B is wrong", None),
        ("A, not B", None),
        ("A (or C)", None),
        ("A, or perhaps another", None),
        ("both A and C", None),
        ("A, B, and C", None),
        ("(A)(B)", None),
    ],
)
def test_letters(answer: str, letter: str | None) -> None:
    assert extract_letter(answer) == letter
    assert is_correct(answer, letter or "A", "choice") is (letter is not None)
    assert not is_correct(answer, "Z", "choice")


def test_a_target_may_be_dressed_too() -> None:
    assert is_correct("B", "(b)", "choice")
    assert not is_correct("none", "none", "choice")
