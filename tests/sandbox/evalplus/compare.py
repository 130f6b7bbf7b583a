"""Runs in the comparison container: evalplus 0.3.1 on /in/dataset.jsonl and /in/samples.jsonl.

Prints one JSON object: the verdicts in the order of the samples, and the seconds of the evaluation.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import time

os.environ["HUMANEVAL_OVERRIDE_PATH"] = "/in/dataset.jsonl"

from evalplus import evaluate
from evalplus.data import get_human_eval_plus, get_human_eval_plus_hash


def main() -> None:
    """Expected outputs first, as evalplus keeps them, then the evaluation that is timed."""
    problems = get_human_eval_plus(err_incomplete=False)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        evaluate.get_groundtruth(problems, get_human_eval_plus_hash(), [])
        shutil.copy("/in/samples.jsonl", "/tmp/samples.jsonl")
        start = time.monotonic()
        evaluate.evaluate("humaneval", "/tmp/samples.jsonl", parallel=int(sys.argv[1]))
        seconds = time.monotonic() - start
    with open("/tmp/samples_eval_results.json") as file:
        results = json.load(file)["eval"]
    verdicts = {
        task_id: [[one["base_status"], one["plus_status"]] for one in samples]
        for task_id, samples in results.items()
    }
    print(json.dumps({"seconds": seconds, "verdicts": verdicts}))


main()
