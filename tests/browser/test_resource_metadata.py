"""A client in a real Chromium, on a page of another origin: it reads the metadata, whatever it sends along."""

from __future__ import annotations

import pytest
from flask import Flask

from auth import ResourceServer
from auth.wire.metadata import WELL_KNOWN
from tests.support.browser import Watched
from tests.support.served_app import empty_page, served
from tests.support.services import ISSUER, SECRET

#: Fetches the metadata as a client does and returns what a script gets to see of them.
FETCH = """async ([url, headers]) => {
    const response = await fetch(url, { headers });
    return { status: response.status, document: await response.json() };
}"""


@pytest.mark.parametrize(
    "headers",
    [{}, {"MCP-Protocol-Version": "2026-07-28"}, {"Authorization": "Bearer a.b.c", "X-Other": "1"}],
    ids=["nothing", "a field of its own", "a token"],
)
def test_a_page_of_another_origin_reads_the_metadata(headers: dict[str, str], watched: Watched) -> None:
    """With fields that need a preflight too."""
    app = Flask("api", static_folder=None)
    app.config.update(AUTH_SECRET=SECRET, AUTH_ISSUER=ISSUER, AUTH_RESOURCE="https://api.example")
    ResourceServer(app)
    with served(empty_page()) as page, served(app) as origin:
        watched.page.goto(page)

        read = watched.page.evaluate(FETCH, [f"{origin}{WELL_KNOWN}", headers])

    assert read["status"] == 200
    assert (read["document"]["resource"], read["document"]["authorization_servers"]) == (
        "https://api.example",
        [ISSUER],
    )
