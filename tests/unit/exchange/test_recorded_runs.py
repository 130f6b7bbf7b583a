"""Import of the files that the authors' program wrote, against an independent count of them."""

from __future__ import annotations

import ast
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eager.config.experiment import ResolvedExperiment
from eager.exchange.authors_format import read_result_file
from eager.exchange.conversion import Conversion, template_end_of
from eager.exchange.import_ import ImportOptions, import_folder, import_result
from eager.report.figures.facts import read_plot_data
from eager.report.page.explorer import collect
from eager.report.results import by_cell, imported_targets
from eager.report.tables.experiment import write_experiment
from eager.report.tables.stored import stored_tables
from eager.util.errors import EagerError
from eager.util.files import read_json, write_json
from eager.util.tables import read_table
from tests.support.authors_files import RESULT_FILES, RUNS, prompts_of, recap

OPTIONS = ImportOptions()
NAMES = [f"{path.parent.name}/{path.name}" for path in RESULT_FILES]
WIDE = next(p for p in RESULT_FILES if p.parent.name == "wide" and "more_budget" in p.name)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """Folder of each file's result."""
    folder = tmp_path_factory.mktemp("imported")
    found = {path: folder / str(number) for number, path in enumerate(RESULT_FILES)}
    for path, output in found.items():
        import_result(path, OPTIONS, output, lambda _: None)
    return found


@pytest.mark.parametrize("path", RESULT_FILES, ids=NAMES)
def test_metrics_equal_an_independent_count(path: Path, imported: dict[Path, Path]) -> None:
    metrics, counted = read_json(imported[path] / "metrics.json"), recap(path)
    assert metrics["tokens_upstream"] == counted.tokens
    assert metrics["sequences"] == counted.sequences
    for name in ("pass_at_k", "cons_at_max", "pass_rate"):
        assert metrics[f"{name}_upstream"] == pytest.approx(getattr(counted, name)), name
    printed = json.loads(path.read_text())["results"]
    assert metrics["pass_rate_upstream"] == pytest.approx(printed["avg_acc"])
    assert metrics["cell"]["model"] == "SmolLM2-135M-Instruct"
    assert metrics["prompts_missing"] == 0


@pytest.mark.parametrize("path", RESULT_FILES, ids=NAMES)
def test_rounds_and_parents(path: Path, imported: dict[Path, Path]) -> None:
    rows = read_table(imported[path] / "sequences.parquet", "sequences").to_pylist()
    branches = read_table(imported[path] / "branches.parquet", "branches").to_pylist()
    found = prompts_of(path)
    assert len(branches) == sum(len(prompt.get("recorded_branches", ())) for prompt in found)
    by_prompt = [[r for r in rows if r["prompt_id"] == str(n)] for n in range(1, len(found) + 1)]
    whole = [prompt["generations"] for prompt in found]
    for branch in branches:
        here = int(branch["prompt_id"]) - 1
        parent, child = (whole[here][branch[f"{kind}_index"]] for kind in ("parent", "child"))
        record = ast.literal_eval(
            found[here]["recorded_branches"][
                [b for b in branches if b["prompt_id"] == branch["prompt_id"]].index(branch)
            ]
        )
        # Both texts hold what the record saw before the branch, then each its own token.
        for text, token in ((parent, "kept"), (child, "forked")):
            assert record["last_generated_chars"] + branch[f"{token}_text"] in text
        if branch["step"] == 0:
            row = by_prompt[here][branch["child_index"]]
            assert row["threshold"] == pytest.approx(branch["threshold"])
    for prompt, sequences in zip(found, by_prompt, strict=True):
        rounds = [row["round"] for row in sequences]
        assert all(later - earlier in (0, 1) for earlier, later in pairwise(rounds))
        if "default" not in path.name:
            assert sum(row["parent_index"] is None for row in sequences) == rounds[-1] + 1
            # An end repeats its entropy while the prompt may branch.
            ends = [ast.literal_eval(printed)[-2:] for printed in prompt["entropies"]]
            stopped = [len(end) == 2 and end[0] == end[1] > 0 for end in ends]
            assert [row["finish_reason"] == "stop" for row in sequences] == stopped


@pytest.mark.parametrize("path", [p for p in RESULT_FILES if "more_budget" in p.name])
def test_the_first_round_of_a_budget_file_is_the_init_file(
    path: Path, imported: dict[Path, Path]
) -> None:
    init = path.with_name(path.name.replace("_more_budget", ""))
    ours, theirs = (
        read_table(imported[p] / "sequences.parquet", "sequences").to_pylist() for p in (path, init)
    )
    # As text: NaN is not equal to itself.
    assert str([row for row in ours if row["round"] == 0]) == str(theirs)
    notes = json.loads(path.read_text())["extra"]["notes"]
    shares = ast.literal_eval(notes[notes.rindex("{") : notes.rindex("}") + 1])
    assert {row["prompt_id"] for row in ours if row["round"] > 0} == {
        str(place + 1) for place in shares
    }


def test_texts_are_without_the_prompt_and_its_template(imported: dict[Path, Path]) -> None:
    rows = read_table(imported[WIDE] / "sequences.parquet", "sequences").to_pylist()
    assert not any("<|im_start|>" in row["text"] for row in rows)
    prompts = read_table(imported[WIDE] / "prompts.parquet", "prompts").to_pylist()
    assert all(row["text"].endswith("<|im_start|>assistant\n") for row in prompts)


def test_true_tokens_with_a_tokenizer() -> None:
    """Here a token is a character: what parent and child share counts once."""
    result, _ = read_result_file(WIDE)
    end = template_end_of(result.generations)
    convert = Conversion(True, 0.8, 32, end, 0, encode=lambda text: [ord(c) for c in text])
    for number, generation in enumerate(result.generations):
        _, rows, _ = convert.prompt("x", str(number), generation, {})
        for row in rows:
            assert len(row["token_ids"]) == len(row["text"]) == len(row["entropies"])
            if row["parent_index"] is not None:
                shared = row["inherited_tokens"]
                parent = rows[row["parent_index"]]
                assert row["text"][:shared] == parent["text"][:shared]


def changed(folder: Path, change: Any, name: str = "") -> Path:
    """A copy of a recorded file with a change."""
    source = next(p for p in RESULT_FILES if "decisions" in str(p) and "aware_results" in p.name)
    content = json.loads(source.read_text())
    change(content)
    path = folder / (name or source.name)
    path.write_text(json.dumps(content))
    return path


def test_one_broken_text_spoils_that_text_only(tmp_path: Path) -> None:
    def spoil(content: dict[str, Any]) -> None:
        texts = content["entropy-aware-generations"][2]["generations"]
        texts[1] = texts[1] + "\ud83d"

    said: list[str] = []
    path = changed(tmp_path, spoil)
    import_result(path, OPTIONS, tmp_path / "out", said.append)
    assert "generations, 2: no valid Unicode" in said[0]
    rows = read_table(tmp_path / "out/sequences.parquet", "sequences").to_pylist()
    assert [row["prompt_id"] for row in rows if row["text"].endswith("\ufffd")] == ["3"]
    assert read_json(tmp_path / "out/metrics.json")["tokens_upstream"] == recap(path).tokens


def test_an_unfinished_file_is_imported_and_said(tmp_path: Path) -> None:
    def stop(content: dict[str, Any]) -> None:
        del content["entropy-aware-generations"][5:]
        del content["results"]

    said: list[str] = []
    import_result(changed(tmp_path, stop), OPTIONS, tmp_path / "out", said.append)
    assert "unfinished, 7 prompts are not there yet" in said[0]
    metrics = read_json(tmp_path / "out/metrics.json")
    assert (metrics["prompts"], metrics["prompts_missing"]) == (5, 7)


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    path = changed(tmp_path, lambda _: None)
    path.write_text(path.read_text()[:-500])
    with pytest.raises(EagerError, match=r"not whole JSON .*cut off while it was written"):
        import_result(path, OPTIONS, tmp_path / "out", lambda _: None)


def test_the_file_without_generations_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match=r"holds no generations; give the \.json file"):
        import_result(RESULT_FILES[0].with_suffix(".jsonl"), OPTIONS, tmp_path, lambda _: None)


def test_a_whole_folder(tmp_path: Path) -> None:
    run = tmp_path / "SmolLM2/mock/run"
    shutil.copytree(RUNS / "decisions", run)
    init = next(run.glob("*_aware_results__th1.0.json"))
    shutil.copy(init, init.with_name(f"{init.stem}_backup.json"))
    said: list[str] = []
    import_folder(tmp_path / "SmolLM2", OPTIONS, tmp_path / "theirs", said.append)
    assert any("_backup.json: left out" in line for line in said)
    found = sorted((tmp_path / "theirs").rglob("metrics.json"))
    cell = "temperature=0.01+max_sequences=6+seed=55"
    assert [str(path.parent.relative_to(tmp_path / "theirs")) for path in found] == [
        f"SmolLM2-135M-Instruct/mock/{cell}/parallel",
        f"SmolLM2-135M-Instruct/mock/{cell}+entropy_threshold=1.0+rule=authors/eager",
        f"SmolLM2-135M-Instruct/mock/{cell}+entropy_threshold=1.0+rule=authors/eager_init",
    ]
    described = [read_json(path) for path in found]
    # The budget file does not name its data set: the other files of the run do.
    assert {d["cell"]["experiment"] + d["cell"]["dataset"] for d in described} == {"theirsmock"}
    assert [d["method"] for d in described] == ["parallel", "eager", "eager_init"]
    with pytest.raises(EagerError, match="no result file of the authors' code"):
        import_folder(tmp_path / "theirs", OPTIONS, tmp_path / "x", said.append)


def test_imported_results_stand_in_tables_figures_and_explorer(tmp_path: Path) -> None:
    said: list[str] = []
    import_folder(RUNS / "wide", OPTIONS, tmp_path / "theirs", said.append)
    made = [line for line in said if "8 prompts, answers compared as math, Pass@k 0." in line]
    assert len(made) == 3
    configuration = {"imported": [str(tmp_path / "theirs")], "published": None}
    shown = ResolvedExperiment(
        experiment="ours", configuration=configuration, models={}, datasets={}, targets=[]
    )
    write_experiment(shown, tmp_path / "tables")
    summary = pd.read_csv(tmp_path / "tables/summary.csv").set_index("method")
    assert list(summary.index) == ["parallel", "eager_init", "eager"]
    assert set(summary["experiment"]) == {"theirs"}
    counted = {name: recap(path) for path in RESULT_FILES for name in [path] if "wide" in str(path)}
    assert sorted(summary["tokens_upstream"]) == sorted(c.tokens for c in counted.values())
    assert summary.loc["eager", "pass_at_k_upstream"] == recap(WIDE).pass_at_k
    comparison = pd.read_csv(tmp_path / "tables/comparison.csv")
    assert list(comparison["method"]) == ["eager_init", "eager"]
    (cell,) = by_cell(imported_targets(shown))
    made = stored_tables(tmp_path / "tables/tables.json")
    assert [len(found.prompts) for found in read_plot_data(cell, made)] == [8, 8, 8]
    # Its tokens can be shown only where a tokenizer was given.
    assert cell[0].model_manifest is None
    assert collect([cell]).packs == []
    metrics = next((tmp_path / "theirs").rglob("eager/metrics.json"))
    write_json(metrics, read_json(metrics) | {"prompts_missing": 2})
    assert [one.method for one in imported_targets(shown)] == ["parallel", "eager_init"]


def test_a_file_that_cannot_be_imported_keeps_no_other_back(tmp_path: Path) -> None:
    shutil.copytree(RUNS / "wide", tmp_path / "run")
    broken = next((tmp_path / "run").glob("*aware_results*.json"))
    content = json.loads(broken.read_text())
    content["entropy-aware-generations"][0]["target"] = ""
    broken.write_text(json.dumps(content))
    with pytest.raises(EagerError, match=r"1 of 3 files were not imported:\n.*target is ''"):
        import_folder(tmp_path / "run", OPTIONS, tmp_path / "theirs", lambda _: None)
    made = {path.parent.name for path in (tmp_path / "theirs").rglob("metrics.json")}
    assert made == {"parallel", "eager"}


def test_programs_need_their_tests(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match="--kind code: the file holds no tests; give --tasks"):
        import_result(RESULT_FILES[0], ImportOptions(kind="code"), tmp_path, lambda _: None)
