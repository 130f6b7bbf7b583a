"""`eager check-machine`: facts first, then the engine in processes of its own, then the page."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from eager.containers.gpus import DEVICES_VARIABLE
from eager.generation.provenance import describe_run
from eager.machine import hardware
from eager.machine.hardware import Gpu
from eager.machine.page import CheckLine, conclusion, exit_code, page, shown
from eager.machine.trial import Trial
from eager.machine.tuning import choose_gpu_memory_utilization
from eager.util.errors import EagerError
from eager.util.files import read_json, write_json, write_text

LONGEST_TRIAL = 1200
"""Seconds; the engine of a CPU under load takes minutes to load."""
NOT_ON_CPU = (
    ("engine", "model runner", "vLLM's second runner, CUDA graphs, prefill in chunks with seeds"),
    ("generation", "bfloat16", "the number format of the paper's models, where logits tie"),
    ("speed", "32 to 512 sequences", "a CPU is timed at 4 and 8"),
)


# How much is decoded: prompts and tokens of each, and sequences at once when timed.
ON_CPU = {"prompts_decoded": 4, "tokens": 24, "sequences": (4, 8), "timed_tokens": 16}
ON_GPU = {"prompts_decoded": 16, "tokens": 64, "sequences": (32, 128, 256, 512), "timed_tokens": 64}
UNTIMED: dict[str, Any] = {"sequences": ()}

Ended = tuple[int, str, dict[str, Any] | None]
"""Exit status of a trial, the last line it printed, and its answer if it gave one."""


class Check:
    """One check of this machine.

    Args:
        manifest, prompts: of the demo's model and data set.
        output: folder of the page; what an earlier check left there is deleted.
        say: shows a line.
    """

    def __init__(
        self, manifest: Path, prompts: Path, output: Path, say: Callable[[str], None]
    ) -> None:
        self.lines: list[CheckLine] = []
        self.figures: dict[str, Any] = {}
        self._manifest, self._prompts, self._output, self._say = manifest, prompts, output, say

    def run(self) -> int:
        """Check everything that can be checked here, and write the page.

        Returns:
            The exit code: see `page.exit_code`.
        """
        start = perf_counter()
        for name in ("trials", "store"):
            shutil.rmtree(self._output / name, ignore_errors=True)
        found = hardware.find_machine(self._output.parent)
        self.figures["facts"] = asdict(found)
        self._add(*hardware.check_hardware(found))
        lost = [str(path) for path in (self._manifest, self._prompts) if not path.is_file()]
        if lost:
            to_do = "run `make demo`, or `snakemake --until encode_prompts` with your profile"
            told = f"not there: {', '.join(lost)}"
            self._add(CheckLine("machine", "demo", "missing", told, to_do))
        if lost or hardware.blocking(self.lines):
            self._note("engine", "engine", "not started, because of what is missing above")
        elif found.on_gpu:
            self._on_gpu(found.usable[0])
        else:
            self._kill_and_check({}, ON_CPU)
            for area, name, why in NOT_ON_CPU:
                self._note(area, name, f"not checked without a GPU: {why}")
        self._write(perf_counter() - start)
        return exit_code(self.lines)

    def _add(self, *lines: CheckLine) -> None:
        self.lines += lines
        for line in lines:
            self._say(shown(line))

    def _note(self, area: str, name: str, found: str) -> None:
        self._add(CheckLine(area, name, "note", found))

    def _trial(self, kind: str, dtype: str, size: Mapping[str, Any], **more: Any) -> Trial:
        given = {"manifest": self._manifest, "prompts": self._prompts, "kind": kind, "dtype": dtype}
        return Trial.model_validate(given | {"store": self._output / "store", **size, **more})

    def _on_gpu(self, gpu: Gpu) -> None:
        memory = {"gpu_memory_utilization": _share(gpu)}
        device = {DEVICES_VARIABLE: gpu.uuid}
        # float32 is compared with the CPU; bfloat16 is what the paper's models are run in.
        self._kill_and_check(device, ON_GPU | UNTIMED, **memory)
        apart = self._output / "no-store"
        self._whole(
            self._trial("whole", "bfloat16", ON_GPU, store=apart, greedy=False, **memory), device
        )

    def _kill_and_check(
        self, device: Mapping[str, str], size: Mapping[str, Any], **more: Any
    ) -> None:
        """A job that is killed, and then the process that resumes it and checks everything."""
        killed = self._trial("killed", "float32", {**size, **UNTIMED}, **more)
        code, last, _ = self._run_trial(killed, device)
        if code != -signal.SIGKILL:
            found = f"a job that was to be killed ended with {code}: {last}"
            self._failed("generation", "kill", found)
        self._whole(self._trial("whole", "float32", size, **more), device)

    def _failed(self, area: str, name: str, found: str) -> None:
        self._add(CheckLine(area, name, "differs", found, f"see {self._output / 'trials'}"))

    def _whole(self, trial: Trial, device: Mapping[str, str]) -> None:
        code, last, answer = self._run_trial(trial, device)
        name = f"trial in {trial.dtype}"
        if answer is None:
            self._failed("engine", name, f"ended with {code}: {last}")
            return
        self._note("engine", name, _described(answer))
        self._add(*(CheckLine(*line) for line in answer["lines"]), *map(rate_line, answer["rates"]))
        self.figures[trial.dtype] = {key: answer[key] for key in answer if key != "lines"}

    def _run_trial(self, trial: Trial, environment: Mapping[str, str]) -> Ended:
        """Run a trial to its end."""
        stem = self._output / "trials" / f"{trial.kind}-{trial.dtype}"
        request, answer = stem.with_suffix(".trial.json"), stem.with_suffix(".json")
        log = stem.with_suffix(".log")
        write_json(request, trial.model_dump(mode="json"))
        self._say(f"...      {trial.kind}, {trial.dtype}: {log}")
        command = [sys.executable, "-m", "eager.machine.trial", str(request), str(answer)]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=stream, stderr=stream
            )
            try:
                code = process.wait(timeout=LONGEST_TRIAL)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
        printed = log.read_text(encoding="utf-8", errors="replace")
        last = next((line for line in reversed(printed.splitlines()) if line.strip()), "nothing")
        return code, last.strip(), read_json(answer) if answer.is_file() else None

    def _write(self, seconds: float) -> None:
        head = {
            "date": datetime.now(UTC).isoformat(timespec="minutes"),
            "hardware": hardware.machine_name(),
            "commit": str((describe_run({})["code"] or {}).get("commit") or "unknown"),
            "seconds": seconds,
        }
        write_text(self._output / "report.md", page(self.lines, head))
        content = {"schema_version": 1, **head, "exit_code": exit_code(self.lines)}
        content |= {"lines": [line._asdict() for line in self.lines], **self.figures}
        write_json(self._output / "report.json", content)
        self._say(f"{conclusion(self.lines)}: {self._output / 'report.md'}")


def rate_line(rate: Mapping[str, Any]) -> CheckLine:
    """A timed decoding: tokens per second, and the share of the time that our driver takes."""
    speed, share = (rate[name] / rate["seconds"] for name in ("tokens", "driver_seconds"))
    name = f"{rate['method']}, {rate['sequences']} sequences"
    return CheckLine("speed", name, "note", f"{speed:,.0f} tokens/s; our driver {share:.1%}")


def _share(gpu: Gpu) -> float:
    try:
        return choose_gpu_memory_utilization(gpu.free, gpu.total)
    except EagerError:
        return 0.9  # the trial will say what is wrong


def _described(answer: Mapping[str, Any]) -> str:
    found = answer["configuration"]
    runner = "second" if found["v2_model_runner"] else "first"
    return (
        f"{found['device']}, {runner} model runner, blocks of {found['block_size']}, "
        f"{found['max_num_batched_tokens']:,} tokens per step, compilation {found['compilation']}, "
        f"CUDA graphs {found['cuda_graphs']}, {found['kv_capacity_tokens']:,} tokens of KV cache; "
        f"loaded in {answer['load_seconds']:.0f} s"
    )
