"""The documentation site as a reader gets it: built strictly, complete, on a telephone too, from one host only."""

from __future__ import annotations

import functools
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest

from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parents[2]

#: What makes a browser fetch something: the address may stand in a page or in a style sheet.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"|url\(["']?([^"')]+)["']?\)"""
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_values: object) -> None:  # noqa: A002  # the name that the base class has
        """Print nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(["make", "docs", f"SITE={folder}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def origin(site: Path) -> Iterator[str]:
    """Return the address of a server of the site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def pages_of(site: Path) -> list[str]:
    return sorted(str(page.relative_to(site)) for page in site.rglob("*.html"))


def test_every_page_of_docs_is_on_the_site(site: Path) -> None:
    """Sphinx refuses a page that no list leads to, so each is found from the first one."""
    sources = {str(page.relative_to(ROOT / "docs").with_suffix(".html")) for page in (ROOT / "docs").rglob("*.md")}

    assert sources <= set(pages_of(site))


def test_nothing_on_the_site_comes_from_another_host(site: Path) -> None:
    """No script, style, font or picture: a reader is seen by nobody else."""
    foreign = {
        (str(file.relative_to(site)), address)
        for file in [*site.rglob("*.html"), *site.rglob("*.css")]
        for found in _FETCHED.findall(file.read_text())
        for address in found
        if re.match(r"(?:https?:)?//", address)
    }

    assert foreign == set()


def test_every_page_fits_a_telephone_and_a_desk(site: Path, origin: str, tmp_path: Path) -> None:
    """Only tables and code scroll sideways; no page complains, and none asks another host."""
    too_wide = []
    with chromium(tmp_path / "profile") as watched:
        for width in (390, 1280):
            watched.page.set_viewport_size({"width": width, "height": 844})
            for name in pages_of(site):
                watched.page.goto(f"{origin}/{name}")
                needed = watched.page.evaluate("document.documentElement.scrollWidth")
                too_wide += [(name, width, needed)] if needed > width else []

    assert too_wide == []
    assert [url for url in watched.requests if not url.startswith((f"{origin}/", "data:"))] == []
    assert watched.complaints == []


def test_a_reader_finds_a_setting_by_searching(origin: str, tmp_path: Path) -> None:
    """The search works without a server behind it."""
    with chromium(tmp_path / "profile") as watched:
        watched.page.goto(f"{origin}/search.html?q=AUTH_LEEWAY")
        watched.page.locator("#search-results a", has_text="Settings").first.wait_for()


def test_the_site_has_a_light_and_a_dark_theme(origin: str, tmp_path: Path) -> None:
    """By the reader's system, and by a button."""
    backgrounds = []
    with chromium(tmp_path / "profile") as watched:
        watched.page.goto(f"{origin}/index.html")
        for scheme in ("light", "dark"):
            watched.page.emulate_media(color_scheme=scheme)
            backgrounds.append(watched.page.evaluate("getComputedStyle(document.body).backgroundColor"))

        assert watched.page.locator(".theme-toggle:visible").count() == 1
    assert len(set(backgrounds)) == 2


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as ``rgb(1, 2, 3)`` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_way_of_a_request_is_drawn_for_both_themes_and_every_width(
    origin: str, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    """Its text has the contrast of WCAG AA and is not drawn smaller than 9 px; a screen reader gets a description."""
    with chromium(tmp_path / "profile") as watched:
        watched.page.set_viewport_size({"width": width, "height": 844})
        watched.page.emulate_media(color_scheme=scheme)
        watched.page.goto(f"{origin}/how-a-request-is-judged.html")
        drawing = watched.page.get_by_role("img", name="How a request is judged")
        text, background, size, cut = drawing.evaluate(
            """svg => {
                const frame = svg.viewBox.baseVal;
                const scale = svg.getBoundingClientRect().width / frame.width;
                const style = getComputedStyle(svg.querySelector(".small"));
                const boxes = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBBox()]);
                return [
                    style.fill,
                    getComputedStyle(document.body).backgroundColor,
                    parseFloat(style.fontSize) * scale,
                    boxes.filter(([, box]) => box.x < 0 || box.x + box.width > frame.width).map(([text]) => text),
                ];
            }"""
        )
        described = drawing.locator("desc").text_content()

    darker, lighter = sorted([luminance(text), luminance(background)])
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
    assert size >= 9
    assert cut == []
    assert described
    assert "signature" in described
