"""Rate limits over several worker processes, forked from one that was set up already."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.support.gunicorn_server import ISSUER, GunicornServer
from tests.support.redis_server import RedisServer


def test_workers_count_together_in_redis_and_apart_without(tmp_path: Path) -> None:
    """Exactly as many requests as allowed pass; while Redis is down as many in each worker, and nothing fails."""
    with (
        RedisServer() as redis,
        GunicornServer(
            tmp_path,
            database=False,
            probe="/health",
            REDIS_URL=redis.url,
            FLASK_RATE_LIMIT_USER="10 per hour",
            FLASK_RATE_LIMIT_ADDRESS="1000 per hour",
        ) as server,
    ):
        together = Counter(server.call("GET", "/api/me", headers=ISSUER.authorization("alice"))[0] for _ in range(30))
        redis.stop()
        apart = Counter(server.call("GET", "/api/me", headers=ISSUER.authorization("bob"))[0] for _ in range(30))

    assert together == {200: 10, 429: 20}
    assert set(apart) == {200, 429}
    assert 10 <= apart[200] <= 20
    assert "Traceback" not in server.log.read_text()
