"""One finished small run with the real engine, which tests share and leave as it is."""

from __future__ import annotations

import pytest

from tests.support.repository import Repository, copy_repository


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The small experiment, run once from nothing with the real model and engine."""
    repository = copy_repository(tmp_path_factory.mktemp("small_run"))
    repository.small()
    return repository
