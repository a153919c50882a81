"""Fixtures of the tests that run whole programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.environments import ROOT, run
from tests.integration.issuers import install_packages
from tests.services import unavailable


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Demand a package registry that pip reaches."""
    folder = tmp_path_factory.mktemp("registry")
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "itsdangerous"]
    if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        unavailable("a package registry")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def node_packages() -> None:
    """Demand Node.js and what the programs of ``tests/node`` need there."""
    install_packages()
