"""What a start imports: nothing that no request needs."""

from __future__ import annotations

import json
import sys

import pytest

from tests.support.environments import run
from tests.support.tasks_api import SECRET

DATABASES = ("sqlite",)

#: What only some settings or some commands need.
ELSEWHERE = {
    "alembic",
    "mako",
    "flask_limiter",
    "limits",
    "redis",
    "gunicorn",
    "psycopg",
    "app.limiter",
    "app.rate_limit_storage",
    "app.migrations.commands",
    "app.fast.gunicorn_worker",
    "auth.cli",
    "auth.testing",
}

PROGRAM = """
import json, sys
from wsgi import app
assert app.test_client().get("/api/alice/tasks", headers={"Authorization": "Bearer a.b.c"}).status_code == 401
assert app.test_client().get("/health/ready").status_code == 503
print(json.dumps(sorted(sys.modules)))
"""


def imported(database_url: str, **settings: str) -> set[str]:
    """Return the modules of a fresh process after its first requests."""
    variables = {"BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_URL": "", "DATABASE_URL": database_url}
    printed = run([sys.executable, "-c", PROGRAM], settings=variables | settings)
    return set(json.loads(printed.splitlines()[-1]))


def test_a_request_needs_neither_migrations_nor_limits(empty_database_url: str) -> None:
    """Alembic is for ``flask db``, and Flask-Limiter and Redis are for those who set a limit, not an address alone."""
    assert ELSEWHERE & imported(empty_database_url, REDIS_URL="redis://127.0.0.1:1/0") == set()


@pytest.mark.parametrize("secret", [SECRET, "short"], ids=["made", "refused"])
def test_garbage_is_collected_once_the_app_is_made(empty_database_url: str, secret: str) -> None:
    """Or once it is not: a server that reloads goes on in the same process."""
    program = "import gc\ntry:\n    import wsgi\nexcept SystemExit:\n    pass\nprint(gc.isenabled())"

    printed = run(
        [sys.executable, "-c", program], settings={"BETTER_AUTH_SECRET": secret, "DATABASE_URL": empty_database_url}
    )

    assert printed.splitlines()[-1] == "True"


@pytest.mark.parametrize(
    ("setting", "needed"),
    [
        ({"FLASK_RATE_LIMIT_USER": "100 per minute"}, {"app.limiter", "flask_limiter", "limits"}),
        ({"FLASK_RATE_LIMIT_ADDRESS": "100 per minute"}, {"app.limiter", "flask_limiter", "limits"}),
    ],
    ids=["user", "address"],
)
def test_a_limit_brings_what_it_needs(empty_database_url: str, setting: dict[str, str], needed: set[str]) -> None:
    """And no migrations."""
    found = imported(empty_database_url, **setting)

    assert needed <= found
    assert "alembic" not in found
