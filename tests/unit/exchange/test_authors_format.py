"""Export in the authors' format, import of it, and both together."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from eager.algorithm.rules import RULES, RuleName
from eager.config.experiment import Target
from eager.config.settings import METHODS, Method
from eager.exchange import export
from eager.exchange.export import export_results
from eager.exchange.import_ import ImportOptions, import_result
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.tables import read_table
from tests.support.authors_files import RESULT_FILES, prompts_of, recap, shape
from tests.support.scripted_results import TEMPLATES, make_result

NAMES = {
    "parallel": "demo_T0.6_M4_seed55_default_results.json",
    "eager_init": "demo_T0.6_M4_seed55_aware_results__th1.0.json",
    "eager_adapt": "demo_T0.6_M4_seed55_aware_easy_more_budget_results__th1.0.json",
    "eager": "demo_T0.6_M4_seed55_aware_more_budget_results__th1.0.json",
}
SEEDS = range(5)
OPTIONS = ImportOptions()


def silent(_: str) -> None:
    """Ignores every line."""


def exported(target: Target, folder: Path) -> Path:
    """The file that a result becomes."""
    export_results([target], TEMPLATES, folder / "export", silent)
    run = "demo_T0.6_M4_seed55" + "_rule-authors" * ("rule" in target.cell)
    name = NAMES[target.method].replace("demo_T0.6_M4_seed55", run)
    return folder / "export/tiny/sums" / run / name


@pytest.mark.parametrize("method", [method for method in METHODS if method != "eager_adapt"])
def test_the_shape_is_that_of_the_recorded_files(tmp_path: Path, method: Method) -> None:
    mark = NAMES[method].removeprefix("demo_T0.6_M4_seed55").removesuffix("th1.0.json")
    recorded = next(path for path in RESULT_FILES if mark in path.name)
    path = exported(make_result(tmp_path, method), tmp_path)
    ours, theirs = (json.loads(p.read_text()) for p in (path, recorded))
    assert shape(ours) == shape(theirs)
    assert list(ours) == list(theirs)
    twin = json.loads(path.with_suffix(".jsonl").read_text())
    assert shape(twin) == shape(json.loads(recorded.with_suffix(".jsonl").read_text()))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("method", METHODS)
def test_import_of_an_export_is_the_result(tmp_path: Path, method: Method, rule: RuleName) -> None:
    """All but token ids, which the format does not hold; of entropies four digits.

    A recap of the file as the authors do it counts what our columns say.
    """
    for seed in SEEDS:
        target = make_result(tmp_path, method, seed, rule)
        path = exported(target, tmp_path)
        import_result(path, OPTIONS, tmp_path / "back", silent)
        known = read_json(Path(target.metrics))
        del known["cell"]
        counted = recap(path)
        assert (counted.tokens, counted.sequences) == (known["tokens_upstream"], known["sequences"])
        for name in ("pass_at_k", "cons_at_max", "pass_rate"):
            assert getattr(counted, name) == pytest.approx(known[f"{name}_upstream"]), name
        back = read_json(tmp_path / "back/metrics.json")
        # The KV cache is counted from the tokens of prompts, which the format does not hold either.
        for row in (*known["per_prompt"].values(), *back["per_prompt"].values()):
            for name in ("kv_read", "kv_peak", "prompt_tokens"):
                row.pop(name, None)
        assert {name: back[name] for name in known} == known
        ours, theirs = (
            read_table(folder / "sequences.parquet", "sequences").to_pylist()
            for folder in (Path(target.folder), tmp_path / "back")
        )
        for mine, other in zip(ours, theirs, strict=True):
            ids, entropies = mine.pop("token_ids"), mine.pop("entropies")
            assert len(other.pop("token_ids")) == len(ids)
            pairs = [(entropies, other.pop("entropies"))]
            if rule == "authors" and method != "parallel":
                pairs.append((mine.pop("step_entropies"), other.pop("step_entropies")))
            for recorded, found in pairs:
                assert found == pytest.approx(recorded, abs=1e-4, nan_ok=True)
            assert {name: mine[name] for name in other} == other
        folders = [Path(folder) for folder in (target.initial, target.folder) if folder]
        born = [
            branch
            for folder in folders
            for branch in read_table(folder / "branches.parquet", "branches").to_pylist()
        ]
        found = read_table(tmp_path / "back/branches.parquet", "branches").to_pylist()
        unknown = dict.fromkeys(("sampled_token", "kept_token", "forked_token"), -1)
        born.sort(key=lambda branch: (branch["prompt_id"], branch["round"]))
        assert [branch | unknown for branch in born] == found


def test_texts_and_branches_are_written_as_the_authors_do(tmp_path: Path) -> None:
    path = exported(make_result(tmp_path, "eager", 3), tmp_path)
    for prompt in prompts_of(path):
        assert not any("<end>" in text for text in prompt["generations"])
        assert all(prompt["prompt"] in text for text in prompt["generations"])
        assert not any(text.startswith(prompt["prompt"]) for text in prompt["generations"])
        leading = [
            sum(mark == -1 for mark in ast.literal_eval(printed)) for printed in prompt["entropies"]
        ]
        records = [ast.literal_eval(printed) for printed in prompt["recorded_branches"]]
        starts = [n for n, count in enumerate(leading) if count == 0]
        # Children stand in order of creation, and inherit as many tokens as the step says.
        born = [count for n, count in enumerate(leading) if n not in starts]
        assert born == [record["gen_step"] for record in records if record["gen_step"]]
        for record in records:
            for token in ("man_token_original", "man_token_branch"):
                shown = record["last_generated_chars"] + record[token].replace("<end>", "")
                assert any(shown in text for text in prompt["generations"])


def test_a_whole_number_is_a_number_and_every_target_comes_back() -> None:
    targets = ["5", "-12", "0.5", "007", "A", "\u0663", ""]
    written = [export._target(target) for target in targets]
    assert written == [5, -12, *targets[2:]]
    assert [str(target) for target in written] == targets


def test_an_end_repeats_its_entropy_while_the_prompt_may_branch(tmp_path: Path) -> None:
    repeated = 0
    for seed in SEEDS:
        target = make_result(tmp_path, "eager_init", seed)
        path = exported(target, tmp_path)
        lists = [ast.literal_eval(text) for p in prompts_of(path) for text in p["entropies"]]
        rows = read_table(target.file("sequences.parquet"), "sequences").to_pylist()
        for sequence, marks in zip(rows, lists, strict=True):
            more = len(marks) - len(sequence["token_ids"])
            if more > 0:
                repeated += 1
                assert set(marks[-more - 1 :]) == {marks[-1]}
                assert marks[-1] >= 0
    assert repeated > 3


def test_missing_entropies_are_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    rows = [make_result(tmp_path / str(seed), "parallel", seed) for seed in range(2)]
    export_results(rows, TEMPLATES, tmp_path / "export", said.append)
    assert len(said) == 1
    assert "record_entropies: true" in said[0]


def without_notes(path: Path, **changes: Any) -> Path:
    """The file as the authors' code writes it, with changes to its first prompt."""
    content = json.loads(path.read_text())
    content["extra"]["notes"] = ""
    content["entropy-aware-generations"][0] |= changes
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entropies": []}, "prompt 1: no entropies.*give --tokenizer"),
        ({"entropies": ["[1.0]"] * 9}, "9 lists of entropies for "),
        ({"recorded_branches": ["print(1)"]}, "not a printed dict: 'print"),
        ({"recorded_branches": ["{'seq_idx': 0}"]}, "recorded branch .* is not complete"),
        ({"recorded_branches": []}, "do not fit: no branch made sequence"),
        ({"generations": 3}, "generations: Input should be a valid list"),
    ],
)
def test_mistakes_in_a_file_are_reported(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = exported(make_result(tmp_path, "eager_init", 2), tmp_path)
    with pytest.raises(EagerError, match=message):
        import_result(without_notes(path, **changes), OPTIONS, tmp_path / "back", silent)


def test_a_list_of_something_else(tmp_path: Path) -> None:
    path = exported(make_result(tmp_path, "eager_init"), tmp_path)
    count = len(prompts_of(path)[0]["generations"])
    changes = {"entropies": ["open('x')"] * count}
    with pytest.raises(EagerError, match='not a printed list of numbers: "open'):
        import_result(without_notes(path, **changes), OPTIONS, tmp_path / "back", silent)


def test_a_name_that_tells_no_method(tmp_path: Path) -> None:
    path = without_notes(exported(make_result(tmp_path, "eager_init"), tmp_path))
    renamed = path.rename(path.with_name("results.json"))
    with pytest.raises(EagerError, match="the name does not tell the method; rename it"):
        import_result(renamed, OPTIONS, tmp_path / "back", silent)
    with pytest.raises(EagerError, match="no such file"):
        import_result(path, OPTIONS, tmp_path / "back", silent)
