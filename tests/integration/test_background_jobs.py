"""The snippets of docs/background-jobs.md, carried out by a real worker of Celery."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from celery.contrib.testing.worker import start_worker

from auth.errors import KeysUnavailableError
from auth.testing import TokenIssuer, acting_as, local_issuer
from tests.support.documentation import executed, snippets

USER_ID, TOKEN = snippets("background-jobs.md", "python")


def documented(snippet: str) -> dict[str, Any]:
    """Run a snippet and let its queue be one in memory."""
    names = executed(snippet)
    names["queue"].conf.update(
        broker_url="memory://",
        result_backend="cache+memory://",
        worker_hijack_root_logger=False,
        # All queues in memory are of one process: this one is for one test.
        task_default_queue=uuid4().hex,
    )
    return names


def test_a_view_hands_the_user_id_to_a_job() -> None:
    """The job runs in the worker, without a request, for the user of the token."""
    names = documented(USER_ID)
    queued: list[Any] = []
    delay = names["write_invoice"].delay
    names["write_invoice"].delay = lambda *values: queued.append(delay(*values))

    with start_worker(names["queue"], perform_ping_check=False), local_issuer(names["app"]) as issuer:
        headers = issuer.authorization("alice", scopes="orders:write")
        answer = names["app"].test_client().post("/orders/7/invoice", headers=headers)

        assert answer.status_code == 202
        assert queued[0].get(timeout=20) == "order 7 of alice"


def test_a_job_verifies_the_token_that_it_is_handed() -> None:
    """When it begins, which may be long after the request."""
    names = documented(TOKEN)

    with start_worker(names["queue"], perform_ping_check=False), local_issuer(names["app"]) as issuer:
        good = names["export_orders"].delay(issuer.issue("alice", scopes="orders:read"))
        unscoped = names["export_orders"].delay(issuer.issue("alice"))
        expired = names["export_orders"].delay(issuer.issue("alice", scopes="orders:read", expires_in=-3600))

        assert good.get(timeout=20) == "orders of alice"
        assert unscoped.get(timeout=20) == "not done: insufficient_scope"
        assert expired.get(timeout=20) == "not done: token_expired"


def test_a_job_is_tried_again_while_keys_are_unavailable() -> None:
    """The issuer of the page does not exist."""
    names = documented(TOKEN)
    issuer = TokenIssuer.generate("RS256", issuer="https://login.example.com", audience="https://api.example.com")

    with start_worker(names["queue"], perform_ping_check=False):
        job = names["export_orders"].delay(issuer.issue("alice"))
        deadline = time.monotonic() + 20
        while job.state == "PENDING" and time.monotonic() < deadline:
            time.sleep(0.05)

        assert job.state == "RETRY"
        assert isinstance(job.result, KeysUnavailableError)


def test_code_that_reads_the_current_token_is_tested_as_a_user() -> None:
    """As the page says, by ``acting_as``."""
    names = documented(USER_ID)

    with acting_as(names["app"], "alice", scopes="orders:write") as token:
        assert (names["current_token"].user_id, token.user_id) == ("alice", "alice")
