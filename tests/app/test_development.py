"""The development ``.env``: made once, for its owner's eyes, never overwritten."""

from __future__ import annotations

import runpy
import stat
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from app.development import make_environment_file


def test_the_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """With a secret long enough, and development tokens allowed."""
    path = tmp_path / ".env"

    made = make_environment_file(path)

    values = dotenv_values(path)
    assert made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(values["BETTER_AUTH_SECRET"] or "") == 64
    assert values["FLASK_AUTH_DEVELOPMENT_TOKENS"] == "true"
    assert set(values) == {"BETTER_AUTH_SECRET", "FLASK_AUTH_DEVELOPMENT_TOKENS"}


def test_each_file_has_a_secret_of_its_own(tmp_path: Path) -> None:
    """Nothing to guess from another machine's."""
    for name in ("one", "two"):
        make_environment_file(tmp_path / name)

    assert (tmp_path / "one").read_text() != (tmp_path / "two").read_text()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Even an empty one."""
    path = tmp_path / ".env"
    path.touch(mode=0o644)

    assert not make_environment_file(path)
    assert path.read_text() == ""


def test_run_as_a_module_it_says_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once; the second time there is nothing to say. The secret is never printed."""
    path = tmp_path / ".env"
    monkeypatch.setattr(sys, "argv", ["development", str(path)])
    monkeypatch.delitem(sys.modules, "app.development")

    for _ in range(2):
        runpy.run_module("app.development", run_name="__main__")

    assert capsys.readouterr().out == f"Made {path} for development, with a fresh secret.\n"
