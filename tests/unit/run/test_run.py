"""`eager run`: its flags, the authors' among them, and the experiment that is written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from eager.config.load import load_experiment, read_yaml
from eager.run import experiment as experiment_module
from eager.run.experiment import TOKENIZER_FILES, find_entry, run_experiment, write_experiment
from eager.run.options import RunOptions, parse_run
from eager.util.errors import EagerError
from tests.support.repository import ROOT

KNOWN = {"Qwen3-4B": {"repo": "Qwen/Qwen3-4B", "revision": "a" * 40}}
COMMIT = "0123456789" * 4


def parsed(text: str) -> RunOptions:
    return parse_run(["--model", "m", "--dataset", "d", *text.split()])


def test_the_authors_flags() -> None:
    words = (
        "--model_name Qwen/Qwen3-4B --data_name opencompass/AIME2025 --temperature 0.6 "
        "--entropy_threshold 2.0 2.2 --max_sequences 32 --experiments default aware "
        "--output_dir out --seed 55 --dtype half --max_model_len 32768 "
        "--gpu_memory_utilization 0.9 --device cuda:0 -- --cores 2"
    )
    options = parse_run(words.split())
    assert (options.model, options.dataset) == ("Qwen/Qwen3-4B", "opencompass/AIME2025")
    assert (options.entropy_threshold, options.max_sequences) == ((2.0, 2.2), (32,))
    assert options.methods == ("parallel", "eager_init")
    assert (options.dtype, options.max_model_len, options.seed) == ("float16", 32768, (55,))
    assert (options.output_dir, options.snakemake) == ("out", ("--cores", "2"))


@pytest.mark.parametrize("text", ["2.0 2.2", "2.0,2.2", "[2.0,2.2]", "2.0 2.2 2.0"])
def test_lists_of_thresholds(text: str) -> None:
    assert parsed(f"--entropy-threshold {text}").entropy_threshold == (2.0, 2.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--mdel x", "unknown flag --mdel; did you mean '--model'"),
        (
            "--temperature 0",
            "--temperature: Input should be greater than or equal to 0.01, got '0'",
        ),
        ("--temperature warm", "--temperature: Input should be a valid number"),
        ("--entropy-threshold 5", r"5 is outside \[0, ln K\]"),
        ("--entropy_threshold", "--entropy-threshold: expected at least one argument"),
        ("--max-sequences 0", "--max-sequences.0: Input should be greater than or equal to 1"),
        (
            "--gpu_memory_utilization 2",
            "--gpu-memory-utilization: Input should be less than",
        ),
        ("--experiments none", "--methods.0: unknown method; known are parallel"),
        ("--name ../x", "--name: a name is letters"),
        ("--name models", "--name: results/ holds something else"),
        ("stray", "unrecognized arguments: stray"),
    ],
)
def test_bad_flags_get_one_line(text: str, message: str) -> None:
    with pytest.raises(EagerError, match=message) as caught:
        parsed(text)
    assert "\n" not in str(caught.value)


def test_where_a_name_may_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    assert find_entry("model", "Qwen3-4B", KNOWN, said.append)[1] == KNOWN["Qwen3-4B"]
    assert find_entry("model", "Qwen/Qwen3-4B", KNOWN, said.append)[0] == "Qwen3-4B"
    assert said == [f"Qwen/Qwen3-4B: configured as Qwen3-4B, commit {'a' * 40}"]
    folder = tmp_path / "Qwen3-4B"
    folder.mkdir()
    with pytest.raises(EagerError, match=r"no config\.json in it"):
        find_entry("model", str(folder), KNOWN, said.append)
    (folder / "config.json").write_text("{}")
    # Its files may not lie under the configured entry's name.
    name, entry = find_entry("model", str(folder), KNOWN, said.append)
    assert (name, entry["path"]) == ("Qwen3-4B-own", str(folder))
    (fetched := tmp_path / "results/models/Nice-2B/files").mkdir(parents=True)
    (fetched / "config.json").write_text("{}")
    assert find_entry("model", str(fetched), KNOWN, said.append)[0] == "Nice-2B"
    with pytest.raises(
        EagerError, match=r"not configured, no such path .* did you mean 'Qwen3-4B'"
    ):
        find_entry("model", "Qwen3-4", KNOWN, said.append)
    monkeypatch.setattr(experiment_module, "commit_on_hub", lambda *_: COMMIT)
    name, entry = find_entry("dataset", "someone/new-set", KNOWN, said.append)
    assert (name, entry["repo"], entry["revision"]) == ("new-set", "someone/new-set", COMMIT)
    assert said[-1] == f"someone/new-set: not configured; pinned to its present commit {COMMIT}"


def test_without_a_network_a_hub_name_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no network\nat all")

    monkeypatch.setattr(HfApi, "model_info", refuse)
    with pytest.raises(EagerError, match="cannot ask the Hugging Face hub") as caught:
        find_entry("model", "someone/new", KNOWN, lambda _: None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text", "marker"),
    [
        ("chat_template.jinja", "{{ '</think>' in messages[0].content }}", "</think>"),
        ("tokenizer.json", r'{"model": {"vocab": {"\u003c/think\u003e": 7}}}', "</think>"),
        ("tokenizer_config.json", '{"chat_template": "<|im_start|>"}', None),
        ("other.json", "</think>", None),
    ],
)
def test_a_model_that_knows_no_end_of_thinking_gets_none(
    file: str, text: str, marker: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / file).write_text(text)
    _, entry = find_entry("model", str(tmp_path), KNOWN, lambda _: None)
    assert entry.get("end_of_thinking") == marker
    monkeypatch.setattr(experiment_module, "commit_on_hub", lambda *_: COMMIT)
    monkeypatch.setattr(
        experiment_module, "hub_files", lambda *_: [tmp_path / n for n in TOKENIZER_FILES]
    )
    _, entry = find_entry("model", "some/model", KNOWN, lambda _: None)
    assert entry.get("end_of_thinking") == marker


def test_the_experiment_that_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = parse_run(
        [
            *("--model", "SmolLM2-135M-Instruct", "--dataset", "arithmetic", "--name", "try"),
            *("--entropy-threshold", "1.0", "1.5", "--max-sequences", "3", "--max-tokens", "20"),
            *("--seed", "55", "56"),
            *("--models", str(ROOT / "config/models.yaml"), "--max-model-len", "512"),
            *("--datasets", str(ROOT / "config/datasets.yaml"), "--record-entropies"),
            *("--experiments", "aware", "--rule", "authors", "--gpu-memory-utilization", "0.5"),
        ]
    )
    path = write_experiment(options, lambda _: None)
    assert path == Path("results/try/config/experiment.yaml")
    found = load_experiment(read_yaml(path), str(path))
    varied = [(cell.entropy_threshold, cell.seed) for cell in found.cells]
    assert varied == [(1.0, 55), (1.0, 56), (1.5, 55), (1.5, 56)]
    assert {cell.rule for cell in found.cells} == {"authors"}
    model = found.models["SmolLM2-135M-Instruct"]
    assert (model.context_length, model.max_tokens, model.dtype) == (512, 20, "float32")
    assert found.datasets["arithmetic"].max_tokens is None  # the flag's counts
    assert found.config.methods == ("eager_init",)
    assert found.config.record_entropies
    assert found.config.engine.gpu_memory_utilization == 0.5
    # Apart from what the flags change, the configured entry is there whole.
    known = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["arithmetic"]
    assert found.datasets["arithmetic"].prompt_template == known["prompt_template"]


def test_outside_of_the_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EagerError, match="no Snakefile here"):
        run_experiment(parsed(""), lambda _: None)


def test_the_profile_is_that_of_the_build_that_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not that of the device: a build for CPUs on a machine with a GPU runs on its CPU."""
    started: list[list[str]] = []
    monkeypatch.setattr(experiment_module, "write_experiment", lambda *_: Path("e.yaml"))
    monkeypatch.setattr(
        experiment_module.subprocess,
        "run",
        lambda words, **_: started.append(words) or subprocess.CompletedProcess(words, 0),
    )
    monkeypatch.chdir(ROOT)
    for version, profile in (("0.31.0", "cpu"), (None, "gpu")):
        monkeypatch.setattr(experiment_module, "installed_version", lambda _, v=version: v)
        run_experiment(parsed("--dry-run"), lambda _: None)
        assert f"workflow/profiles/{profile}" in started[-1]
        assert started[-1][-3:] == ["--dry-run", "--quiet", "rules"]
    said: list[str] = []
    run_experiment(parsed("--dry-run -- --quiet all"), said.append)
    again = "snakemake --workflow-profile workflow/profiles/gpu --configfile e.yaml"
    assert said[0].endswith(f"again: {again}")
    assert started[-1][-1] == "--dry-run"
