"""A service in a real Apache, whose mod_wsgi keeps the ``Authorization`` field to itself unless it is told not to."""

from __future__ import annotations

import http.client
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auth.testing import TokenIssuer
from tests.support.availability import unavailable
from tests.support.documentation import DOCS, snippets
from tests.support.environments import ROOT
from tests.support.programs import Program, accepts_connections, find_program, folder_for, free_port
from tests.support.services import AUDIENCE, ISSUER, SECRET

MODULES = Path("/usr/lib/apache2/modules")

PAGE = "deploying/proxies.md"
(BLOCK,) = snippets(PAGE, "apache")

TOKEN = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE)

SERVICE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from flask import Flask
from auth import ResourceServer, current_token, owns_path_user, require_jwt
application = Flask("service")
application.config.update(AUTH_SECRET={SECRET!r}, AUTH_ISSUER={ISSUER!r}, AUTH_AUDIENCE={AUDIENCE!r})
ResourceServer(application)
@application.get("/users/<path:user_id>/notes")
@owns_path_user
def notes(user_id):
    return {{"notes_of": user_id}}
@application.get("/me")
@require_jwt
def me():
    return {{"user_id": current_token.user_id}}
"""

CONFIGURATION = """
ServerName localhost
ServerRoot {folder}
PidFile {folder}/httpd.pid
WSGISocketPrefix {folder}/wsgi
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
User www-data
Group www-data
WSGISocketPrefix {folder}/socket
WSGIDaemonProcess service threads=2 python-path={packages}
WSGIProcessGroup service
WSGIScriptAlias /second {folder}/service.wsgi
WSGIScriptAlias / {folder}/service.wsgi
<Directory {folder}>
    Require all granted
</Directory>
{more}
"""


@contextmanager
def apache(more: str) -> Iterator[int]:
    """Run Apache with some lines of configuration; give its port."""
    program = find_program("apache2")
    built_for = f"mod_wsgi.so-{sys.version_info.major}.{sys.version_info.minor}"
    if not (MODULES / built_for).exists():
        unavailable(f"Apache's {built_for}")
    port = free_port()
    with folder_for("www-data") as folder:
        (folder / "service.wsgi").write_text(SERVICE)
        (folder / "httpd.conf").write_text(
            CONFIGURATION.format(
                folder=folder, port=port, modules=MODULES, packages=sysconfig.get_path("purelib"), more=more
            )
        )
        with Program([program, "-f", str(folder / "httpd.conf"), "-DFOREGROUND"], folder / "apache.log") as server:
            server.wait_until(lambda: accepts_connections(port))
            yield port


def answer_of(port: int, path: str, user: str) -> tuple[int, bytes]:
    """Return status and body of the answer to a user with a good token."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=TOKEN.authorization(user))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def without(line: str) -> str:
    """Return the block of the page without one of its lines."""
    kept = [other for other in BLOCK.splitlines() if not other.startswith(line)]
    assert len(kept) == len(BLOCK.splitlines()) - 1
    return "\n".join(kept)


@pytest.mark.parametrize(("lines", "status"), [(without("WSGIPassAuthorization"), 401), (BLOCK, 200)])
def test_apache_hands_tokens_on_when_it_is_told_to(lines: str, status: int) -> None:
    """By the block of the page, which says what happens without the line."""
    with apache(lines) as port:
        answered, body = answer_of(port, "/me", "alice")

    assert answered == status
    assert (b"missing_token" in body) is (status == 401)
    assert "missing_token" in (DOCS / PAGE).read_text()


@pytest.mark.parametrize(("lines", "statuses"), [(without("WSGIApplicationGroup"), [200, 500]), (BLOCK, [200, 200])])
def test_two_apps_of_a_process_need_the_main_interpreter(lines: str, statuses: list[int]) -> None:
    """cryptography is loaded by one interpreter of a process; mod_wsgi makes one for each app if it may."""
    with apache(lines) as port:
        answered = [answer_of(port, path, "alice")[0] for path in ("/me", "/second/me")]

    assert answered == statuses


@pytest.mark.parametrize(("line", "status"), [("", 404), ("AllowEncodedSlashes On", 200)])
def test_apache_passes_on_user_ids_with_slashes_when_it_is_told_to(line: str, status: int) -> None:
    """The page says so of mod_wsgi."""
    with apache(f"{BLOCK}{line}") as port:
        answered, body = answer_of(port, "/users/repo%3Aorg%2Frepo/notes", "repo:org/repo")

    assert answered == status
    assert (b"repo:org/repo" in body) is (status == 200)
    assert "AllowEncodedSlashes On" in (DOCS / PAGE).read_text()
