"""The id of a request: ours, or one that a proxy has given and a setting lets in."""

from __future__ import annotations

import os
import re

import pytest

from auth import require_jwt
from auth.flask.request_id import request_id
from tests.support.services import add_view, service


def test_a_request_has_one_id_that_we_made() -> None:
    """Asking again gives the same; a client cannot choose it."""
    environ: dict[str, object] = {"HTTP_X_REQUEST_ID": "HOSTILE"}

    first, second = request_id(environ), request_id(environ)

    assert first == second
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert request_id({}) != first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_ids_of_its_own() -> None:
    """Both have made one before, so that whatever makes them is inherited."""
    request_id({})
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, request_id({}).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 16).decode()
    for end in (reading, writing):
        os.close(end)

    assert re.fullmatch("[0-9a-f]{16}", theirs)
    assert request_id({}) != theirs


@pytest.mark.parametrize("given", ["0b5d7c1e-7a43-4f0e", "Root=1-67891233-abcdef", "a/b:c@d+e.f_g=", "x" * 128])
def test_an_id_of_a_proxy_is_taken_over_by_setting(given: str, caplog: pytest.LogCaptureFixture) -> None:
    """It stands in the log line of a refusal, and the service can read it."""
    app = service(AUTH_REQUEST_ID_HEADER="X-Request-ID")
    add_view(app, "/", require_jwt(lambda: ""))

    app.test_client().get("/", headers={"X-Request-ID": given})
    (record,) = caplog.records

    assert vars(record)["request_id"] == given
    assert app.extensions["resource_server"].request_id({"HTTP_X_REQUEST_ID": given}) == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", 'quote"', "line\nend", "caf\xe9", "{}"])
def test_an_id_that_could_forge_a_log_line_is_replaced(given: str) -> None:
    """As is one that is empty or long."""
    assert re.fullmatch("[0-9a-f]{16}", request_id({"HTTP_X_REQUEST_ID": given}, "X-Request-ID"))
