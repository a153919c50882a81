"""``python -m benchmarks`` refuses, before it measures for minutes, what could not end well."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import MEASURED, main
from benchmarks.pages import FOLDER


def test_a_quick_run_needs_a_folder_of_its_own() -> None:
    """Its figures would take the place of those that were measured in earnest."""
    before = sorted(FOLDER.iterdir())

    with pytest.raises(SystemExit, match="its figures mean nothing"):
        main(["--quick"])

    assert sorted(FOLDER.iterdir()) == before


def test_a_missing_program_is_named_with_those_who_need_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And how to get it, or to do without."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        SystemExit, match=r"^service: wrk is needed \(apt-get install wrk\), or leave out with --only\."
    ):
        main(["--only", "guard", "service", "--quick", "--output", str(tmp_path / "figures")])


def test_an_environment_without_the_peers_is_told_what_makes_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment of the tests is such a one."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(SystemExit, match="Run: make bench"):
        main(["--only", "guard", "--quick", "--output", str(tmp_path / "figures")])

    assert not (tmp_path / "figures").exists()


def test_only_what_there_is_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists it."""
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])

    said = capsys.readouterr().err
    assert all(name in said for name in MEASURED)
