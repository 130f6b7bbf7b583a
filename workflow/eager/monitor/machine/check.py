"""`eager check-machine`: facts first, then the engine in processes of its own, then the page."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from eager.containers.gpus import DEVICES_VARIABLE
from eager.generation.provenance import describe_run
from eager.generation.tuning import choose_gpu_memory_utilization
from eager.monitor.machine import facts, plan, speed
from eager.monitor.machine.facts import Facts, Gpu
from eager.monitor.machine.page import Head, conclusion, page, shown
from eager.monitor.machine.probing import find_facts
from eager.monitor.machine.speed import Rate
from eager.monitor.machine.trial import Trial
from eager.monitor.machine.verdicts import Line, exit_code
from eager.util.errors import EagerError
from eager.util.files import read_json, write_json, write_text

LONGEST_TRIAL = 1200
"""Seconds; the engine of a CPU under load takes minutes to load."""
Say = Callable[[str], None]


SAME_SEED, BATCH_INVARIANT = "same seed twice", "VLLM_BATCH_INVARIANT"


class Size(NamedTuple):
    """How much is decoded: prompts and tokens of each, and sequences at once when timed."""

    prompts: int
    tokens: int
    sequences: tuple[int, ...]
    timed_tokens: int


ON_CPU = Size(4, 24, (4, 8), 16)
ON_GPU = Size(16, 64, (32, 128, 256, 512), 64)


class Check:
    """One check of this machine.

    Args:
        manifest, prompts: of the demo's model and data set.
        output: folder of the page; what an earlier check left there is deleted.
        say: shows a line.
    """

    def __init__(self, manifest: Path, prompts: Path, output: Path, say: Say) -> None:
        self.lines: list[Line] = []
        self.figures: dict[str, Any] = {}
        self._manifest, self._prompts, self._output, self._say = manifest, prompts, output, say

    def run(self) -> int:
        """Check everything that can be checked here, and write the page.

        Returns:
            The exit code: see `verdicts.exit_code`.
        """
        start = perf_counter()
        for name in ("trials", "store"):
            shutil.rmtree(self._output / name, ignore_errors=True)
        found = find_facts(self._output.parent)
        self.figures["facts"] = found.model_dump()
        self._add(*facts.judge(found), *self._inputs())
        missing = any(line.name == "demo" for line in self.lines if line.verdict == "missing")
        if missing or facts.blocking(self.lines):
            self._note("engine", "engine", "not started, because of what is missing above")
        elif found.on_gpu:
            self._on_gpu(found)
        else:
            self._on_cpu()
        self._write(perf_counter() - start)
        return exit_code(self.lines)

    def _add(self, *lines: Line) -> None:
        self.lines += lines
        for line in lines:
            self._say(shown(line))

    def _note(self, area: str, name: str, found: str) -> None:
        self._add(
            Line.model_validate({"area": area, "name": name, "verdict": "note", "found": found})
        )

    def _inputs(self) -> list[Line]:
        lost = [str(path) for path in (self._manifest, self._prompts) if not path.is_file()]
        if not lost:
            return []
        return [
            Line(
                area="machine",
                name="demo",
                verdict="missing",
                found=f"not there: {', '.join(lost)}",
                to_do="run `make demo`, or `snakemake --until encode_prompts` with your profile",
            )
        ]

    def _trial(self, kind: str, dtype: str, size: Size, **more: Any) -> Trial:
        return Trial.model_validate(
            {
                "kind": kind,
                "manifest": self._manifest,
                "prompts": self._prompts,
                "store": self._output / "store",
                "dtype": dtype,
                "prompts_decoded": size.prompts,
                "tokens": size.tokens,
                "timed_tokens": size.timed_tokens,
            }
            | more
        )

    def _on_cpu(self) -> None:
        self._kill_and_check({}, ON_CPU, sequences=ON_CPU.sequences)
        for area, name, why in NOT_ON_CPU:
            self._note(area, name, f"not checked without a GPU: {why}")

    def _on_gpu(self, found: Facts) -> None:
        gpu = found.usable[0]
        memory = {"gpu_memory_utilization": _share(gpu)}
        device = {DEVICES_VARIABLE: gpu.uuid}
        # float32 is compared with the CPU; bfloat16 is what the paper's models are run in.
        self._kill_and_check(device, ON_GPU, **memory)
        trial = self._trial(
            "whole",
            "bfloat16",
            ON_GPU,
            store=self._output / "no-store",
            sequences=ON_GPU.sequences,
            greedy=False,
            **memory,
        )
        answer = self._whole(trial, device)
        if answer and _differs(answer, SAME_SEED):
            self._note("generation", BATCH_INVARIANT, self._batch_invariant(trial, device))
        if len(found.usable) > 1:
            self._add(self._two_jobs(found.usable[:2]))
        else:
            self._note("generation", "two jobs on two GPUs", "not checked: there is one GPU")
        lines, chosen = plan.options(gpu.total, len(found.usable))
        self._add(*lines)
        if answer and answer["bandwidth"]:
            self._add(plan.hours(chosen, answer["bandwidth"], answer["load_seconds"]))

    def _kill_and_check(self, device: Mapping[str, str], size: Size, **more: Any) -> None:
        """A job that is killed, and then the process that resumes it and checks everything."""
        first = {key: value for key, value in more.items() if key != "sequences"}
        code, last, _ = self._start(self._trial("killed", "float32", size, **first), device)
        if code != -signal.SIGKILL:
            self._add(
                Line(
                    area="generation",
                    name="kill",
                    verdict="differs",
                    found=f"a job that was to be killed ended with {code}: {last}",
                    to_do=f"see {self._output / 'trials'}",
                )
            )
        self._whole(self._trial("whole", "float32", size, **more), device)

    def _whole(self, trial: Trial, device: Mapping[str, str]) -> dict[str, Any] | None:
        code, last, answer = self._start(trial, device)
        name = f"trial in {trial.dtype}"
        if answer is None:
            self._add(
                Line(
                    area="engine",
                    name=name,
                    verdict="differs",
                    found=f"ended with {code}: {last}",
                    to_do=f"see {self._output / 'trials'}",
                )
            )
            return None
        self._note("engine", name, _described(answer))
        self._add(*(Line.model_validate(line) for line in answer["lines"]))
        self._add(*(Rate.model_validate(rate).line() for rate in answer["rates"]))
        self.figures[trial.dtype] = {key: answer[key] for key in answer if key != "lines"}
        return answer

    def _batch_invariant(self, trial: Trial, device: Mapping[str, str]) -> str:
        """Whether vLLM's fixed order of sums makes the same seed give the same tokens."""
        short = trial.model_copy(update={"sequences": ()})
        code, last, answer = self._start(short, {**device, BATCH_INVARIANT: "1"}, number=1)
        if answer is None:
            return f"=1: ended with {code}: {last}"
        if _differs(answer, SAME_SEED):
            return "=1 does not help: the same seed still gives other tokens"
        return "=1 is needed: with it the same seed gives the same tokens"

    def _start(
        self, trial: Trial, environment: Mapping[str, str], number: int = 0
    ) -> tuple[int, str, dict[str, Any] | None]:
        """Run a trial to its end: exit status, last line it printed, its answer if it gave one."""
        process, answer = self._begin(trial, environment, number)
        return self._end(process, answer)

    def _begin(
        self, trial: Trial, environment: Mapping[str, str], number: int = 0
    ) -> tuple[subprocess.Popen[bytes], Path]:
        stem = self._output / "trials" / f"{trial.kind}-{trial.dtype}-{number}"
        request, answer = stem.with_suffix(".trial.json"), stem.with_suffix(".json")
        write_json(request, trial.model_dump(mode="json"))
        self._say(f"...      {trial.kind}, {trial.dtype}: {stem.with_suffix('.log')}")
        with stem.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "eager.monitor.machine.trial", str(request), str(answer)],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return process, answer

    def _end(
        self, process: subprocess.Popen[bytes], answer: Path
    ) -> tuple[int, str, dict[str, Any] | None]:
        try:
            code = process.wait(timeout=LONGEST_TRIAL)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        printed = answer.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
        last = next((line for line in reversed(printed.splitlines()) if line.strip()), "nothing")
        return code, last.strip(), read_json(answer) if answer.is_file() else None

    def _two_jobs(self, gpus: list[Gpu]) -> Line:
        """Two jobs at the same time, each on a GPU of its own."""
        begun = [
            self._begin(
                self._trial("parallel_job", "float32", ON_GPU, gpu_memory_utilization=_share(gpu)),
                {DEVICES_VARIABLE: gpu.uuid},
                number,
            )
            for number, gpu in enumerate(gpus)
        ]
        return two_jobs_line([self._end(*one)[2] for one in begun])

    def _write(self, seconds: float) -> None:
        told = describe_run({})
        hardware = told["hardware"]
        processor = f"{hardware['processor']} ({hardware['cores']} cores)"
        head = Head(
            date=datetime.now(UTC).isoformat(timespec="minutes"),
            hardware=", ".join([*hardware.get("gpus", []), processor]),
            commit=str((told["code"] or {}).get("commit") or "unknown"),
            seconds=seconds,
        )
        write_text(self._output / "report.md", page(self.lines, head))
        lines = [line.model_dump() for line in self.lines]
        content = {"schema_version": 1, **head.model_dump(), "lines": lines, **self.figures}
        write_json(self._output / "report.json", content | {"exit_code": exit_code(self.lines)})
        self._say(f"{conclusion(self.lines)}: {self._output / 'report.md'}")


NOT_ON_CPU = (
    ("engine", "model runner", "vLLM's second runner, CUDA graphs, prefill in chunks with seeds"),
    ("generation", "bfloat16", "the number format of the paper's models, where logits tie"),
    ("generation", "two jobs on two GPUs", "there is none"),
    ("speed", "32 to 512 sequences", "a CPU is timed at 4 and 8"),
    ("plan", "options and hours", "they follow from a GPU's memory and its bandwidth"),
)


def _differs(answer: Mapping[str, Any], name: str) -> bool:
    """Whether a trial's line of that name differs."""
    return any(line["name"] == name and line["verdict"] == "differs" for line in answer["lines"])


def two_jobs_line(answers: list[dict[str, Any] | None]) -> Line:
    """Two jobs took two devices and gave the same tokens."""
    name = "two jobs on two GPUs"
    given = [answer for answer in answers if answer is not None]
    if len(given) < len(answers):
        found = f"{len(answers) - len(given)} of {len(answers)} jobs failed"
        return Line(
            area="generation", name=name, verdict="differs", found=found, to_do="see trials/"
        )
    devices = [answer["device"] for answer in given]
    if len(set(devices)) < len(devices):
        found = f"both ran on {devices[0]}"
        return Line(area="generation", name=name, verdict="differs", found=found)
    if given[0]["tokens"] != given[1]["tokens"]:
        found = "the same seed gave other tokens on the second device"
        return Line(area="generation", name=name, verdict="differs", found=found)
    return Line(area="generation", name=name, verdict="ok", found="two devices, the same tokens")


def _share(gpu: Gpu) -> float:
    try:
        return choose_gpu_memory_utilization(gpu.free, gpu.total)
    except EagerError:
        return speed.UTILIZATION  # the trial will say what is wrong


def _described(answer: Mapping[str, Any]) -> str:
    found = answer["configuration"]
    runner = "second" if found["v2_model_runner"] else "first"
    return (
        f"{found['device']}, {runner} model runner, blocks of {found['block_size']}, "
        f"{found['max_num_batched_tokens']:,} tokens per step, compilation {found['compilation']}, "
        f"CUDA graphs {found['cuda_graphs']}, {found['kv_capacity_tokens']:,} tokens of KV cache; "
        f"loaded in {answer['load_seconds']:.0f} s"
    )
