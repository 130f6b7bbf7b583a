"""The workflow's DAG as a picture: read from Snakemake, edges of rules, drawn by mermaid."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

from eager.util.errors import EagerError

JOB = re.compile(r'^\s*(\d+)\[label = "([^"\\]+)')
DEPENDENCY = re.compile(r"^\s*(\d+) -> (\d+)$")
TARGET = "all"


def mermaid_of_workflow(root: Path) -> str:
    """A flowchart of the rules that the default target needs.

    Args:
        root: the repository.

    Raises:
        EagerError: Snakemake cannot plan the workflow.
    """
    command = [sys.executable, "-m", "snakemake", "--forceall", "--dag", "dot"]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise EagerError(f"snakemake --dag failed:\n{done.stderr.strip()}")
    return mermaid(done.stdout)


def mermaid(dot: str) -> str:
    """The flowchart of rules for a DAG of jobs in dot.

    An edge between two rules stands where a job of one needs a job of the other directly: what a
    longer chain of jobs implies is left out, and so is the target that collects everything.
    """
    rules: dict[int, str] = {}
    needs: dict[int, set[int]] = defaultdict(set)
    for line in dot.splitlines():
        if label := JOB.match(line):
            rules[int(label[1])] = label[2]
        elif dependency := DEPENDENCY.match(line):
            needs[int(dependency[2])].add(int(dependency[1]))

    @cache
    def ancestors(job: int) -> frozenset[int]:
        return frozenset(needs[job]).union(*(ancestors(other) for other in needs[job]))

    depths: dict[str, int] = {}
    edges: set[tuple[str, str]] = set()
    for job, rule in rules.items():
        depths[rule] = min(len(ancestors(job)), depths.get(rule, len(rules)))
        implied: frozenset[int] = frozenset().union(*(ancestors(other) for other in needs[job]))
        edges |= {(rules[other], rule) for other in needs[job] - implied}
    shown = [edge for edge in edges if TARGET not in edge]
    shown.sort(key=lambda edge: [(depths[rule], rule) for rule in edge])
    lines = [f"  {source} --> {target}" for source, target in shown]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"]) + "\n"
