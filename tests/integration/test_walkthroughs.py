"""The pages of the first hour, followed word for word by a reader who has the wheel and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.development import make_environment_file
from tests.support.browser import chromium
from tests.support.documentation import snippets
from tests.support.environments import ROOT, clone
from tests.support.walkthrough import Walkthrough, pattern_of


@pytest.fixture(scope="module")
def index(distributions: Path, registry: None) -> dict[str, str]:
    """Variables by which ``pip install flask-resource-server`` finds the wheel of this checkout."""
    return {
        "PIP_FIND_LINKS": str(distributions),
        "PIP_ONLY_BINARY": "flask-resource-server",
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def test_the_quickstart_works_as_written(index: dict[str, str], tmp_path: Path) -> None:
    """A token of the app's own gets in; the two refusals are those that the page shows."""
    with Walkthrough("quickstart.md", tmp_path, index) as reader:
        reader.follow()


def test_an_existing_app_is_protected_as_written(index: dict[str, str], tmp_path: Path) -> None:
    """It has an ``auth.py`` of its own; each refusal and the reader's own tests end as the page shows."""
    with Walkthrough("existing-app.md", tmp_path, index) as reader:
        reader.follow()

    (shown,) = snippets("existing-app.md", "text")
    logged = (tmp_path / "server-0.log").read_text().splitlines()
    assert [line for line in logged if re.match(pattern_of(shown), line)]


def test_the_tutorial_ends_with_notes_in_a_browser(index: dict[str, str], node_packages: None, tmp_path: Path) -> None:
    """Somebody signs up with a real Better Auth, keeps a note, finds it again, and does not read those of bob."""
    folder = tmp_path / "tutorial"
    folder.mkdir()
    with Walkthrough("tutorial.md", folder, index, ports=(5000, 3000)) as reader:
        reader.follow()
        with chromium(tmp_path / "profile") as watched:
            page = watched.page
            page.goto(reader.here("http://127.0.0.1:3000"))
            for field, text in {"Name": "Alice", "Email": "alice@example.com", "Password": "correct horse"}.items():
                page.get_by_placeholder(field).fill(text)
            page.get_by_role("button", name="Sign up").click()
            page.get_by_placeholder("A note").fill("Water the plants")
            page.get_by_role("button", name="Keep").click()
            page.get_by_role("listitem").filter(has_text="Water the plants").wait_for()
            page.reload()
            page.get_by_role("listitem").filter(has_text="Water the plants").wait_for()
            page.get_by_role("button", name="Read the notes of bob").click()
            page.locator("#said:not(:empty)").wait_for()

            assert f"`{page.locator('#said').inner_text()}`" in reader.text
        assert [text for text in watched.complaints if "403 (FORBIDDEN)" not in text] == []


def test_the_example_with_better_auth_is_started_as_its_readme_says(
    registry: None, node_packages: None, tmp_path: Path
) -> None:
    """In a checkout that has the ``.env`` of ``make serve``; somebody signs up and completes a task."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    clone(checkout)
    make_environment_file(checkout / ".env")
    readme = "../examples/better-auth/README.md"
    pip = {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with Walkthrough(readme, checkout, pip, ports=(3000, 8000)) as reader, chromium(tmp_path / "profile") as watched:
        server = checkout / "examples" / "better-auth" / "server.mjs"
        server.write_text(reader.here(server.read_text()))
        reader.run(f"export PORT={reader.ports[8000]}")
        reader.follow()
        page = watched.page
        page.goto(reader.here("http://127.0.0.1:3000"))
        form = page.locator("#sign-up")
        for field, text in {"Name": "Alice", "Email": "alice@example.com", "Password": "correct horse"}.items():
            form.get_by_label(field).fill(text)
        form.get_by_role("button", name="Sign up").click()
        page.get_by_label("New task").fill("Water the plants")
        page.get_by_role("button", name="Add").click()
        with page.expect_response("**/complete") as completed:
            page.get_by_label("Water the plants").check()

        assert completed.value.json()["completed"] is True
    assert watched.complaints == []
