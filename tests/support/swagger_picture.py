"""``docs/_static/swagger-ui.png``, the padlock in Swagger UI: ``python -m tests.support.swagger_picture`` takes it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.browser import chromium
from tests.support.environments import ROOT
from tests.support.gunicorn_server import GunicornServer

PICTURE = ROOT / "docs" / "_static" / "swagger-ui.png"


def take_picture(picture: Path) -> None:
    """Show the list of operations in a real Chromium: those that need a token have a padlock, the others have none."""
    with (
        TemporaryDirectory() as folder,
        GunicornServer(Path(folder)) as server,
        chromium(Path(folder) / "profile", width=860, height=1600) as watched,
    ):
        watched.page.goto(f"{server.origin}/docs")
        watched.page.locator("#operations-tasks-completeTask").wait_for()
        watched.page.locator(".opblock-tag-section").first.locator("xpath=../..").screenshot(path=picture)


if __name__ == "__main__":
    take_picture(PICTURE)
