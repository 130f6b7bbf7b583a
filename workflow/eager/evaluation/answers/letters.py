r"""The letter of a multiple-choice answer, in any notation, and none where there are several."""

from __future__ import annotations

import re

from eager.evaluation.answers.normalize import normalize

_WORDS = (
    r"(?:the|my|final|correct|right|best|most|likely|answer|option|choice|letter|statement|alternative|is"
    r"|would|be|should|must|so|thus|therefore|hence|(?:we|i) (?:choose|select|pick))(?![a-zA-Z])"
)
_WORDS = rf"(?:{_WORDS}|答案|选项|正确|选|是|为|应)"
_LEAD = re.compile(rf"(?:{_WORDS}[\s:=,]*)+(?=[\s(\[*]*[A-Za-z](?![A-Za-z]))", re.IGNORECASE)
_OPEN, _CLOSE = r"[(\[<{\"'`*_]", r"[)\]>}\"'`*_]"
_ALONE = re.compile(rf"{_OPEN}*\s*([A-Za-z])\s*{_CLOSE}*\s*[.,:;!]*\s*{_CLOSE}*")
_BRACKETED = re.compile(r"[(\[<]\s*([A-Za-z])\s*[)\]>]\s*[.,:;]?\s*(.*)", re.DOTALL)
_FOLLOWED = re.compile(
    r"[*_]*([A-Za-z])[*_]*\s*([.:;,)\]]|\s[-(]\s?|\s(?=because|since))[*_]*\s*(.*)", re.DOTALL
)
_CONFIRMED = re.compile(
    r"\(?([A-Za-z])\)? (?:is|would be) (?:the )?(?:right|correct|best|true|final)?\s?"
    r"(?:answer|option|choice|one)?[.!]?"
)
_ANOTHER = re.compile(
    r"\s*(?:(?:[,;/&+]|and|or|not|but|only|both)\s*)*[(\[]?[A-Za-z](?![A-Za-z])[)\]]?\s*"
    r"(?:$|[,;.:)&/]|and\b|or\b)"
)
_DENIED = re.compile(
    r"\b(?:wrong|incorrect|false|not (?:right|correct)|ruled out|eliminated)\b", re.IGNORECASE
)
# "C. elegans": an initial before one or two words in small letters is as likely a name.
_SPECIES = re.compile(r"[a-z]{3,}(?: [a-z]+)?\W*")
_BEGINS_SENTENCE = re.compile(
    r"(?:because|since|as|due|it|the|this|that|there|they|by|for|in|no|all|none|both)\b"
)
_GAP = re.compile(r"(?<=[A-Za-z)}.:])\s*\\q?quad(?![a-z])")
_ALPHABET = re.compile(r"\\math(?:cal|scr|frak|bb)(?![a-z])\s*|\*\*|__|\\[\\()\[\]]")
_FONT_COMMAND = re.compile(r"\\text\{([^{}]*)\}")


def extract_letter(answer: str) -> str | None:
    r"""The one letter of a multiple-choice answer, a capital; None where there is none or several.

    `B`, `(b)`, `\text{Option B}`, `B. because`, `B - text` and `answer is (B)` are B; `A, C`,
    `(A) and (C)`, `not B`, `a photon` and `C. elegans` are no letter.
    """
    text = _FONT_COMMAND.sub(r" \1 ", normalize(_ALPHABET.sub("", _GAP.sub(" - ", answer))))
    text = re.sub(r"[${}]", " ", text)
    text = " ".join(text.split())
    text = _LEAD.sub("", text, count=1).strip() if _LEAD.match(text) else text
    text = text.removeprefix("-").removesuffix("-").strip()
    if match := _ALONE.fullmatch(text):
        return match[1].upper()
    if match := _CONFIRMED.fullmatch(text):
        return match[1].upper()
    if _DENIED.search(text):
        return None
    if match := _BRACKETED.fullmatch(text):
        return _unless_several(match[1], match[2])
    if match := _FOLLOWED.fullmatch(text):
        rest = match[3]
        if match[2] == "." and _SPECIES.fullmatch(rest) and not _BEGINS_SENTENCE.match(rest):
            return None
        if match[2] == "," and re.match(r"(?:and|or|not|but)\b", rest):
            return None
        return _unless_several(match[1], rest)
    return None


def _unless_several(letter: str, rest: str) -> str | None:
    if _ANOTHER.match(rest) or re.match(r"(?:and|or|not|but)\b", rest):
        return None
    return letter.upper()
