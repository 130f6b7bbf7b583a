r"""Commands of LaTeX whose backslash was eaten: JSON makes a form feed and `rac` of `"\frac"`."""

from __future__ import annotations

import re

CONTROLS = {
    "a": ("\a", "a bell"),
    "b": ("\b", "a backspace"),
    "f": ("\f", "a form feed"),
    "n": ("\n", "a line break"),
    "r": ("\r", "a carriage return"),
    "t": ("\t", "a tab"),
    "v": ("\v", "a vertical tab"),
}
"""What JSON, or Python, makes of a backslash and a letter."""
COMMANDS = (
    *("forall", "frac", "nabla", "natural", "ncong", "nearrow", "neq", "newline", "ngeq", "nleq"),
    *("notin", "nsubseteq", "nwarrow", "rVert", "rho", "right", "rightarrow", "root", "rvert"),
    *("textbf", "textcolor", "textit", "textrm", "textsf", "texttt", "therefore", "theta"),
    *("tilde", "times", "triangle"),
    *("varepsilon", "varnothing", "varphi", "varrho", "vartheta", "vec", "vee", "vert"),
)
"""Those whose rest behind the first letter is no word."""
WORDS = (
    *("fbox", "flat", "ne", "neg", "nexists", "ni", "nmid", "not", "nparallel", "nu", "rangle"),
    *("rbrace", "rceil", "rfloor", "rm", "tag", "tan", "tanh", "tau", "tbinom", "text", "tfrac"),
    *("to", "top", "vdash", "vdots"),
)
"""Those whose rest may begin a line: in a problem they count only before a bracket or command."""


def _eaten(names: tuple[str, ...]) -> str:
    return "|".join(f"{CONTROLS[name[0]][0]}{name[1:]}(?![A-Za-z])" for name in names)


ANYWHERE = f"[\a\b][A-Za-z]+|{_eaten(COMMANDS)}"
IN_PROBLEMS = re.compile(rf"{ANYWHERE}|(?:{_eaten(WORDS)})(?=[{{\\])")
IN_TARGETS = re.compile(f"{ANYWHERE}|{_eaten(WORDS)}")


def eaten(text: str, target: bool) -> str | None:
    """What is wrong with a text that has lost a backslash, and what to write; None: it has not.

    Tabs and line breaks of prose, tables and programs are followed by other letters.

    Args:
        text: of a problem, or a right answer.
        target: it is an answer alone, in which no line begins with a word.
    """
    found = (IN_TARGETS if target else IN_PROBLEMS).search(text)
    if found is None:
        return None
    control, rest = found[0][0], found[0][1:]
    letter, name = next((a, name) for a, (sign, name) in CONTROLS.items() if sign == control)
    return (
        f"holds {name} before {rest!r}, which is what JSON makes of \\{letter}{rest}; double the "
        f"backslash: \\\\{letter}{rest}"
    )
