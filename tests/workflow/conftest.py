"""Finished small runs, which tests share and leave as they are."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from tests.support.repository import MODEL, Repository, copy_finished, copy_repository, lend_model


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The small experiment, run once from nothing by Snakemake, with the scripted engine."""
    repository = copy_repository(tmp_path_factory.mktemp("small_run"))
    lend_model(repository)
    repository.small()
    return repository


@pytest.fixture(scope="session")
def real_run(small_run: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The same with the real engine, from the model's files of the scripted run."""
    repository = copy_repository(tmp_path_factory.mktemp("real_run"), scripted=False)
    shutil.copytree(small_run.folder / MODEL, repository.folder / MODEL, copy_function=os.link)
    repository.small()
    return repository


@pytest.fixture(scope="session")
def four_methods(small_run: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Two prompts by all methods, with one load of the real engine and without Snakemake."""
    repository = replace(
        copy_finished(small_run, tmp_path_factory.mktemp("four_methods") / "repository"),
        scripted=False,
    )
    done = repository.run("tests.workflow.four_methods")
    assert done.returncode == 0, done.stdout + done.stderr
    return repository


ENDS = ["small_run", pytest.param("real_run", marks=pytest.mark.long)]


@pytest.fixture(params=ENDS)
def run(request: pytest.FixtureRequest) -> Repository:
    """A finished run of the workflow, with either engine."""
    found: Repository = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[*ENDS, "four_methods"])
def generated(request: pytest.FixtureRequest) -> Repository:
    """A run with the sequences of all methods."""
    found: Repository = request.getfixturevalue(request.param)
    return found
