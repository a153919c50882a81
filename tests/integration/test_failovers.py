"""More than one machine: a leader dies for real under load, and the service goes on with the next one.

The clusters are set up as ``docs/database.md`` shows. They take their time: the locks of those that died run out first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gunicorn_server import ISSUER, GunicornServer
from tests.support.haproxy_server import running_haproxy
from tests.support.patroni_cluster import answers, running_patroni
from tests.support.postgresql import make_documented_database
from tests.support.postgresql_server import PostgreSQLAddress
from tests.support.redis_server import RedisServer, running_sentinels
from tests.support.traffic import Traffic
from tests.support.writers import Writers

#: Seconds within which the service works again.
BACK_WITHIN = 60


@pytest.mark.slow
@pytest.mark.usefixtures("registry")
def test_a_leader_of_postgresql_that_is_killed_takes_no_acknowledged_task_along(tmp_path: Path) -> None:
    """With Patroni and HAProxy: refused are creates by 503 alone, and no process of the service is replaced."""
    with (
        running_patroni() as (leader, standby),
        running_haproxy(tmp_path, "tasks", [(node.port, node.api) for node in (leader, standby)]) as port,
    ):
        cluster = PostgreSQLAddress(port)
        make_documented_database(cluster)
        with GunicornServer(tmp_path, database=False, DATABASE_URL=cluster.url("tasks", "tasks_app")) as service:
            workers = service.all_workers()
            with Writers(service) as writers:
                writers.wait_for(201, times=40)
                leader.kill()
                writers.wait_for(503)
                writers.wait_for(201, times=40, patience=BACK_WITHIN)
            writers.assert_nothing_is_lost()
            ready, _ = service.call("GET", "/health/ready")

            assert answers(standby.api, "/primary")
            assert ready == 200
            assert set(writers.outcomes) <= {200, 201, 503}
            assert service.workers() == workers


@pytest.mark.slow
def test_a_master_of_redis_that_is_killed_fails_no_request(tmp_path: Path) -> None:
    """With Sentinel and HAProxy: each process counts for itself meanwhile, and in the next master after."""
    token = ISSUER.issue("alice")
    with (
        RedisServer() as master,
        RedisServer("--replicaof", "127.0.0.1", str(master.port)) as replica,
        running_sentinels(tmp_path, master),
        running_haproxy(tmp_path, "redis", [(server.port, server.port) for server in (master, replica)]) as port,
        GunicornServer(
            tmp_path,
            database=False,
            probe="/health",
            REDIS_URL=f"redis://127.0.0.1:{port}/0",
            FLASK_RATE_LIMIT_USER="1000000 per day",
        ) as service,
        Traffic(service, [token], pause=0.1) as traffic,
    ):
        traffic.go_on(calls=40)
        counted = sum(master.counts().values())
        master.stop()
        wait_until(replica.may_be_written_to)
        taken_over = sum(replica.counts().values())
        wait_until(lambda: sum(replica.counts().values()) > taken_over)

    assert counted > 0
    assert traffic.outcomes.keys() == {200}
    assert service.log.read_text().count("Traceback") == 0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + BACK_WITHIN
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)
