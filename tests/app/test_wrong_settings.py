"""What the ``flask`` command says about the tasks API when a setting is wrong, in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import ROOT, clean_environment
from tests.support.tasks_api import SECRET

SENTENCES = {
    "a short secret": (
        {"BETTER_AUTH_SECRET": "hunter2"},
        "BETTER_AUTH_SECRET holds a secret that has 7 bytes, at least 32 are needed. Make one with: openssl rand "
        "-base64 48",
    ),
    "not the URL of a database": (
        {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": "hunter2"},
        "DATABASE_URL is not a database URL, such as sqlite:////srv/tasks/tasks.sqlite3.",
    ),
    "not the URL of a Redis": (
        {
            "BETTER_AUTH_SECRET": SECRET,
            "FLASK_RATE_LIMIT_USER": "100 per minute",
            "REDIS_URL": "http://:hunter2@127.0.0.1",
        },
        "REDIS_URL must be",
    ),
}


def flask(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``flask`` with the tasks API."""
    database = {"DATABASE_URL": f"sqlite:///{folder / 'tasks.sqlite3'}"}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi:app", *arguments],
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(ROOT), **database | variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["auth", "check"], ["auth", "token", "alice"], ["db", "current"]], ids=" ".join)
@pytest.mark.parametrize(("variables", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_a_command_says_what_is_wrong_without_a_traceback(
    arguments: list[str], variables: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    """And without the secret that stands in the wrong setting."""
    finished = flask(*arguments, folder=tmp_path, **variables)

    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith(f"This cannot work as configured:\n  - {sentence}")
    assert finished.stderr.count("\n") == 2
    assert "hunter2" not in finished.stderr


def test_help_needs_no_secret(tmp_path: Path) -> None:
    """The first command of somebody who has none yet."""
    finished = flask("auth", "--help", folder=tmp_path)

    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("Usage: flask auth [OPTIONS] COMMAND")
