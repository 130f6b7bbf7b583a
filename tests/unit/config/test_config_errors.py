"""Every mistake in the configuration is reported with its place and what to write instead."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from eager.config.load import load_experiment, read_yaml
from eager.config.paths import cell_folder, result_folder
from eager.config.schema import Experiment
from eager.config.settings import LOWEST_TEMPERATURE
from eager.report.tables.published import read_published
from eager.util.errors import EagerError

MODELS = {"tiny": {"path": "models/tiny"}}
DATASETS = {"sums": {"kind": "math", "path": "sums.jsonl"}}
HEADER = ["model", "dataset", "temperature", "max_sequences", "entropy_threshold", "seed"]
ROW = ["tiny", "sums", "0.6", "4", "2.0", "55"]


def load(
    folder: Path,
    *,
    experiment: dict[str, Any] | None = None,
    models: dict[str, Any] | None = None,
    datasets: dict[str, Any] | None = None,
    rows: list[list[str]] | None = None,
    header: list[str] | None = None,
) -> Experiment:
    (folder / "models.yaml").write_text(yaml.safe_dump(models or MODELS))
    (folder / "datasets.yaml").write_text(yaml.safe_dump(datasets or DATASETS))
    lines = ["\t".join(row) for row in [header or HEADER, *(rows or [ROW])]]
    (folder / "cells.tsv").write_text("\n".join(lines) + "\n")
    config = {
        "experiment": "mine",
        "cells": str(folder / "cells.tsv"),
        "models": str(folder / "models.yaml"),
        "datasets": str(folder / "datasets.yaml"),
    }
    return load_experiment(config | (experiment or {}), "config/mine.yaml")


def row(**changes: str) -> list[str]:
    return [changes.get(name, value) for name, value in zip(HEADER, ROW, strict=True)]


REVISION = "8d88b2876a82a080e2f172cc9b25d0d9d2cb4792"

CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown key": (
        {"experiment": {"enigne": {}}},
        ["config/mine.yaml", "unknown key 'enigne'", "did you mean 'engine'?"],
    ),
    "unknown nested key": (
        {"experiment": {"branching": {"topk_entropy": 20}}},
        ["unknown key 'branching.topk_entropy'", "did you mean 'top_k_entropy'?"],
    ),
    "missing key": ({"models": {"tiny": {}}}, ["models.yaml: tiny", "exactly one of repo"]),
    "two sources": (
        {"models": {"tiny": {"path": "a", "gguf_package": "b"}}},
        ["models.yaml: tiny", "exactly one of repo, path, gguf_package"],
    ),
    "K above 20": (
        {"experiment": {"branching": {"top_k_entropy": 21}}},
        ["branching.top_k_entropy", "less than or equal to 20", "got 21"],
    ),
    "temperature zero": (
        {"rows": [row(temperature="0")]},
        ["cells.tsv, line 2, temperature", "greater than or equal to 0.01", "got '0'"],
    ),
    "temperature that the engine raises": (
        {"rows": [row(temperature="0.01"), row(temperature="0.0099")]},
        ["cells.tsv, line 3, temperature", "greater than or equal to 0.01, got '0.0099'"],
    ),
    "no sequences": (
        {"rows": [ROW, row(max_sequences="0")]},
        ["cells.tsv, line 3, max_sequences", "greater than or equal to 1"],
    ),
    "sequences not a number": (
        {"rows": [row(max_sequences="many")]},
        ["cells.tsv, line 2, max_sequences", "integer", "got 'many'"],
    ),
    "threshold above ln K": (
        {"rows": [row(entropy_threshold="3.2")]},
        ["cells.tsv, line 2, entropy_threshold", "outside [0, ln K]", "write 0 to 3.00"],
    ),
    "threshold above ln K for a smaller K": (
        {"experiment": {"branching": {"top_k_entropy": 5}}},
        ["line 2, entropy_threshold", "over 5 tokens is at most 1.609"],
    ),
    "negative threshold": (
        {"rows": [row(entropy_threshold="-1")]},
        ["cells.tsv, line 2, entropy_threshold", "greater than or equal to 0"],
    ),
    "unknown model": (
        {"rows": [row(model="tinny")]},
        ["cells.tsv, line 2, model", "'tinny' is not in", "did you mean 'tiny'?"],
    ),
    "unknown data set": (
        {"rows": [row(dataset="proofs")]},
        ["cells.tsv, line 2, dataset", "'proofs' is not in", "known are sums"],
    ),
    "duplicate row": (
        {"rows": [ROW, row(seed="56"), row(temperature="0.60")]},
        ["cells.tsv, line 4", "the same as line 2"],
    ),
    "wrong columns": (
        {"header": ["model", "data", *HEADER[2:]]},
        ["cells.tsv", "the columns are", "write ['model', 'dataset'"],
    ),
    "repo without revision": (
        {"datasets": {"sums": {"kind": "math", "repo": "a/b"}}},
        ["datasets.yaml: sums", "needs its revision"],
    ),
    "short revision": (
        {"models": {"tiny": {"repo": "a/b", "revision": REVISION[:8]}}},
        ["models.yaml: tiny, revision", "pattern"],
    ),
    "template without a place": (
        {"datasets": {"sums": {"kind": "math", "path": "x", "prompt_template": "Hi"}}},
        ["datasets.yaml: sums", "no {prompt}"],
    ),
    "a stop of nothing": (
        {"datasets": {"sums": {"kind": "math", "path": "x", "stop": ["\n", ""]}}},
        ["datasets.yaml: sums, stop.1", "at least 1 character"],
    ),
    "unknown kind": (
        {"datasets": {"sums": {"kind": "maths", "path": "x"}}},
        ["datasets.yaml: sums, kind", "'math', 'choice' or 'code'"],
    ),
    "unknown sandbox": (
        {"experiment": {"sandbox": "chroot"}},
        ["config/mine.yaml, sandbox.engine", "'bubblewrap'", "got 'chroot'"],
    ),
    "no way around the sandbox": (
        {"experiment": {"sandbox": "none"}},
        ["config/mine.yaml, sandbox.engine", "got 'none'"],
    ),
    "reserved name": (
        {"experiment": {"experiment": "models"}},
        ["config/mine.yaml", "may not be called 'models'"],
    ),
    "name of the machine's page": (
        {"experiment": {"experiment": "gpu-check"}},
        ["config/mine.yaml", "may not be called 'gpu-check'"],
    ),
    "name with a slash": (
        {"experiment": {"experiment": "a/b"}},
        ["config/mine.yaml, experiment", "pattern"],
    ),
    "name of a file in results/": (
        {"experiment": {"experiment": "README.md"}},
        ["config/mine.yaml", "may not be called 'README.md'", "write another name"],
    ),
    "name of a folder beside the models": (
        {"models": {"tables": {"path": "x"}}, "rows": [row(model="tables")]},
        ["cells.tsv, line 2, model: 'tables' is a name of results/mine/ itself; rename"],
    ),
    "a method twice": (
        {"experiment": {"methods": ["eager", "parallel", "eager"]}},
        ["config/mine.yaml", "methods: 'eager' is there twice; remove one"],
    ),
    "a truth value for a number": (
        {"models": {"tiny": {"path": "x", "shards": True}}},
        ["models.yaml: tiny, shards: true is a truth value, as are yes"],
    ),
    "a truth value for a nested number": (
        {"experiment": {"engine": {"max_num_seqs": True}}},
        ["config/mine.yaml, engine.max_num_seqs: true is a truth value"],
    ),
    "a truth value for a name": (
        {"models": {False: {"path": "x"}}},
        ["models.yaml: the name False is not a text; put it in quotes"],
    ),
    "a key that is no text": (
        {"models": {"tiny": {"path": "x", None: 1}}},
        ["models.yaml: tiny, the key None is not a text; put it in quotes"],
    ),
    "an infinite temperature": (
        {"rows": [row(temperature="inf")]},
        ["cells.tsv, line 2, temperature", "finite number", "got 'inf'"],
    ),
    "a number that is none": (
        {"experiment": {"branching": {"threshold_percentile": float("nan")}}},
        ["branching.threshold_percentile", "finite number"],
    ),
    "missing TSV": (
        {"experiment": {"cells": "nowhere.tsv"}},
        ["nowhere.tsv: no such file"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_mistake_is_reported(name: str, tmp_path: Path) -> None:
    changes, expected = CASES[name]
    with pytest.raises(EagerError) as caught:
        load(tmp_path, **changes)
    for part in expected:
        assert part in str(caught.value)


def test_the_lowest_temperature_is_the_engines() -> None:
    source = find_spec("vllm").submodule_search_locations[0]  # type: ignore[union-attr,index]
    text = Path(source, "sampling_params.py").read_text(encoding="utf-8")
    assert float(re.search(r"^_MAX_TEMP = (.*)$", text, re.MULTILINE)[1]) == LOWEST_TEMPERATURE  # type: ignore[index]


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(EagerError) as caught:
        load(tmp_path, rows=[row(temperature="0"), row(seed="-1")], models={"tiny": {"pth": "x"}})
    message = str(caught.value)
    assert "line 2, temperature" in message
    assert "line 3, seed" in message
    assert "unknown key 'pth'; did you mean 'path'?" in message


def test_a_name_alone_is_the_sandboxs_engine(tmp_path: Path) -> None:
    assert load(tmp_path, experiment={"sandbox": "docker"}).config.sandbox.engine == "docker"
    assert load(tmp_path).config.sandbox.engine == "auto"


def test_a_cell_may_choose_its_rule_and_nothing_else_changes_by_it(tmp_path: Path) -> None:
    plain = load(tmp_path)
    rows = [[*ROW, ""], [*ROW, "described"], [*ROW, "authors"]]
    with pytest.raises(EagerError, match="line 3: the same as line 2"):
        load(tmp_path, header=[*HEADER, "rule"], rows=rows[:2])
    both = load(tmp_path, header=[*HEADER, "rule"], rows=rows[1:])
    described, authors = both.cells
    assert plain.cells[0] == described
    assert [cell_folder(cell).split("+")[4:] for cell in both.cells] == [[], ["rule=authors"]]
    assert result_folder("x", described, "parallel") == result_folder("x", authors, "parallel")
    assert both.decoding(described, "parallel") == both.decoding(authors, "parallel")
    settings = [both.decoding(cell, "eager").model_dump() for cell in both.cells]
    assert settings[1] == {**settings[0], "rule": "authors"}
    assert "rule" not in both.decoding(described, "eager").model_dump_json(exclude_unset=True)
    assert [both.columns(cell)["rule"] for cell in both.cells] == ["described", "authors"]
    assert list(plain.columns(described)) == HEADER


def test_a_right_configuration_loads(tmp_path: Path) -> None:
    experiment = load(tmp_path, rows=[ROW, row(entropy_threshold="1.5"), row(seed="56")])
    first, second, third = experiment.cells
    # Parallel does not know the threshold, so cells that differ there share its settings.
    assert experiment.decoding(first, "parallel") == experiment.decoding(second, "parallel")
    assert experiment.decoding(first, "parallel") != experiment.decoding(third, "parallel")
    assert experiment.decoding(first, "eager") != experiment.decoding(second, "eager")


TSV = "\t".join(HEADER) + "\n"
LINE = "\t".join(ROW) + "\n"
TSV_MISTAKES = {
    "an extra column": (
        TSV + LINE + LINE.replace("55\n", "56\tx\ty\n"),
        ["line 3: 8 values in 6 columns; remove 'x', 'y', separated by tabs"],
    ),
    "a tab at the end": (
        TSV + LINE.replace("\n", "\t\n"),
        ["line 2: 7 values in 6 columns; remove ''"],
    ),
    "a column too few": (
        TSV + "\t".join(ROW[:-1]) + "\n",
        ["line 2: 5 values in 6 columns; write a value for seed too"],
    ),
    "tabs only, below a comment and a blank line": (
        "# sweep\n" + TSV + "\n# one\n" + LINE + "\t\t\t\t\t\n",
        ["line 6: no values; remove the line"],
    ),
    "spaces for tabs": (
        TSV.replace("\t", " ") + LINE,
        ["line 1: the columns are ['model dataset temp", "separated by tabs"],
    ),
    "quotes that stay open": (TSV + '"' + LINE + LINE, ["from line 2 on", "check the quotes"]),
    "a line break in quotes": (
        TSV + LINE.replace("tiny", '"ti\nny"'),
        ["line 2: a line break in 'ti\\nny'; close the quotes"],
    ),
    "a mistake below comments": (
        "# a\n# b\n" + TSV + "# c\n" + LINE.replace("0.6", "hot"),
        ["line 5, temperature", "got 'hot'"],
    ),
    "nothing": ("", ["cells.tsv: no rows; write the columns"]),
    "nothing below the header": (TSV + "\n", ["no rows; write one row for each cell"]),
}


def load_tsv(folder: Path, content: bytes) -> Experiment:
    load(folder)
    (folder / "cells.tsv").write_bytes(content)
    return load_tsv_as_is(folder)


@pytest.mark.parametrize("name", TSV_MISTAKES)
def test_mistakes_in_the_tsv_are_one_message_each(name: str, tmp_path: Path) -> None:
    text, expected = TSV_MISTAKES[name]
    with pytest.raises(EagerError) as caught:
        load_tsv(tmp_path, text.encode())
    assert len(str(caught.value).splitlines()) == 1
    for part in expected:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + TSV + LINE,
        (TSV + LINE).replace("\n", "\r\n"),
        TSV + "\n" + LINE + "\n \n",
        TSV + LINE.replace("0.6", " 0.6 ").replace("tiny", '"tiny"'),
        "\t".join(HEADER[::-1]) + "\n" + "\t".join(ROW[::-1]) + "\n",
    ],
)
def test_what_spreadsheets_write_is_read(text: str, tmp_path: Path) -> None:
    (cell,) = load_tsv(tmp_path, text.encode()).cells
    assert cell == load(tmp_path).cells[0]


ENCODINGS = {
    "UTF-16": ("a: 1\n".encode("utf-16"), "the text is in UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": ("abc: 1\n".encode("utf-16-le"), "in UTF-16; save it as UTF-8"),
    "UTF-32": ("a: 1\n".encode("utf-32"), "the text is in UTF-32; save it as UTF-8"),
    "Latin-1": ("a: 1\nb: \xe9\n".encode("latin-1"), "line 2: the byte 0xe9 is not UTF-8"),
    "damaged gzip": (b"\x1f\x8b\x08\x00abc", "cannot be read: "),
    "Excel": (b"PK\x03\x04", "a binary file (zip, as Excel writes); name a text file"),
    "binary": (b"abc\0\1\2", "a binary file; name a text file"),
    "a folder": (None, "a folder; name a file in it"),
}


@pytest.mark.parametrize("file", ["cells.tsv", "models.yaml", "datasets.yaml", "published.csv"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_other_encodings_are_told(name: str, file: str, tmp_path: Path) -> None:
    content, expected = ENCODINGS[name]
    load(tmp_path)
    path = tmp_path / file
    path.unlink(missing_ok=True)
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(EagerError) as caught:
        read_published(path) if file == "published.csv" else load_tsv_as_is(tmp_path)
    assert f"{path}" in str(caught.value)
    assert expected in str(caught.value)


def load_tsv_as_is(folder: Path) -> Experiment:
    names = {"cells": "cells.tsv", "models": "models.yaml", "datasets": "datasets.yaml"}
    paths = {key: str(folder / name) for key, name in names.items()}
    return load_experiment({"experiment": "mine", **paths}, "config/mine.yaml")


YAML_MISTAKES = {
    "a name twice": (
        "a: {path: x}\nb: {path: y}\na: {path: z}\n",
        "line 3: the key 'a' is in line 1 too; remove one of them",
    ),
    "a key twice in an entry": (
        "a:\n  path: x\n  shards: 2\n  path: y\n",
        "line 4: the key 'path' is in line 2 too",
    ),
    "a key twice in a list": ("a: [{b: 1,\n b: 2}]\n", "line 2: the key 'b' is in line 1 too"),
    "tabs": ("a:\n\tpath: x\n", "line 2: not YAML: found character '\\t'"),
    "a bracket": ("a: [1\n", "line 2: not YAML: expected ',' or ']'"),
    "an impossible date": ("a: 2025-13-45\n", "not YAML: month must be in 1..12"),
    "a control character": ("a: 1\nb: \x07\n", "line 2: not YAML: the character U+0007"),
    "a list": ("- a\n", "a mapping of names to entries is expected"),
    "nothing": ("", "a mapping of names to entries is expected"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2: not YAML: but found another document"),
    "deep": ("a: " + "[" * 3000, "not YAML: "),
}


@pytest.mark.parametrize("name", YAML_MISTAKES)
def test_mistakes_in_yaml_are_told_with_their_line(name: str, tmp_path: Path) -> None:
    text, expected = YAML_MISTAKES[name]
    path = tmp_path / "models.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EagerError) as caught:
        read_yaml(path)
    assert f"{path}" in str(caught.value)
    assert expected in str(caught.value)


def test_merged_keys_may_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("a: &a {path: x, shards: 2}\nb: {<<: *a, path: y}\n", encoding="utf-8")
    assert read_yaml(path)["b"] == {"path": "y", "shards": 2}


def test_a_key_twice_in_the_experiment_is_told_though_snakemake_parsed_it(tmp_path: Path) -> None:
    load(tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text("experiment: mine\nexperiment: other\n", encoding="utf-8")
    with pytest.raises(EagerError, match="line 2: the key 'experiment' is in line 1 too"):
        load_experiment({"experiment": "other"}, str(path), [path])


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "models.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "datasets.yaml").unlink()
    (tmp_path / "cells.tsv").write_text(TSV + "x\n", encoding="utf-8")
    with pytest.raises(EagerError) as caught:
        load_tsv_as_is(tmp_path)
    told = str(caught.value).splitlines()
    assert [Path(line.split(":")[0].split(",")[0]).name for line in told] == [
        "models.yaml",
        "datasets.yaml",
        "cells.tsv",
    ]
