"""schemathesis against the running service: every operation of the OpenAPI document, with all it may be sent and more.

No 5xx, no status or content type that the document does not know, every body and header as it says. ``make fuzz-api``
does the same for longer, with other requests each time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.environments import ROOT, clean_environment
from tests.support.gunicorn_server import ISSUER, GunicornServer
from tests.support.postgresql import running_postgresql

#: Requests for each operation, and the seed they are made from; ``make fuzz-api`` sets others.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "10")
SEED = os.environ.get("FUZZ_SEED", "1")

#: Seconds for one run of the usual size, on a busy machine.
PATIENCE = 120 + int(EXAMPLES)


def fuzz(server: GunicornServer, folder: Path) -> None:
    """Run schemathesis as a user with a valid token; fail with its report where it finds anything."""
    finished = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", ROOT / "tests" / "integration" / "schemathesis.toml"),
            *("run", f"{server.origin}/openapi.json"),
            *("--header", f"Authorization: {ISSUER.authorization('alice')['Authorization']}"),
            *("--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure", "--no-color"),
        ],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert finished.returncode == 0, f"{finished.stdout}{finished.stderr}\n{server.log.read_text()[-5000:]}"
    assert "Unhandled error" not in server.log.read_text()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_schemathesis_finds_nothing(database: str, tmp_path: Path) -> None:
    """In examples, edge cases, random requests, and requests that follow each other."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'tasks.sqlite3'}"
        if database == "postgresql":
            postgresql = stack.enter_context(running_postgresql())
            url = postgresql.role_url(postgresql.migrated_database())
        server = GunicornServer(tmp_path, database=database == "sqlite", DATABASE_URL=url)
        fuzz(stack.enter_context(server), tmp_path)
