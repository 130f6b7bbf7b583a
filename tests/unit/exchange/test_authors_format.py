"""Export in the authors' format, import of it, and both together."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from eager.config.settings import METHODS, Method
from eager.data.encoding import SCHEMA as PROMPTS
from eager.data.tasks import Task
from eager.evaluation.evaluate import evaluate_answers
from eager.evaluation.measure import write_metrics
from eager.exchange.export import ExportRow, export_results
from eager.exchange.import_ import import_result
from eager.util.errors import EagerError
from eager.util.files import read_json, write_json
from eager.util.tables import BRANCHES, SEQUENCES, read_table, write_table

NAN = float("nan")
CELL = {
    "experiment": "demo",
    "model": "tiny",
    "dataset": "sums",
    "temperature": 0.6,
    "max_sequences": 4,
    "entropy_threshold": 2.2,
    "seed": 55,
}
NAMES = {
    "parallel": "demo_T0.6_M4_seed55_default_results.json",
    "eager_init": "demo_T0.6_M4_seed55_aware_results__th2.2.json",
    "eager_adapt": "demo_T0.6_M4_seed55_aware_easy_more_budget_results__th2.2.json",
    "eager": "demo_T0.6_M4_seed55_aware_more_budget_results__th2.2.json",
}
TEXTS = {"p-7": [r"so \boxed{4}", r"so \boxed{5}"], "q": ["no answer", r"a \boxed{\frac{1}{2}}"]}
TARGETS = {"p-7": "4", "q": "0.5"}


def sequence(prompt_id: str, index: int, text: str) -> dict[str, Any]:
    return {
        "prompt_id": prompt_id,
        "sequence_index": index,
        "parent_index": 0 if index else None,
        "fork_position": index,
        "round": index,
        "threshold": 2.2,
        "token_ids": [5, 6, 7],
        "entropies": [NAN if index else 0.25, 2.5, NAN],
        "inherited_tokens": index,
        "tokens_upstream": 2,
        "finish_reason": "length" if index else "stop",
        "text": text,
    }


def branch(prompt_id: str) -> dict[str, Any]:
    texts = {"sampled_text": " c", "kept_text": " d", "forked_text": " \"e's"}
    tokens = {"sampled_token": 1, "kept_token": 2, "forked_token": 3}
    place = {"round": 1, "step": 1, "position": 1, "parent_index": 0, "child_index": 1}
    return {"prompt_id": prompt_id, "entropy": 2.5, "threshold": 2.2} | place | texts | tokens


def make_result(folder: Path, method: Method) -> ExportRow:
    """A result with two prompts; the budgeted methods build on a folder `initial`."""
    rows = [sequence(p, i, text) for p, texts in TEXTS.items() for i, text in enumerate(texts)]
    branches = [branch(prompt_id) for prompt_id in TEXTS]
    result = folder / method
    budgeted = method in ("eager_adapt", "eager")
    folders = [folder / "initial", result] if budgeted else [result]
    counts = {"tokens": 9, "prompt_tokens": 8, "cached_prompt_tokens": 3, "engine_seconds": 1.5}
    for place in folders:
        found = branches if place == result else []
        write_table(place / "branches.parquet", pa.Table.from_pylist(found, BRANCHES), "branches")
        write_json(place / "run.json", {"counts": counts | {"driver_seconds": 0.25}})
    write_table(result / "sequences.parquet", pa.Table.from_pylist(rows, SEQUENCES), "sequences")
    tasks = [Task(id=p, problem="?", target=TARGETS[p], kind="math") for p in TEXTS]
    (folder / "tasks.jsonl").write_text("".join(t.model_dump_json() + "\n" for t in tasks))
    prompts = {
        "prompt_id": list(TEXTS),
        "text": [rf"e.g. \boxed{{4}} {p}" for p in TEXTS],
        "token_ids": [[1], [2]],
    }
    write_table(folder / "prompts.parquet", pa.table(prompts, PROMPTS), "prompts")
    evaluate_answers(
        result / "sequences.parquet", folder / "tasks.jsonl", result / "verdicts.parquet"
    )
    write_metrics(
        method,
        result / "sequences.parquet",
        result / "verdicts.parquet",
        [place / "run.json" for place in folders],
        result / "metrics.json",
    )
    return ExportRow(
        cell=CELL,
        method=method,
        result=result,
        initial=folder / "initial" if budgeted else None,
        prompts=folder / "prompts.parquet",
        tasks=folder / "tasks.jsonl",
    )


def exported(folder: Path, method: Method) -> Path:
    export_results([make_result(folder, method)], folder / "export")
    return folder / "export/tiny/sums/demo_T0.6_M4_seed55" / NAMES[method]


FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "params": {
        "model_name": str,
        "temperature": float,
        "entropy_threshold": float,
        "max_sequences": int,
        "seed": int,
    },
    "data": {"data_name": str, "num_prompts": int, "targets": list},
    "status": {
        "state": str,
        "completed_sequences": int,
        "total_sequences": int,
        "progress": str,
    },
    "extra": {"notes": str, "generation_time_so_far (s)": float},
    "results": {"avg_acc": float, "pass_at_1": float, "cons_at_max": float},
}
GENERATION = {
    "prompt": str,
    "generated_sequences": int,
    "target": str,
    "extracted_answers": str,
    "generations": list,
    "entropies": list,
    "recorded_branches": list,
}


@pytest.mark.parametrize("method", METHODS)
def test_fields_types_and_folders(tmp_path: Path, method: Method) -> None:
    content = json.loads(exported(tmp_path, method).read_text())
    key = "default-generations" if method == "parallel" else "entropy-aware-generations"
    assert set(content) == {"experiment_name", *FIELDS, key}
    for part, fields in FIELDS.items():
        assert {name: type(value) for name, value in content[part].items()} == fields
    assert content["data"]["targets"] == ["4", "0.5"]
    assert content["results"] == {"avg_acc": 0.5, "pass_at_1": 1.0, "cons_at_max": 1.0}
    first, second = content[key]
    assert {name: type(value) for name, value in first.items()} == GENERATION
    assert ast.literal_eval(first["extracted_answers"]) == ["4", "5"]
    assert ast.literal_eval(second["extracted_answers"]) == [None, r"\frac{1}{2}"]
    assert first["generations"][0] == first["prompt"] + TEXTS["p-7"][0]
    assert [ast.literal_eval(printed) for printed in first["entropies"]] == [
        [0.25, 2.5, -9.0],
        [-1.0, 2.5, -2.0],
    ]
    assert ast.literal_eval(first["recorded_branches"][0]) == {
        "seq_idx": 0,
        "gen_step": 1,
        "auto_selected_token": " c",
        "entropy": 2.5,
        "entropy_threshold": 2.2,
        "man_token_original": " d",
        "man_token_branch": " \"e's",
        "new_seq_idx": 1,
        "last_generated_chars": r"so \boxed{",
    }


@pytest.mark.parametrize("method", METHODS)
def test_import_of_an_export_has_the_same_metrics(tmp_path: Path, method: Method) -> None:
    path = exported(tmp_path, method)
    import_result(path, "math", tmp_path / "back")
    assert read_json(tmp_path / "back/metrics.json") == read_json(
        tmp_path / method / "metrics.json"
    )
    for kind, unknown in (("sequences", {"token_ids", "entropies"}), ("branches", set())):
        ours, theirs = (
            read_table(tmp_path / folder / f"{kind}.parquet", kind) for folder in (method, "back")
        )
        names = [n for n in ours.column_names if n not in unknown and not n.endswith("_token")]
        assert theirs.select(names).to_pylist() == ours.select(names).to_pylist()


def without_notes(path: Path, **changes: Any) -> Path:
    """The file as the authors' code writes it, with changes to its first prompt."""
    content = json.loads(path.read_text())
    content["extra"]["notes"] = ""
    content["entropy-aware-generations"][0] |= changes
    path.write_text(json.dumps(content))
    return path


def test_a_file_without_our_notes(tmp_path: Path) -> None:
    path = without_notes(exported(tmp_path, "eager_init"))
    import_result(path, "math", tmp_path / "theirs")
    ours = read_json(tmp_path / "eager_init/metrics.json")
    theirs = read_json(tmp_path / "theirs/metrics.json")
    same = ("pass_at_k", "cons_at_max", "pass_rate", "sequences", "tokens", "seconds")
    assert [theirs[name] for name in same] == [ours[name] for name in same]
    assert list(theirs["per_prompt"]) == ["1", "2"]
    first, second = read_table(tmp_path / "theirs/sequences.parquet", "sequences").to_pylist()[:2]
    assert (first["finish_reason"], second["finish_reason"]) == ("stop", "length")
    assert (first["parent_index"], second["parent_index"]) == (None, 0)
    assert first["text"] == TEXTS["p-7"][0]  # without the prompt and its box


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entropies": []}, "prompt 1: no entropies.*give --tokenizer"),
        ({"entropies": ["[1.0]"]}, "1 lists of entropies for 2 generations"),
        ({"entropies": ["[1.0]", "open('x')"]}, 'not a printed list of numbers: "open'),
        ({"recorded_branches": ["print(1)"]}, "not a printed dict: 'print"),
        ({"recorded_branches": ["{'seq_idx': 0}"]}, "recorded branch .* is not complete"),
        ({"generations": 3}, "generations: Input should be a valid array"),
    ],
)
def test_mistakes_in_a_file_are_reported(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = without_notes(exported(tmp_path, "eager_init"), **changes)
    with pytest.raises(EagerError, match=message):
        import_result(path, "math", tmp_path / "back")


def test_a_name_that_tells_no_method(tmp_path: Path) -> None:
    path = exported(tmp_path, "eager_init")
    renamed = path.rename(path.with_name("results.json"))
    with pytest.raises(EagerError, match="the name does not tell the method; rename it"):
        import_result(renamed, "math", tmp_path / "back")
    with pytest.raises(EagerError, match="no such file"):
        import_result(path, "math", tmp_path / "back")
