"""The development ``.env``: made once, for its owner's eyes, never overwritten."""

from __future__ import annotations

import runpy
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from app import create_app
from app.development import make_environment_file, shown_address
from tests.support.tasks_api import body_of

#: Nothing here depends on the database.
DATABASES = ("sqlite",)


def test_the_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """With a secret long enough, and development tokens allowed."""
    path = tmp_path / ".env"

    made = make_environment_file(path)

    values = dotenv_values(path)
    assert made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(values["BETTER_AUTH_SECRET"] or "") == 64
    assert values["FLASK_AUTH_DEVELOPMENT_TOKENS"] == "true"
    assert set(values) == {"BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "FLASK_AUTH_DEVELOPMENT_TOKENS"}


def test_a_service_with_the_file_has_nothing_to_warn_of(tmp_path: Path, settings: dict[str, Any]) -> None:
    """What we have chosen ourselves is bound to issuer and audience, and ``flask auth token`` makes tokens that fit."""
    make_environment_file(tmp_path / ".env")
    values = dotenv_values(tmp_path / ".env")
    app = create_app({**settings, **values, "AUTH_DEVELOPMENT_TOKENS": True})

    token = app.test_cli_runner().invoke(args=["auth", "token", "alice"]).output.strip()

    assert app.extensions["resource_server"].config.warnings == ()
    answer = app.test_client().get("/api/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, body_of(answer)["user_id"]) == (200, "alice")


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
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["development", "settings"])
    monkeypatch.delitem(sys.modules, "app.development")

    for _ in range(2):
        runpy.run_module("app.development", run_name="__main__")

    assert capsys.readouterr().out == "Made .env for development, with a fresh secret.\n"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"HOST": "0.0.0.0", "PORT": "9000"}, "http://127.0.0.1:9000"),  # noqa: S104
        ({"HOST": "::"}, "http://[::1]:8000"),
        ({"HOST": "fe80::1"}, "http://[fe80::1]:8000"),
    ],
)
def test_the_address_is_one_that_a_browser_here_can_open(
    settings: dict[str, str], address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With HOST and PORT from .env, as gunicorn reads them."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "PORT"):
        # Set and taken away again, so that what the file sets is undone after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    assert shown_address() == address


def test_an_unknown_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words there are."""
    monkeypatch.setattr(sys, "argv", ["development", "everything"])
    monkeypatch.delitem(sys.modules, "app.development")

    with pytest.raises(SystemExit, match=r"settings \| address"):
        runpy.run_module("app.development", run_name="__main__")
