"""The names of the command line, in a service that has commands of its own and in one that has none."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext

import click
import pytest
from flask import Blueprint, Flask

from auth import ResourceServer
from auth.errors import ConfigurationError
from tests.support.services import SETTINGS, service


def test_the_commands_are_found_under_both_names() -> None:
    """``flask resource-server`` does what ``flask auth`` does."""
    runner = service().test_cli_runner()

    listed = [runner.invoke(args=[name, "--help"]).output for name in ("auth", "resource-server")]
    routes = [runner.invoke(args=[name, "routes"]).output for name in ("auth", "resource-server")]

    assert all("routes" in text and "token" in text and "check" in text for text in listed)
    assert routes[0] == routes[1] != ""


def test_a_command_of_the_services_own_is_left_alone() -> None:
    """A command that was there before keeps its name; a blueprint called ``auth`` takes it when it is registered."""
    app, blueprint = Flask("service"), Blueprint("auth", "auth")
    app.config.update(SETTINGS)
    app.cli.add_command(click.Command("resource-server", callback=lambda: click.echo("mine")))
    blueprint.cli.add_command(click.Command("login", callback=lambda: click.echo("in")))
    ResourceServer(app)
    app.register_blueprint(blueprint)
    runner = app.test_cli_runner()

    assert runner.invoke(args=["resource-server"]).output == "mine\n"
    assert runner.invoke(args=["auth", "login"]).output == "in\n"


def test_a_running_service_imports_no_tool() -> None:
    """Neither the commands nor what signs tokens for them."""
    program = (
        "import sys; from flask import Flask; from auth import ResourceServer; app = Flask('service'); "
        "app.config['AUTH_SECRET'] = 'kD8vQ2mX9rT4wZ7pL1nB6cF3hJ5gY0sA'; ResourceServer(app); "
        "app.test_client().get('/'); "
        "print([name for name in sys.modules if name.startswith(('auth.cli', 'auth.testing'))])"
    )

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["flask", "--app", "auth", "resource-server", "--help"], "Usage: flask resource-server [OPTIONS]"),
        (["flask", "auth", "routes", "--help"], "Usage: flask auth routes [OPTIONS]"),
    ],
)
def test_help_is_shown_for_an_app_that_cannot_be_made(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flask makes the app first, whose settings are wrong."""
    monkeypatch.setattr("sys.argv", arguments)

    with click.Context(click.Command("flask")), pytest.raises(SystemExit) as ended:
        ResourceServer(Flask("service"))

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(said)


@pytest.mark.parametrize("arguments", [["auth", "check"], ["run", "--help"], ["db", "--help"]], ids=" ".join)
@pytest.mark.parametrize("in_command", [True, False])
def test_wrong_settings_stop_every_other_start(
    arguments: list[str], in_command: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a command and of a server, whatever that was started with."""
    monkeypatch.setattr("sys.argv", ["flask", *arguments])

    with click.Context(click.Command("flask")) if in_command else nullcontext(), pytest.raises(ConfigurationError):
        ResourceServer(Flask("service"))
