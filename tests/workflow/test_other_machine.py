"""Nothing of a machine decides a result: every step twice, then all else is changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.repository import HEADER, copy_repository, rules_run
from tests.support.scripted_vllm import WORDS
from tests.support.synthetic import write_model

pytestmark = pytest.mark.long
CONFIG = {
    "mine.yaml": """
experiment: mine
cells: config/mine.tsv
models: config/mine_models.yaml
datasets: config/mine_datasets.yaml
published: config/published.csv
methods: [parallel, eager]
branching: {top_k_entropy: 6}
sandbox: bubblewrap
""",
    "mine_models.yaml": "tiny: {path: model, context_length: 512, max_tokens: 12}\n",
    "mine_datasets.yaml": """
sums: {kind: math, path: config/data/sums.jsonl}
programs: {kind: code, path: config/data/programs.jsonl, id_field: task_id, prompt_field: prompt}
""",
    "mine.tsv": HEADER + "tiny\tsums\t0.6\t4\t1.0\t55\n" + "tiny\tprograms\t0.6\t8\t1.0\t55\n",
    "data/sums.jsonl": "".join(
        json.dumps({"problem": f"{a} + 2?", "answer": str(a + 2)}) + "\n" for a in (2, 13, 40)
    ),
    "data/programs.jsonl": json.dumps(
        {
            "task_id": "own/0",
            "prompt": "def first(words):\n    '''The 1st of 3 words.'''\n",
            "entry_point": "first",
            "canonical_solution": "    return words[0]\n",
            "base_input": [[["red", "green", "blue"]]],
            "plus_input": [[["left", "right", "up", "down"]]],
            "atol": 0,
        }
    )
    + "\n",
}
SHOWN = ("all", "export")
ALL = (*SHOWN, "archive")  # which holds the files of the configuration as they are
TEMPLATE = "{{ strftime_now('%d %b %Y') }}: {{ messages[0].content }}"
CORES = rb'cores("|&#39;): \d+|\d+ cores|cores</th><td>\d+'
"""As run.json and the page say it."""
MATPLOTLIBRC = "axes.facecolor: red\nsvg.fonttype: none\n"


@dataclass
class Machine:
    """A machine that a copy of the repository runs on."""

    folder: Path
    now: datetime
    order: str
    cores: list[int]
    umask: int
    variables: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        copy_repository(self.folder / "repository")
        write_model(self.folder / "made", 40, [*WORDS, *"0123456789"])
        (self.folder / "made/files").rename(self.folder / "repository/model")
        files = {
            "model/model.safetensors": "weights",
            "model/chat_template.jinja": TEMPLATE,
            "model/generation_config.json": '{"eos_token_id": 0}',
            **{f"config/{name}": text for name, text in CONFIG.items()},
        }
        for name, text in files.items():
            (self.folder / "repository" / name).write_text(text, encoding="utf-8")
        job = self.folder / "repository/workflow/eager/generation/shard_job.py"
        with job.open("a", encoding="utf-8") as stream:
            stream.write("\nfrom tests.support.scripted_vllm import ScriptedVllm as VllmEngine\n")

    def run(self, *words: str) -> dict[str, int]:
        """Run Snakemake; the rules that it runs or plans, with their number of jobs."""
        own = self.folder / "repository"
        path = [own / "tests/support/other_python", own / "workflow", own]
        variables = {
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "OTHER_NOW": str(self.now.timestamp()),
            "OTHER_ORDER": self.order,
            "TMPDIR": str(self.folder),
        }
        cores = ",".join(map(str, self.cores))
        options = (f"--cores={len(self.cores)}", "--configfile=config/mine.yaml")
        python = ("taskset", "--cpu-list", cores, sys.executable)
        done = subprocess.run(
            [*python, "-m", "snakemake", *words, *options],
            cwd=own,
            env=os.environ | variables | self.variables,
            umask=self.umask,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return rules_run(done)

    def results(self) -> dict[str, bytes]:
        """Every output, with what may differ made alike; stored verdicts and places are none."""
        results = self.folder / "repository/results"
        found = {}
        for file in sorted(results.rglob("*")):
            name = str(file.relative_to(results))
            if file.suffix == ".zip" and "store" not in file.parts:
                with zipfile.ZipFile(file) as archive:
                    for member in archive.namelist():
                        found[f"{name}/{member}"] = self._alike(member, archive.read(member))
            elif file.is_file() and file.name != "place.json" and "sandbox" not in file.parts:
                found[name] = self._alike(name, file.read_bytes())
        return found

    def _alike(self, name: str, content: bytes) -> bytes:
        """Without the time and the number of cores that run.json says, and the hashes of that."""
        if name.endswith(("run.json", "report.html", "archive.json", "metadata.json")):
            content = content.replace(self.now.isoformat().encode(), b"NOW")
            content = re.sub(CORES, b"CORES", content)
        if name.endswith(("manifest-sha256.txt", "metadata.json")):
            content = re.sub(rb"[0-9a-f]{64}", b"HASH", content)
        return content


def german_locale(folder: Path) -> dict[str, str]:
    """A locale with another encoding, other names of months and commas in numbers, if to be had."""
    made = folder / "de_DE.ISO-8859-1"
    command = ["localedef", "-f", "ISO-8859-1", "-i", "de_DE", str(made)]
    is_made = shutil.which("localedef") and subprocess.run(command, check=False).returncode == 0
    return {"LOCPATH": str(folder), "LC_ALL": made.name} if is_made else {"LC_ALL": "C"}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> list[Machine]:
    folders = [tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("the_other")]
    home = folders[1] / "home"
    (home / ".config/matplotlib").mkdir(parents=True)
    (home / ".config/matplotlib/matplotlibrc").write_text(MATPLOTLIBRC)
    cores = sorted(os.sched_getaffinity(0))
    other = {"HOME": str(home), "USER": "other", "LOGNAME": "other", "TZ": "Pacific/Kiritimati"}
    other |= {"PYTHONHASHSEED": "4321", **german_locale(folders[1])}
    other |= {"COLUMNS": "40", "XDG_CONFIG_HOME": str(home / ".config")}
    one = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    day, other_day = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2031, 8, 9, 23, tzinfo=UTC)
    found = [
        Machine(folders[0], day, "forwards", cores, 0o022, one),
        Machine(folders[1], other_day, "backwards", cores[-1:], 0o077, other),
    ]
    for machine in found:
        machine.prepare()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda machine: machine.run(*ALL), found))
    return found


def test_every_output_is_the_same_on_another_machine(machines: list[Machine]) -> None:
    one, other = (machine.results() for machine in machines)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    for name in ("prompts", "sequences", "verdicts"):
        assert any(name in path and "programs" in path for path in one)


PROFILE = "--workflow-profile=workflow/profiles/cpu"
OF_INPUTS = ("fetch_model", "fetch_dataset", "encode_prompts", "tables")
CHANGES = {
    "weights": ("model/model.safetensors", "weights", "Weights", (1, 0, 2, 1)),
    "rows": ("config/data/sums.jsonl", "13 + 2", "13 + 02", (0, 1, 1, 1)),
    "day": ("config/mine_models.yaml", "512", "512, template_date: 2024-07-26", (0, 0, 2, 1)),
    "published figures": ("config/published.csv", "0.", "0.0", (0, 0, 0, 1)),
    "place": ("config/mine_models.yaml", "path: model", "path: moved/.model", (0, 0, 0, 0)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_files_of_the_user_count_by_content_though_they_are_old(
    name: str, machines: list[Machine], tmp_path: Path
) -> None:
    shutil.copytree(machines[0].folder / "repository", tmp_path / "repository")
    machine = replace(machines[0], folder=tmp_path)
    file, old, new, jobs = CHANGES[name]
    path = tmp_path / "repository" / file
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    os.utime(path, (0, 0))
    if name == "place":
        (tmp_path / "repository/moved").mkdir()
        (tmp_path / "repository/model").rename(tmp_path / "repository/moved/.model")
        for touched in (tmp_path / "repository/config").rglob("*.*"):
            os.utime(touched)
        assert machine.run("--dry-run", PROFILE, *SHOWN) == {}
    planned = machine.run("--dry-run", *SHOWN)
    assert tuple(planned.get(rule, 0) for rule in OF_INPUTS) == jobs
    assert bool(planned) == any(jobs)
