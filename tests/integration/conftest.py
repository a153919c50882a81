"""Fixtures of the tests that run whole programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.availability import unavailable
from tests.support.environments import ROOT, clone, make_environment, run
from tests.support.issuers import install_packages


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Demand a package registry that pip reaches."""
    folder = tmp_path_factory.mktemp("registry")
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "itsdangerous"]
    if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        unavailable("a package registry")


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution of this checkout and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("distributions")
    # Of a copy: tests run in several processes, and each build writes into the folder that it reads.
    copy = clone(tmp_path_factory.mktemp("checkout"))
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, copy])
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The wheel, built from this checkout."""
    (built,) = distributions.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, registry: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel was installed and nothing else was asked for."""
    folder = tmp_path_factory.mktemp("installed")
    return make_environment(folder / "venv", wheel, "-c", ROOT / "constraints.txt")


@pytest.fixture(scope="session")
def node_packages() -> None:
    """Demand Node.js and what the programs of ``tests/node`` need there."""
    install_packages()
