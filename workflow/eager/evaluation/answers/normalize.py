r"""One spelling for what people and models write in many: before anything is compared.

`normalize` turns Unicode mathematics into LaTeX, takes off formatting (fonts, colours, spaces,
delimiters, Markdown, punctuation at the end, "the answer is"), and writes functions and constants
in one way. It never drops a unit, a sign, a digit or a word that means
something. The table of rules for users is in workflow/report/answers.md.
"""

from __future__ import annotations

import re

from eager.evaluation.answers.unicode_math import plain_unicode

_COLOUR = re.compile(
    r"\\(?:textcolor|color|colorbox|fcolorbox\s*\{[^{}]*\})\s*(?:\[\w+\]\s*)?\{[^{}]*\}"
)
_SPACE = re.compile(
    r"(\\\\)|\\(?:[,;:> ]|(?:q?quad|enspace|enskip|thinspace|medspace|thickspace|hfill?|null|strut"
    r"|mathstrut|nobreak|allowbreak|noindent|centering|newline|par|smallskip|medskip|bigskip)"
    r"(?![a-zA-Z]))"
    r"|\\(?:[hv]space\*?|[hv]?phantom|tag|label)\s*\{[^{}]*\}|~"
    r"|\\(?:begin|end)\{(?:align|aligned|equation|gather|gathered|split|math|displaymath)\*?\}"
)
_INVISIBLE = re.compile(
    r"\\(?:!|(?:negthinspace|displaystyle|textstyle|scriptstyle|scriptscriptstyle|limits|nolimits"
    r"|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge"
    r"|bf|it|rm|sf|tt|em|sl|cal|bfseries|itshape|rmfamily|sffamily|ttfamily|boldmath|mathsurround)"
    r"(?![a-zA-Z]))\s*"
)
_SIZED = re.compile(r"\\(?:left|right|middle|m?[bB]igg?[lrm]?)(?![a-zA-Z])\s*(\.)?")
_FONT = re.compile(
    r"\\(?:boldsymbol|bm|pmb|math(?:bf|it|sf|tt|normal|bfit)|underline|emph|ensuremath|fbox|boxed"
    r"|uline|mathord|mathop|displaylines|bold)\s*(?=\{)"
)
_TEXT = re.compile(
    r"\\(?:text(?:rm|bf|it|sf|tt|sc|sl|up|md|normal)?|mathrm|mathup|[hm]box|operatorname\*?"
    r"|unit)\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
)
_FUNCTIONS = (
    "sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|ln|log|exp|lg|max|min|gcd|det|sqrt"
)
_CONSTANT = re.compile(r"[eid]|\\pi|π|-?[\d\s.,/:+*=()%-]*\d[\d\s.,/:+*=()%-]*")
_COUNTED = re.compile(r"([-+]?[\d.,]*\d)\s*([^\d\s.,:/].*)")
_JOINED = re.compile(r"(\S.*?),? (and|or)")
_VALUE_BEFORE = re.compile(r"[\d})]\s*(?:/|\\cdot)?\s*$")
_MEMBER = re.compile(r"^[a-zA-Z](?:_\{?\w\}?)?\s*\\in(?![a-zA-Z])\s*")
_ONE_FORMULA = re.compile(r"\$([^$]+)\$([^$\d]*)")
_TAG = re.compile(r"<(b|i|u|em|strong)>(.*?)</\1>", re.DOTALL)
_OLD_UPRIGHT = re.compile(r"\{\s*\\rm(?![a-z])\s*([^{}]*)\}")
_ANGLE = re.compile(r"(\d+(?:\.\d+)?)\s*\^\\circ(?![a-zA-Z])\s*")
_OF_ANGLES = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_SYNONYMS = [
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\(?:geqslant|geqq|geq)(?![a-zA-Z])"), r"\\ge"),
    (re.compile(r"\\(?:leqslant|leqq|leq)(?![a-zA-Z])"), r"\\le"),
    (re.compile(r"(?<![<>=])>=(?!=)"), r"\\ge "),
    (re.compile(r"(?<![<>=])<=(?![=>])"), r"\\le "),
    (re.compile(r"\\neq(?![a-zA-Z])"), r"\\ne"),
    (re.compile(r"\\(?:varnothing|empty)(?![a-zA-Z])"), r"\\emptyset"),
    (re.compile(r"\\(?:dots|dotsc|dotsb|cdots)(?![a-zA-Z])"), r"\\ldots"),
    (re.compile(r"\\(?:infin|infinity)(?![a-zA-Z])"), r"\\infty"),
    (re.compile(r"\\lg(?![a-zA-Z])"), r"\\log_{10}"),
    (re.compile(r"\\tg(?![a-zA-Z])"), r"\\tan"),
    (re.compile(r"\\(?:ctg|cotg)(?![a-zA-Z])"), r"\\cot"),
    (re.compile(r"\\arctg(?![a-zA-Z])"), r"\\arctan"),
    (re.compile(r"\\degree(?:s)?(?![a-zA-Z])"), r"^\\circ"),
    (
        re.compile(r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![a-zA-Z])\s*|\{\s*\^\\circ\s*\}"),
        r"^\\circ ",
    ),
    (re.compile(r"\\(?:lbrace)(?![a-zA-Z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![a-zA-Z])"), r"\\}"),
    (re.compile(r"\\[lr]vert(?![a-zA-Z])"), r"|"),
    (re.compile(r"(?<!\\)%"), r"\\%"),
    (re.compile(r"\*\*\s*(?=[\w({])"), r"^"),
    (re.compile(r"(?<=[\w)}])\s*\*\s*(?=[\w({\\])"), r"\\cdot "),
    (re.compile(rf"(?<![a-zA-Z\\])({_FUNCTIONS})(?=\s*[(\d{{\\^]|\s+[a-z](?![a-z]))"), r"\\\1"),
    (re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])"), r"\\pi "),
    (re.compile(r"(?<![a-zA-Z\\])(?:infinity|inf)(?![a-zA-Z])"), r"\\infty"),
    (re.compile(r"\\sqrt\s*\[(\w+)\]\s*(\w)"), r"\\sqrt[\1]{\2}"),
    (re.compile(r"\\sqrt\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"\^\s*\(([^()]*)\)"), r"^{\1}"),
    (re.compile(r"(?<![\w)}])\(\s*(\w)\s*\)\s*!"), r"\1!"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"(?<!\.)\.\.\.(?!\.)"), r"\\ldots "),
    (re.compile(r"\\mathbb\s*([A-Z])"), r"\\mathbb{\1}"),
    (re.compile(r"\\imath(?![a-zA-Z])"), r"i"),
    (re.compile(r"^(?!.*\\begin)(.*?)&"), r"\1"),
    (re.compile(r"<sup>(.*?)</sup>"), r"^{\1}"),
    (re.compile(r"<sub>(.*?)</sub>"), r"_{\1}"),
]
_LEADING = re.compile(
    r"^\s*(?:(?:[=:]|\\equiv(?![a-zA-Z])(?!.*\\[a-z]*mod)|\\(?:approx|simeq|sim|cong|therefore|implies|Rightarrow|to|rightarrow"
    r"|longrightarrow|Longrightarrow)(?![a-zA-Z]))\s*)+"
)
_LEAD_WORDS = (
    r"(?:so|thus|hence|therefore|we|get|have|the|our|its?|final|correct|required|minimum|maximum"
    r"|smallest|largest|exact|numerical|total|answer|result|solution|value|number|sum|area|perimeter"
    r"|volume|length|probability|distance|is|are|equals?|equal to|be|about|approximately|approx\.?"
    r"|roughly|exactly|around|a total of)"
)
_LEAD = re.compile(
    rf"^\s*{_LEAD_WORDS}(?:[\s:=,]+{_LEAD_WORDS})*(?:\s*[:=,])?\s+(?=\S)|^\s*answer\s*:\s*",
    re.IGNORECASE,
)
_LEAD_TEXT = re.compile(
    rf"^\s*\\text\{{\s*{_LEAD_WORDS}(?:[\s:=,]+{_LEAD_WORDS})*\s*[:=,]?\s*\}}\s*[:=]?\s*(?=\S)",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"\s*(?:\\text\{\s*\(?|\()\s*(?:approximately|approx\.?|exactly|rounded|in total|total|each)"
    r"\s*\)?\s*\}?\s*$"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_TRAILING = re.compile(
    r"(?:\s|(?<!\.\.)\.|[,;\\]|\\(?:blacksquare|checkmark|qed)|\\text\{[\s.,;]*\})+$"
)
_WRAPPED = [
    *((mark, mark) for mark in ("$$", "$", "**", "__", "*", "_", "`", '"', "'")),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
]


def normalize(text: str) -> str:
    r"""An answer in its one spelling.

    Args:
        text: content of a box, or a target.

    Returns:
        LaTeX for math-verify's reader; words and units stay, as `\text{...}`.
    """
    text = _TAG.sub(r"\2", _unwrap(plain_unicode(text)))
    if formula := _ONE_FORMULA.fullmatch(text):
        text = formula[1] + formula[2]
    text = _OLD_UPRIGHT.sub(r"\\text{\1}", text)
    text = _INVISIBLE.sub("", _SPACE.sub(lambda m: m[1] or " ", _COLOUR.sub("", text)))
    text = _FONT.sub("", _SIZED.sub("", text))
    text = _TEXT.sub(_upright, _flat(_LEADING.sub("", _flat(text))))
    text = _flat(_LEADING.sub("", text))
    for pattern, replacement in _SYNONYMS:
        text = pattern.sub(replacement, text)
    text = _flat(text)
    text = _LEAD_TEXT.sub("", _LEADING.sub("", text))
    text = _REMARK.sub("", _LEAD.sub("", text, count=1))
    text = _MEMBER.sub("", _LEADING.sub("", _flat(text)))
    if _OF_ANGLES.search(text) and "=" not in text:
        text = _ANGLE.sub(r"\\frac{\1\\pi}{180} ", text)
    return re.sub(r"\s+", " ", text).strip()


def _upright(match: re.Match[str]) -> str:
    """An upright text as what it is: constant, function, number, number with unit, or word."""
    inner = _LEADING.sub("", _unwrap(_TEXT.sub(lambda nested: nested[1], match[1])))
    content = _LEAD.sub("", " ".join(inner.split()) + " ", count=1).strip()
    if not content:
        return " "
    if _CONSTANT.fullmatch(bare := content.rstrip(" .,;\\")):
        return f"{bare} "
    content = bare if len(bare) > 1 else content
    if re.fullmatch(_FUNCTIONS, content):
        return f"\\{content} "
    if joined := _JOINED.fullmatch(content):
        return rf"\text{{{joined[1]}}}\text{{{joined[2]}}}"
    if counted := _COUNTED.fullmatch(content):
        return rf"{counted[1]}\text{{{counted[2]}}}"
    if len(content) == 1 and not _VALUE_BEFORE.search(match.string[: match.start()]):
        return f"{content} "
    return rf"\text{{{content}}}"


def _flat(text: str) -> str:
    """Without punctuation at the end and without what wraps the whole."""
    while (bare := _unwrap(_TRAILING.sub("", text))) != text:
        text = bare
    return text


def _unwrap(text: str) -> str:
    text = text.strip()
    for opening, closing in _WRAPPED:
        inner = text[len(opening) : len(text) - len(closing)]
        if text == f"{opening}{inner}{closing}" and inner and opening not in inner:
            return _unwrap(inner)
    if text.startswith("{") and _group_end(text) == len(text) - 1:
        inner = _TRAILING.sub("", text[1:-1])
        if "," not in inner or "{" in inner:
            return _unwrap(inner)
    return text


def _group_end(text: str) -> int:
    """Where the brace that a text starts with is closed; its length if nowhere."""
    depth = 0
    for match in _BRACE.finditer(text):
        depth += (match.group() == "{") - (match.group() == "}")
        if depth == 0 and match.group() == "}":
            return match.start()
    return len(text)
