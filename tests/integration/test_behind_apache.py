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
WSGIApplicationGroup %{{GLOBAL}}
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


@pytest.mark.parametrize(("lines", "status"), [([], 401), (snippets("servers.md", "apache"), 200)])
def test_apache_hands_tokens_on_when_it_is_told_to(lines: list[str], status: int) -> None:
    """By the line of docs/servers.md, which says what happens without it."""
    with apache("\n".join(lines)) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/me", headers=TOKEN.authorization("alice"))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()

    assert answer.status == status
    assert (b"missing_token" in body) is (status == 401)
    assert "missing_token" in (DOCS / "servers.md").read_text()


@pytest.mark.parametrize(("line", "status"), [("", 404), ("AllowEncodedSlashes On", 200)])
def test_apache_passes_on_user_ids_with_slashes_when_it_is_told_to(line: str, status: int) -> None:
    """docs/servers.md says so of mod_wsgi."""
    with apache("\n".join([*snippets("servers.md", "apache"), line])) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/users/repo%3Aorg%2Frepo/notes", headers=TOKEN.authorization("repo:org/repo"))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()

    assert answer.status == status
    assert (b"repo:org/repo" in body) is (status == 200)
    assert "AllowEncodedSlashes On" in (DOCS / "servers.md").read_text()
