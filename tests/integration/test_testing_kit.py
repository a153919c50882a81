"""The testing kit where the library is installed: the pages that show it word for word, and the tests of an example."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.documentation import files, snippets
from tests.support.environments import ROOT, make_environment, run


@pytest.fixture(scope="module")
def binaries(wheel: Path, registry: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the extra ``testing`` of the wheel, and a package that freezes time."""
    folder = tmp_path_factory.mktemp("testing")
    return make_environment(folder / "venv", f"{wheel}[testing]", "freezegun", "-c", ROOT / "constraints.txt")


def pytest_in(folder: Path, binaries: Path) -> str:
    """Return what pytest prints at the end; every warning is a failure."""
    return run([binaries / "python", "-m", "pytest", "-q", "-W", "error"], cwd=folder)


@pytest.mark.parametrize("page", ["testing.md", "scopes-and-roles.md", "step-up.md"])
def test_a_page_with_tests_runs_as_written(page: str, binaries: Path, tmp_path: Path) -> None:
    """Each file of it, in one folder, with as many tests as the page says."""
    for name, text in files(page).items():
        (tmp_path / name).write_text(text)

    printed = pytest_in(tmp_path, binaries)

    (shown,) = re.findall(r"^\d+ passed in", "".join(snippets(page, "console")), re.MULTILINE)
    assert printed.splitlines()[-1].startswith(shown)


def test_the_tests_of_the_example_pass(binaries: Path, tmp_path: Path) -> None:
    """The service is made when it is imported, by settings of the environment."""
    folder = shutil.copytree(ROOT / "examples" / "notes", tmp_path / "notes")

    assert re.search(r"^\d\d passed in", pytest_in(folder, binaries), re.MULTILINE)
