"""YAML files as mappings; a key that is there twice is a mistake, not silently the last one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from eager.util.errors import EagerError
from eager.util.text import read_text, shorten


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        EagerError: it is missing, not UTF-8 text, not YAML, has a key twice, or is not a mapping.
    """
    text = read_text(path)
    try:
        repeated = list(_repeated_keys(yaml.compose(text, yaml.SafeLoader)))
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}" if mark else ""
        hint = "; indent with spaces" if "'\\t'" in str(error.problem) else ""
        raise EagerError(f"{path}{place}: not YAML: {error.problem}{hint}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise EagerError(
            f"{path}, line {line}: not YAML: the character U+{error.character:04X}"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise EagerError(f"{path}: not YAML: {error}") from None
    if repeated:
        raise EagerError(
            "\n".join(
                f"{path}, line {again}: the key {shorten(key)} is in line {first} too; "
                "remove one of them"
                for key, first, again in repeated
            )
        )
    if not isinstance(content, dict):
        raise EagerError(f"{path}: a mapping of names to entries is expected")
    return content


def _repeated_keys(root: yaml.Node | None) -> Iterator[tuple[str, int, int]]:
    """Keys that a mapping has twice, with their lines; merged ones may be written again."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                waiting += [key, value]
                if not isinstance(key, yaml.ScalarNode):
                    continue
                line = key.start_mark.line + 1
                first = lines.setdefault((key.tag, key.value), line)
                if first != line:
                    yield key.value, first, line
