"""The page about revocation: its app revokes, and its denylist in a table keeps what it should."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from auth import Denylist
from auth.stores import Entry
from auth.testing import TokenIssuer, local_issuer
from tests.support.documentation import DOCS, executed, snippets, table
from tests.support.redis_server import RedisServer
from tests.support.services import bearer

PAGE = "revocation.md"
REVOKING, IN_A_TABLE = snippets(PAGE, "python")


@pytest.fixture
def app() -> Iterator[Flask]:
    """The app of the page, with a Redis of the test's own."""
    with RedisServer() as redis:
        made: Flask = executed(REVOKING.replace("redis://127.0.0.1:6379/0", redis.url))["app"]
        yield made


@pytest.fixture
def issuer(app: Flask) -> Iterator[TokenIssuer]:
    """Who signs in the place of its issuer."""
    with local_issuer(app) as issuer:
        yield issuer


@pytest.mark.parametrize("path", ["/logout", "/logout-everywhere"])
def test_a_caller_who_logs_out_is_refused(app: Flask, issuer: TokenIssuer, path: str) -> None:
    """With this token, or with all of them."""
    client = app.test_client()
    first, second = (bearer(issuer.issue("alice", claims={"jti": token_id})) for token_id in "12")

    assert client.post(path, headers=first).status_code == 204
    assert client.post(path, headers=first).get_json()["error"] == "token_revoked"
    assert client.post(path, headers=second).status_code == (204 if path == "/logout" else 401)


def test_a_caller_whose_issuers_clock_is_ahead_logs_out_everywhere(app: Flask, issuer: TokenIssuer) -> None:
    """The leeway lets such a token in, so it has to end as well."""
    client, headers = app.test_client(), bearer(issuer.issue("alice", claims={"iat": int(time.time()) + 20}))

    assert client.post("/logout-everywhere", headers=headers).status_code == 204
    assert client.post("/logout-everywhere", headers=headers).get_json()["error"] == "token_revoked"


def test_support_locks_a_user(app: Flask, issuer: TokenIssuer) -> None:
    """Who has to log in again."""
    client, alice = app.test_client(), bearer(issuer.issue("alice"))
    staff = bearer(issuer.issue("carol", roles="support"))

    assert client.post("/staff/users/alice/lock", headers=alice).status_code == 403
    assert client.post("/staff/users/alice/lock", headers=staff).status_code == 204
    assert client.post("/logout", headers=alice).get_json()["error"] == "token_revoked"


def test_the_rights_on_the_page_are_enough(app: Flask, issuer: TokenIssuer) -> None:
    """For a user of Redis that has no others."""
    (rights,) = re.findall(r"^ *ACL (SETUSER .*)$", (DOCS / PAGE).read_text(), re.MULTILINE)
    name, password = re.findall(r"SETUSER (\w+) on >(\w+)", rights)[0]
    with RedisServer() as redis:
        redis.tell("ACL", *rights.split(" "))
        url = redis.url.replace("redis://", f"redis://{name}:{password}@")
        limited = executed(REVOKING.replace("redis://127.0.0.1:6379/0", url))["app"]
        with local_issuer(limited) as signer:
            headers = bearer(signer.issue("alice"))

            assert limited.test_client().post("/logout-everywhere", headers=headers).status_code == 204
            assert limited.test_client().post("/logout", headers=headers).get_json()["error"] == "token_revoked"


def test_the_settings_on_the_page_are_all_of_them() -> None:
    """In the order of the page of settings."""
    listed = [row[0].strip("`") for row in table(PAGE, "Settings")]

    assert listed == re.findall(r"^\| `(AUTH_DENYLIST\w*)`", (DOCS / "settings.md").read_text(), re.MULTILINE)


def test_the_denylist_in_a_table_keeps_what_it_should(tmp_path: Path) -> None:
    """As the stores of the library do."""
    (schema,) = snippets(PAGE, "sql")
    with closing(sqlite3.connect(tmp_path / "denylist.sqlite3")) as database:
        database.execute(schema)
    now = time.time()
    denylist: Any = executed(IN_A_TABLE)["DenylistInTable"](tmp_path / "denylist.sqlite3")
    denylist.remember({"a": Entry(2, now + 60), "over": Entry(1, now - 1)})
    denylist.remember({"a": Entry(1, now + 90), "b": Entry(3.5, now + 60)})

    assert isinstance(denylist, Denylist)
    assert denylist.values(["b", "over", "none", "a"]) == [3.5, None, None, 2]
    assert [denylist.add_once(key, now + 60) for key in ("c", "c", "over", "over")] == [True, False, True, False]
