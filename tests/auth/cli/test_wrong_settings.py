"""What the ``flask`` command says about a service whose settings are wrong, in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import ROOT, clean_environment
from tests.support.services import SECRET

SERVICE = """\
from flask import Flask
from auth import ResourceServer

app = Flask(__name__)
app.config.from_prefixed_env()
ResourceServer(app)
"""

PROBLEMS = """\
Error: This cannot work as configured:
  - AUTH_LEEWAY must be a number from 0 to 600.
  - AUTH_REALM must be a text. In the environment: FLASK_AUTH_REALM='"123"'
"""
WRONG = {"FLASK_AUTH_SECRET": SECRET, "FLASK_AUTH_LEEWAY": "1000", "FLASK_AUTH_REALM": "123"}


def flask(*arguments: str, folder: Path, name: str = "service", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``flask`` with the service above."""
    (folder / f"{name}.py").write_text(SERVICE)
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", name, *arguments],
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(ROOT), **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("group", ["auth", "resource-server"])
@pytest.mark.parametrize("arguments", [["check"], ["routes"], ["token", "alice"], ["no-such-command"]], ids=" ".join)
def test_a_command_says_what_is_wrong_and_nothing_else(group: str, arguments: list[str], tmp_path: Path) -> None:
    """The sentences alone, on the error output, with a status that stops a pipeline."""
    finished = flask(group, *arguments, folder=tmp_path, **WRONG)

    assert (finished.returncode, finished.stdout, finished.stderr) == (1, "", PROBLEMS)


#: Apps that are wrong in another way than by their settings, and what is said of each.
WRONG_APPS = {
    "a view that nobody can enter": (
        "from auth import require_jwt\n"
        "app.add_url_rule('/x', 'x', require_jwt(roles='admin')(lambda: ''))\n"
        "app.config.update(AUTH_PROFILE='auth0', AUTH_ISSUER='https://a/', AUTH_AUDIENCE='b')\n",
        "The guard of the view x asks for roles",
    ),
    "two servers": ("ResourceServer(app)\n", "This app has a ResourceServer already; make one per app."),
}


@pytest.mark.parametrize(("lines", "said"), WRONG_APPS.values(), ids=WRONG_APPS)
def test_an_app_that_is_put_together_wrongly_is_told_so_without_a_traceback(
    lines: str, said: str, tmp_path: Path
) -> None:
    """Whatever the command; help is shown all the same."""
    name = "wrong_app"
    (tmp_path / f"{name}.py").write_text(SERVICE.replace("\nResourceServer(app)", f"\n{lines}\nResourceServer(app)"))
    command = [sys.executable, "-m", "flask", "--app", name, "auth", "check"]
    environment = clean_environment(PYTHONPATH=str(ROOT), FLASK_AUTH_SECRET=SECRET)
    check, shown = (
        subprocess.run([*command, *more], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        for more in ([], ["--help"])
    )

    assert check.returncode == 1
    assert "Error: This cannot work as configured:\n  - " in check.stderr
    assert said in check.stderr
    assert "Traceback" not in check.stderr
    assert shown.stdout.startswith("Usage: flask auth check")


@pytest.mark.parametrize("arguments", [["routes"], ["run", "--port", "0"], ["shell"]], ids=" ".join)
def test_other_commands_of_flask_say_the_same(arguments: list[str], tmp_path: Path) -> None:
    """Whatever needs the app."""
    finished = flask(*arguments, folder=tmp_path, **WRONG)

    assert finished.returncode != 0
    assert finished.stderr.endswith(PROBLEMS)
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["auth", "--help"], "Usage: flask auth [OPTIONS]"),
        (["resource-server", "--help"], "Usage: flask resource-server [OPTIONS]"),
        (["auth", "token", "--help"], "Usage: flask auth token [OPTIONS] SUBJECT"),
    ],
    ids=lambda value: value[-2] if isinstance(value, list) else None,
)
def test_help_needs_no_right_settings(arguments: list[str], said: str, tmp_path: Path) -> None:
    """It is where one looks when something is wrong."""
    wrong, right = (
        flask(*arguments, folder=tmp_path, **variables)
        for variables in (WRONG, {"FLASK_AUTH_SECRET": SECRET, "FLASK_AUTH_ISSUER": "a", "FLASK_AUTH_AUDIENCE": "b"})
    )

    assert (wrong.returncode, wrong.stderr) == (right.returncode, right.stderr) == (0, "")
    assert wrong.stdout.startswith(said)
    assert wrong.stdout.replace("flask ", "") == right.stdout.replace("python -m flask ", "")


def test_help_is_found_for_an_app_that_is_called_like_the_command(tmp_path: Path) -> None:
    """The name of the app comes before that of the command."""
    finished = flask("auth", "check", "--help", folder=tmp_path, name="resource-server", **WRONG)

    assert finished.stdout.startswith("Usage: flask auth check")


def test_every_command_is_explained_in_full(tmp_path: Path) -> None:
    """No sentence of the list is cut off."""
    listed = flask("auth", "--help", folder=tmp_path, **WRONG).stdout

    assert "..." not in listed.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.partition("Commands:")[2].split("\n  ")[1:]] == [
        "check",
        "inspect",
        "keygen",
        "revoke",
        "routes",
        "token",
    ]


def test_what_a_command_prints_can_be_used_whatever_is_warned_about(tmp_path: Path) -> None:
    """Warnings go to the error output, each once."""
    unbound = {"FLASK_AUTH_SECRET": SECRET, "FLASK_AUTH_DEVELOPMENT_TOKENS": "true"}

    finished = flask("auth", "token", "alice", folder=tmp_path, **unbound)

    assert finished.stdout.count("\n") == 1
    assert finished.stdout.count(".") == 2
    assert finished.stderr.count("AUTH_ISSUER is not set") == 1


@pytest.mark.parametrize("arguments", [["auth", "check"], ["auth", "routes"], ["auth", "token", "alice"], ["routes"]])
def test_no_command_prints_a_secret(arguments: list[str], tmp_path: Path) -> None:
    """Neither one that is in use nor one in the wrong place."""
    for variables in (
        {"FLASK_AUTH_SECRET": SECRET},
        {"FLASK_AUTH_SECRET": SECRET, "FLASK_AUTH_ALGORITHMS": "hunter2canary"},
        {"FLASK_AUTH_SECRET": "hunter2canary"},
    ):
        finished = flask(*arguments, folder=tmp_path, **variables)

        assert SECRET not in finished.stdout + finished.stderr
        assert "hunter2canary" not in finished.stdout + finished.stderr
