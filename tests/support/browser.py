"""A real Chromium for the tests, and a page that remembers all it asks for and all it complains about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.availability import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Milliseconds that the page may take for anything before the test fails.
_PATIENCE = 20_000

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever the page asks another host for fails, and is seen.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Watched:
    """A page, with all it asks for and all it complains about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))


@contextmanager
def chromium(profile: Path, width: int = 1200, height: int = 1600) -> Iterator[Watched]:
    """Start a Chromium with an empty profile; yield its one page, of that many pixels."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        unavailable("a Chromium")
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        unavailable("playwright")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, args=_ARGUMENTS, viewport={"width": width, "height": height}
        )
        context.set_default_timeout(_PATIENCE)
        expect.set_options(timeout=_PATIENCE)
        yield Watched(context.pages[0])
        context.close()


def keep_picture(page: Page, folder: Path, name: str, *, full_page: bool = True) -> None:
    """Keep a picture of a page in the folder that SCREENSHOTS names, or in that of the test."""
    folder = Path(os.environ.get("SCREENSHOTS") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=full_page)
