"""The profile `slurm` on a real Slurm: its daemons, its queue, one node with made-up GPUs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Self

import pyarrow.parquet as pq
import pytest

from tests.support.repository import HEADER, ROOT, Repository, copy_finished

pytestmark = pytest.mark.long
CLUSTER = ROOT / "tests/slurm/cluster.sh"
COMMANDS = ("slurmctld", "slurmd", "sbatch", "munged")
REQUIRED = "EAGER_REQUIRE_SLURM"
"""Set where Slurm was installed for these tests: then they may not be skipped."""
MODEL = "SmolLM2-135M-Instruct"
SEQUENCES = 3
PROMPTS = 16
"""Done one after another, so that there is time to stop a job between the first and the last."""


class Run:
    """Snakemake with the profile, running in the background."""

    def __init__(self, repository: Repository, targets: list[str], *options: str) -> None:
        self.output_file = repository.folder / "screen.txt"
        # What a shell starts in the background ignores Ctrl-C, and so would its children.
        with self.output_file.open("w") as screen:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "snakemake", *targets),
                    *("--configfile", "config/small.yaml"),
                    *("--workflow-profile", "workflow/profiles/slurm"),
                    # The node's GPUs are made up.
                    *("--config", "container_runtime=none", "generate_image=generate-cpu"),
                    *("--slurm-init-seconds-before-status-checks", "4"),
                    *options,
                ],
                cwd=repository.folder,
                env=repository.environment | {"STAND_IN_STEP_SECONDS": "0.1"},
                stdout=screen,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running where a test stops half-way."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, while Snakemake runs."""
        for _ in range(1200):
            if condition():
                return
            assert self.process.poll() is None, self.screen()
            time.sleep(0.2)
        raise AssertionError(self.screen())

    def end(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(timeout=240)

    def screen(self) -> str:
        return self.output_file.read_text()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if os.environ.get(REQUIRED) != "1":
        if os.geteuid() != 0:
            pytest.skip("a Slurm of its own needs root")
        if missing:
            pytest.skip(f"{', '.join(missing)} missing: apt-get install slurm-wlm munge")
    folder = tmp_path_factory.mktemp("cluster")
    started = subprocess.run(
        [CLUSTER, "start", folder], capture_output=True, text=True, timeout=120, check=False
    )
    if "has a Slurm already" in started.stderr and os.environ.get(REQUIRED) != "1":
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    yield
    subprocess.run([CLUSTER, "stop", folder], timeout=60, check=True)


@pytest.fixture(scope="module")
def site(
    cluster: None, small_run: Repository, tmp_path_factory: pytest.TempPathFactory
) -> Repository:
    """A repository with a model and a new data set, and an engine that does a prompt at a time."""
    site = copy_finished(small_run, tmp_path_factory.mktemp("site") / "repository")
    small = site.folder / "config/small.yaml"
    small.write_text(small.read_text() + f"engine:\n  max_num_seqs: {SEQUENCES}\n")
    data = site.folder / "config/data"
    rows = (data / "arithmetic.jsonl").read_text().splitlines(keepends=True)
    (data / "small.jsonl").write_text("".join(rows[:PROMPTS]))
    return site


def sweep(repository: Repository, *seeds: int) -> list[str]:
    """Set the cells; the sequences of Full Parallel and EAGer-init in each."""
    rows = [f"{MODEL}\tsmall\t0.6\t{SEQUENCES}\t1.0\t{seed}\n" for seed in seeds]
    (repository.folder / "config/small.tsv").write_text(HEADER + "".join(rows))
    place, cap = f"results/small/{MODEL}/small/temperature=0.6+", f"max_sequences={SEQUENCES}+"
    return [
        f"{place}{cell}/sequences.parquet"
        for seed in seeds
        for cell in (f"seed={seed}/parallel", f"{cap}seed={seed}+entropy_threshold=1.0/eager_init")
    ]


def jobs(rule: str = "", states: str = "all", seed: int | None = None) -> list[str]:
    """Ids of the cluster's jobs of a rule and a seed, oldest first."""
    call = ["squeue", "--noheader", "--sort=i", f"--states={states}", "--format=%i %k"]
    lines = subprocess.run(call, capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = (f"rule_{rule}", "" if seed is None else f"seed={seed}")
    return [line.split()[0] for line in lines if all(part in line for part in wanted)]


def statuses(repository: Repository) -> list[dict]:
    """`eager status`, which may be asked while Snakemake runs."""
    done = repository.eager("status", "--json", "--configfile", "config/small.yaml")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def asked(job: str) -> tuple[str, bool, float, str, str]:
    """Partition, whether one GPU, megabytes, time limit and state of a job, as Slurm says."""
    call = ["scontrol", "show", "job", job, "--oneliner"]
    said = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    words = dict(word.split("=", 1) for word in said.split() if "=" in word)
    memory = words["MinMemoryNode"]
    return (
        words["Partition"],
        words.get("TresPerJob", "").endswith("gpu:1"),
        float(memory[:-1]) * {"M": 1, "G": 1024}[memory[-1]],
        words["TimeLimit"],
        words["JobState"],
    )


def test_jobs_ask_for_what_they_need_and_a_killed_one_resumes(site: Repository) -> None:
    targets = sweep(site, 56)
    results = [site.folder / target for target in targets]
    store = site.folder / "results/store"
    before = len(list(store.glob("*/??/*.zip")))
    with Run(site, targets) as run:
        run.wait_for(lambda: len(list(store.glob("*/??/*.zip"))) > before)
        [killed] = jobs("parallel", "RUNNING")
        [status] = [row for row in statuses(site) if row["method"] == "parallel"]
        subprocess.run(["scancel", killed], check=True)
        assert run.end() == 0, run.screen()
    assert (status["state"], status["rule"]) == ("running", "parallel")
    assert 1 <= status["prompts_finished"] < status["prompts"] == PROMPTS

    *_, encoding = jobs("encode_prompts")
    first, second = jobs("parallel", seed=56)
    [branching] = jobs("eager_init", seed=56)
    assert first == killed
    assert {job: asked(job) for job in (encoding, first, second, branching)} == {
        encoding: ("cpu", False, 4000, "01:00:00", "COMPLETED"),
        first: ("gpu", True, 32000, "04:00:00", "CANCELLED"),
        second: ("gpu", True, 64000, "08:00:00", "COMPLETED"),
        branching: ("gpu", True, 32000, "04:00:00", "COMPLETED"),
    }

    record = json.loads((results[0].parent / "run.json").read_text())
    assert 1 <= record["prompts_found_finished"] < PROMPTS
    assert pq.read_metadata(results[0]).num_rows == PROMPTS * SEQUENCES
    assert json.loads((results[1].parent / "run.json").read_text())["prompts_found_finished"] == 0


def test_ctrl_c_cancels_what_runs_and_what_waits(site: Repository) -> None:
    with Run(site, sweep(site, 57, 58)) as run:
        run.wait_for(lambda: len(jobs(states="RUNNING")) == 2 and len(jobs(states="PENDING")) == 2)
        run.process.send_signal(signal.SIGINT)
        assert run.end() != 0
    for _ in range(300):  # Slurm gives a job its time to end
        if not jobs(states="PENDING,RUNNING,COMPLETING"):
            break
        time.sleep(0.2)
    assert jobs(states="PENDING,RUNNING,COMPLETING") == []
    cancelled = [job for seed in (57, 58) for job in jobs(states="CANCELLED", seed=seed)]
    assert len(cancelled) == 4
    assert not list(site.folder.glob(".snakemake/locks/*"))


def test_the_log_of_a_failing_job_reaches_the_screen(site: Repository) -> None:
    targets = sweep(site, 59)
    files = site.folder / f"results/models/{MODEL}/files"
    files.rename(files.with_name("elsewhere"))
    with Run(site, targets[:1], "--retries", "0") as run:
        code = run.end()
    files.with_name("elsewhere").rename(files)
    assert code != 0
    assert "the model's folder" in run.screen()
    assert "is gone; delete the manifest and rerun" in run.screen()
