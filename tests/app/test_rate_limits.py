"""Rate limits: off unless set, by verified user and by address, and no outage of Redis is one of the service."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from auth.errors import ConfigurationError
from auth.testing import TokenIssuer
from tests.support.redis_server import RedisServer, cluster
from tests.support.tasks_api import ID, SECRET, Authorize, body_of

#: Nothing here depends on the database.
DATABASES = ("sqlite",)

ME = "/api/me"
HOUR = 3600

#: Seconds a request may take while Redis does not answer: a quarter of a second for each limit, and a lot more.
BOUND = 10

#: What a Redis that does not count means.
MEANWHILE = "Meanwhile each process counts the rate limits for itself."

TOO_MANY = {"code": 429, "status": "Too Many Requests", "message": "There have been too many requests."}


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """Return a running Redis."""
    with RedisServer() as server:
        yield server


def limited(settings: dict[str, Any], **limits: str) -> FlaskClient:
    """Return a client of a service with limits."""
    return create_app(settings | limits).test_client()


def statuses(client: FlaskClient, times: int, path: str = ME, **request: Any) -> list[int]:
    """Ask for the same several times and return the statuses."""
    return [client.get(path, **request).status_code for _ in range(times)]


def test_nothing_is_limited_unless_a_setting_says_so(settings: dict[str, Any], authorize: Authorize) -> None:
    """Not even a count is kept."""
    app = create_app(settings | {"REDIS_URL": "redis://127.0.0.1:1/0"})

    assert set(statuses(app.test_client(), 20, headers=authorize())) == {200}
    assert "limiter" not in app.extensions


def test_a_user_has_so_many_requests_and_no_more(settings: dict[str, Any], authorize: Authorize) -> None:
    """Whatever the path, the token and the address; another user has as many."""
    client = limited(settings, RATE_LIMIT_USER="3 per hour")

    tasks = statuses(client, 2, "/api/alice/tasks", headers=authorize())
    from_elsewhere = statuses(client, 1, headers=authorize(), environ_base={"REMOTE_ADDR": "192.0.2.7"})
    answer = client.get(ME, headers=authorize())

    assert (tasks, from_elsewhere) == ([200, 200], [200])
    assert (answer.status_code, body_of(answer)) == (429, TOO_MANY)
    assert 0 < int(answer.headers["Retry-After"]) <= HOUR
    assert answer.headers["Cache-Control"] == "no-store"
    assert "X-Request-ID" in answer.headers
    assert statuses(client, 1, headers=authorize("bob")) == [200]


def test_several_limits_hold_together(settings: dict[str, Any], authorize: Authorize) -> None:
    """The one that is reached first refuses, and says when its own window ends."""
    client = limited(settings, RATE_LIMIT_USER="2 per minute; 1000 per day")

    assert statuses(client, 3, headers=authorize()) == [200, 200, 429]
    assert int(client.get(ME, headers=authorize()).headers["Retry-After"]) <= 60


def test_only_verified_users_are_counted(settings: dict[str, Any], authorize: Authorize) -> None:
    """Nobody uses up the requests of another by a bad token or a path of theirs."""
    client = limited(settings, RATE_LIMIT_USER="2 per hour")
    forged = {"Authorization": authorize()["Authorization"][:-8] + "AAAAAAAA"}

    assert statuses(client, 5, headers=forged) == [401] * 5
    assert statuses(client, 2, "/api/alice/tasks", headers=authorize("bob")) == [403] * 2
    assert statuses(client, 5, "/nowhere", headers=authorize()) == [404] * 5
    assert statuses(client, 5) == [401] * 5
    assert statuses(client, 3, headers=authorize()) == [200, 200, 429]


def test_a_client_uses_up_no_requests_of_a_user_who_is_called_like_it(settings: dict[str, Any]) -> None:
    """It has as many of its own (RFC 9068 §5)."""
    client = limited(settings, RATE_LIMIT_USER="2 per hour")
    user, machine = (TokenIssuer(SECRET).authorization("alice", is_client=is_client) for is_client in (False, True))

    assert statuses(client, 3, headers=machine) == [200, 200, 429]
    assert statuses(client, 3, headers=user) == [200, 200, 429]


def test_a_request_that_a_guard_refuses_counts_for_its_user(settings: dict[str, Any], authorize: Authorize) -> None:
    """The user is verified, and could ask for the paths of other users as often as for their own."""
    client = limited(settings, RATE_LIMIT_USER="3 per hour")

    refused = statuses(client, 5, "/api/bob/tasks", headers=authorize("carol"))
    own = client.get(ME, headers=authorize("carol"))

    assert refused == [403, 403, 403, 429, 429]
    assert (own.status_code, body_of(own)) == (429, TOO_MANY)
    assert statuses(client, 3, headers=authorize("bob")) == [200] * 3


def test_a_route_that_says_nothing_counts_for_the_user_it_refuses(
    settings: dict[str, Any], authorize: Authorize
) -> None:
    """By deny by default, which asks who is calling before it refuses."""
    app = create_app(settings | {"RATE_LIMIT_USER": "2 per hour"})
    app.add_url_rule("/silent", "silent", lambda: "in")

    assert statuses(app.test_client(), 3, "/silent", headers=authorize()) == [403, 403, 429]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/alice/tasks", 200), ("/api/bob/tasks", 403), (f"/api/alice/tasks/{ID}", 404), (f"{ME}?x=1", 200)],
)
def test_no_request_counts_twice(settings: dict[str, Any], authorize: Authorize, path: str, status: int) -> None:
    """Neither one that passes all guards nor one that is refused, by a guard or later."""
    client = limited(settings, RATE_LIMIT_USER="4 per hour")

    assert statuses(client, 5, path, headers=authorize()) == [status] * 4 + [429]


@pytest.mark.parametrize("path", [ME, "/nowhere", "/openapi.json", "/docs"])
def test_an_address_is_counted_before_anything_else(settings: dict[str, Any], authorize: Authorize, path: str) -> None:
    """Whether or not there is a token, and something under the path."""
    client = limited(settings, RATE_LIMIT_ADDRESS="3 per hour")

    assert 429 not in statuses(client, 3, path)
    answer = client.get(path, headers=authorize())

    assert (answer.status_code, body_of(answer)) == (429, TOO_MANY)
    assert 0 < int(answer.headers["Retry-After"]) <= HOUR
    assert statuses(client, 1, headers=authorize(), environ_base={"REMOTE_ADDR": "192.0.2.7"}) == [200]


def test_supervisors_are_never_turned_away(settings: dict[str, Any]) -> None:
    """And their questions do not count."""
    client = limited(settings, RATE_LIMIT_ADDRESS="1 per hour", RATE_LIMIT_USER="1 per hour")

    assert statuses(client, 5, "/health") == statuses(client, 5, "/health/ready") == [200] * 5
    assert statuses(client, 2) == [401, 429]
    assert statuses(client, 1, "/health/ready") == [200]


def test_a_customer_of_ipv6_is_one_address(settings: dict[str, Any]) -> None:
    """Who has 2**64 addresses does not have as many limits."""
    client = limited(settings, RATE_LIMIT_ADDRESS="1 per hour")

    first = statuses(client, 1, environ_base={"REMOTE_ADDR": "2001:db8::1"})
    same = statuses(client, 1, environ_base={"REMOTE_ADDR": "2001:db8::ffff:1"})
    other = statuses(client, 1, environ_base={"REMOTE_ADDR": "2001:db8:0:1::1"})

    assert (first, same, other) == ([401], [429], [401])


def test_customers_of_ipv4_are_told_apart_on_a_socket_of_ipv6(settings: dict[str, Any]) -> None:
    """Which shows them as one network; one of them must not use up the limit of all."""
    client = limited(settings, RATE_LIMIT_ADDRESS="1 per hour")

    first = statuses(client, 1, environ_base={"REMOTE_ADDR": "::ffff:192.0.2.1"})
    same = statuses(client, 1, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    other = statuses(client, 1, environ_base={"REMOTE_ADDR": "::ffff:192.0.2.2"})

    assert (first, same, other) == ([401], [429], [401])


@pytest.mark.parametrize(
    "spellings",
    [
        ["203.0.113.2", "203.0.113.2:50000", "203.0.113.2:50001", "203.0.113.2:_hidden", "::ffff:203.0.113.2"],
        ["[::ffff:203.0.113.2]:443", "[::ffff:203.0.113.2]", "203.0.113.2:1", "::FFFF:cb00:7102%eth0"],
        ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "[2001:DB8:0:0:0::2]:50000", "[2001:db8::1]:_a.b-c"],
        ["fe80::1%eth0", "fe80::1", "[fe80::1%eth0]", "[fe80::1%25eth0]:443", "fe80::2%eth1"],
    ],
    ids=["IPv4", "IPv4 in IPv6", "IPv6", "IPv6 with a zone"],
)
def test_an_address_is_one_however_a_proxy_writes_it(settings: dict[str, Any], spellings: list[str]) -> None:
    """With a port, which differs with each connection (Azure's Application Gateway), and in brackets (RFC 7239)."""
    client = create_app(settings | {"RATE_LIMIT_ADDRESS": "1 per hour", "TRUSTED_PROXIES": 1}).test_client()

    first, *others = [client.get(ME, headers={"X-Forwarded-For": text}).status_code for text in spellings]

    assert (first, set(others)) == (401, {429})
    assert client.get(ME, headers={"X-Forwarded-For": "192.0.2.1:50000"}).status_code == 401


@pytest.mark.parametrize(
    "names",
    [
        ["unknown", "unknown:50000", "_hidden", "_hidden:1", "203.0.113.2:", "203.0.113.2:port", "203.0.113.2:123456"],
        ["[2001:db8::1", "2001:db8::1]", "[]", "[]:1", "[[2001:db8::1]]", "[2001:db8::1]443", "[2001:db8::g]:443"],
        ["203.0.113:50000", "203.0.113.02", "203.0.113.2.5:1", "...:1", "٣.0.113.2"],
    ],
)
def test_what_is_no_address_stays_a_name(settings: dict[str, Any], names: list[str]) -> None:
    """Each is another one, with all that belongs to it; none is taken for the address it resembles."""
    client = limited(settings, RATE_LIMIT_ADDRESS="1 per hour")

    def ask(name: str) -> int:
        return client.get(ME, environ_base={"REMOTE_ADDR": name}).status_code

    assert [ask("203.0.113.2"), ask("2001:db8::1")] == [401, 401]
    assert [ask(name) for name in names] == [401] * len(names)
    assert [ask(name) for name in names] == [429] * len(names)


@pytest.mark.parametrize("address", ["", "unix:", "a\x80b", "x" * 9000, "1.2.3.4.5, 6"])
def test_an_odd_address_is_a_name_like_any_other(settings: dict[str, Any], address: str) -> None:
    """Whatever a proxy has written there."""
    client = limited(settings, RATE_LIMIT_ADDRESS="1 per hour")

    assert statuses(client, 2, environ_base={"REMOTE_ADDR": address}) == [401, 429]


def test_the_address_is_the_one_trusted_proxies_tell(settings: dict[str, Any]) -> None:
    """And nobody's word for it otherwise."""
    trusting = create_app(settings | {"RATE_LIMIT_ADDRESS": "1 per hour", "TRUSTED_PROXIES": 1}).test_client()
    wary = limited(settings, RATE_LIMIT_ADDRESS="1 per hour")

    def ask(client: FlaskClient) -> list[int]:
        return [client.get(ME, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in (1, 2)]

    assert ask(trusting) == [401, 401]
    assert ask(wary) == [401, 429]


@pytest.mark.parametrize("name", ["RATE_LIMIT_USER", "RATE_LIMIT_ADDRESS"])
@pytest.mark.parametrize("value", ["100", 100, "many per minute", "0 per minute", "5/fortnight", []])
def test_an_impossible_limit_stops_the_start(settings: dict[str, Any], name: str, value: object) -> None:
    """In a sentence that shows a possible one."""
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings | {name: value})

    assert caught.value.problems == (
        f'{name} must be a limit such as "100 per minute", or several: "10 per second; 300 per minute".',
    )


@pytest.mark.parametrize(
    ("url", "way_out"),
    [
        ("redis+sentinel://:hunter2@one:26379,two:26379/mymaster", "name a proxy that follows the primary"),
        ("rediss+sentinel://:hunter2@one/mymaster", "name a proxy that follows the primary"),
        ("redis+cluster://:hunter2@one:7000,two:7000", "name one that is no node of a cluster"),
    ],
)
def test_sentinels_and_clusters_are_refused_with_the_way_out(settings: dict[str, Any], url: str, way_out: str) -> None:
    """At the start, before anybody relies on limits that are not there."""
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings | {"RATE_LIMIT_USER": "3 per hour", "REDIS_URL": url})

    (problem,) = caught.value.problems
    assert problem.startswith("REDIS_URL names ")
    assert way_out in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "http://hunter2@host",
        "redis://:hunter2@host:port/0",
        "redis://:hunter2@host/0?colour=red",
        "redis://:hunter2@host/0\n",
        "redis://:hunter2@host/0 ",
        "redis://one:1,two:2",
        "unix://",
        7,
    ],
)
def test_an_impossible_redis_url_stops_the_start(settings: dict[str, Any], url: object) -> None:
    """In a sentence that does not repeat it: it may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings | {"RATE_LIMIT_USER": "3 per hour", "REDIS_URL": url})

    (problem,) = caught.value.problems
    assert problem.startswith("REDIS_URL must be the URL of a Redis")
    assert "hunter2" not in problem


def test_the_environment_sets_the_limits(
    settings: dict[str, Any], authorize: Authorize, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As text, like the other settings; an empty text means no limit."""
    monkeypatch.setenv("FLASK_RATE_LIMIT_USER", "1 per hour")
    monkeypatch.setenv("FLASK_RATE_LIMIT_ADDRESS", "")

    assert statuses(create_app(settings).test_client(), 2, headers=authorize()) == [200, 429]


def test_processes_with_one_redis_count_together(
    settings: dict[str, Any], authorize: Authorize, redis: RedisServer
) -> None:
    """Redis holds no user id and no address."""
    limits = {"RATE_LIMIT_USER": "3 per hour", "RATE_LIMIT_ADDRESS": "100 per hour", "REDIS_URL": redis.url}
    one, other = limited(settings, **limits), limited(settings, **limits)

    assert statuses(one, 2, headers=authorize()) == [200, 200]
    assert statuses(other, 2, headers=authorize()) == [200, 429]
    keys = redis.keys()
    assert len(keys) == 2
    assert not any("alice" in key or "127.0.0.1" in key for key in keys)


def test_a_redis_that_stops_does_not_take_the_service_along(
    settings: dict[str, Any], authorize: Authorize, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Each process counts for itself until it is back, and says so once."""
    client = limited(settings, RATE_LIMIT_USER="3 per hour", REDIS_URL=redis.url)
    assert statuses(client, 2, headers=authorize()) == [200, 200]

    redis.stop()
    without = statuses(client, 4, headers=authorize())

    assert without == [200, 200, 200, 429]
    assert told(caplog) == [f"Redis cannot be reached at REDIS_URL. {MEANWHILE}"]

    redis.start()
    deadline = time.monotonic() + 60
    while not redis.keys():
        assert time.monotonic() < deadline, "Redis is back and is not used"
        client.get(ME, headers=authorize("bob"))
        time.sleep(0.1)
    assert told(caplog)[1:] == ["Redis counts the rate limits again."]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says of Redis, by whichever logger."""
    return [record.message for record in caplog.records if record.name in ("flask-limiter", "app.rate_limit_storage")]


def test_a_replica_is_told_apart_once(
    settings: dict[str, Any], authorize: Authorize, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It answers every question, and refuses to count; the log says what to do, and says so again after a recovery."""
    with RedisServer("--replicaof", "127.0.0.1", str(redis.port)) as replica:
        limits = {"RATE_LIMIT_USER": "3 per hour", "RATE_LIMIT_ADDRESS": "1000 per hour"}
        client = limited(settings, **limits, REDIS_URL=replica.url)
        lost = f"REDIS_URL leads to a replica, which cannot count: let it lead to the primary. {MEANWHILE}"

        first = statuses(client, 4, headers=authorize())
        # As long as Flask-Limiter takes to ask whether Redis is back.
        time.sleep(1.2)
        later = statuses(client, 4, headers=authorize())

        assert (first, later) == ([200, 200, 200, 429], [429] * 4)
        assert told(caplog) == [lost]

        replica.tell("REPLICAOF", "NO", "ONE")
        deadline = time.monotonic() + 60
        while not replica.keys():
            assert time.monotonic() < deadline, "the primary is not used"
            client.get(ME, headers=authorize("bob"))
            time.sleep(0.1)
        replica.tell("REPLICAOF", "127.0.0.1", redis.port)
        assert statuses(client, 1, headers=authorize("carol")) == [200]
        assert told(caplog) == [lost, "Redis counts the rate limits again.", lost]


def test_a_node_of_a_cluster_is_told_apart_once(
    settings: dict[str, Any], authorize: Authorize, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It counts for some users and refuses to for others, which is no way to count."""
    users = [f"user {number}" for number in range(12)]
    with cluster(tmp_path) as (node, _):
        client = limited(settings, RATE_LIMIT_USER="3 per hour", REDIS_URL=node.url)

        counts = {user: Counter(statuses(client, 8, headers=authorize(user))) for user in users}
        time.sleep(1.2)
        statuses(client, 4, headers=authorize(users[0]))

    assert [count[200] >= 3 and count[429] > 0 for count in counts.values()] == [True] * len(users)
    assert told(caplog) == [
        "REDIS_URL leads to a node of a cluster, which cannot count for all: let it lead to a Redis of no cluster. "
        f"{MEANWHILE}"
    ]


@pytest.mark.parametrize(
    ("arrangement", "sentence"),
    [
        (["CONFIG SET requirepass hunter2"], "Redis does not accept the user or the password in REDIS_URL"),
        (
            ["ACL SETUSER default -@scripting"],
            "Redis does not allow the user in REDIS_URL to count: that takes scripts, reading and writing",
        ),
        (["CONFIG SET maxmemory 1"], "Redis answers with an error (OutOfMemoryError)"),
    ],
    ids=["password", "rights", "memory"],
)
def test_a_redis_that_refuses_says_why_once(
    settings: dict[str, Any],
    authorize: Authorize,
    redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
    arrangement: list[str],
    sentence: str,
) -> None:
    """In words of ours; the service goes on."""
    for command in arrangement:
        redis.tell(*command.split())
    client = limited(settings, RATE_LIMIT_USER="3 per hour", REDIS_URL=redis.url)

    first = statuses(client, 4, headers=authorize())
    time.sleep(1.2)

    assert first == [200, 200, 200, 429]
    assert statuses(client, 2, headers=authorize()) == [429, 429]
    assert told(caplog) == [f"{sentence}. {MEANWHILE}"]


@pytest.mark.parametrize("scheme", ["unix", "redis+unix"])
def test_a_redis_is_reached_by_its_socket(
    settings: dict[str, Any], authorize: Authorize, tmp_path: Path, scheme: str
) -> None:
    """By either name there is for that."""
    path = tmp_path / "redis.sock"
    with RedisServer("--unixsocket", str(path)) as redis:
        client = limited(settings, RATE_LIMIT_USER="2 per hour", REDIS_URL=f"{scheme}://{path}?db=0")

        assert statuses(client, 3, headers=authorize()) == [200, 200, 429]
        assert len(redis.keys()) == 1


def test_requests_that_meet_the_outage_together_are_all_answered(
    settings: dict[str, Any], authorize: Authorize, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """From several threads, with no traceback in the log."""
    limits = {"RATE_LIMIT_USER": "1000 per hour", "RATE_LIMIT_ADDRESS": "1000 per hour"}
    app = create_app(settings | limits | {"REDIS_URL": redis.url})
    assert statuses(app.test_client(), 1, headers=authorize()) == [200]
    found: list[int] = []
    headers = authorize()

    redis.freeze()
    threads = [
        threading.Thread(target=lambda: found.extend(statuses(app.test_client(), 2, headers=headers))) for _ in range(8)
    ]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [200] * 16
    assert time.monotonic() - begun < BOUND
    assert not any(record.exc_info for record in caplog.records)


def test_a_redis_that_never_was_there_does_not_stop_the_start(settings: dict[str, Any], authorize: Authorize) -> None:
    """Nothing connects before the first request."""
    client = limited(settings, RATE_LIMIT_USER="2 per hour", REDIS_URL="redis://127.0.0.1:1/0")

    assert statuses(client, 3, headers=authorize()) == [200, 200, 429]


def test_a_redis_that_goes_while_a_refusal_is_worded_changes_nothing(
    settings: dict[str, Any], authorize: Authorize, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal then names the whole window."""
    client = limited(settings, RATE_LIMIT_USER="1 per hour", REDIS_URL=redis.url)
    (limiter,) = client.application.extensions["limiter"]
    hit = limiter.limiter.hit

    def hit_and_stop(*args: Any, **options: Any) -> bool:
        allowed: bool = hit(*args, **options)
        if not allowed:
            redis.stop()
        return allowed

    monkeypatch.setattr(limiter.limiter, "hit", hit_and_stop)
    assert statuses(client, 1, headers=authorize()) == [200]
    answer = client.get(ME, headers=authorize())

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(HOUR))


def test_no_refusal_lasts_longer_than_its_window(
    settings: dict[str, Any], authorize: Authorize, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the storage believes."""
    client = limited(settings, RATE_LIMIT_USER="1 per hour")
    (limiter,) = client.application.extensions["limiter"]
    monkeypatch.setattr(limiter.storage, "get_expiry", lambda _key: time.time() + 1000 * HOUR)
    assert statuses(client, 1, headers=authorize()) == [200]

    assert client.get(ME, headers=authorize()).headers["Retry-After"] == str(HOUR)


def test_the_document_names_the_refusal_wherever_it_may_come(client: FlaskClient) -> None:
    """429 with Retry-After in every operation but those of supervisors."""
    document = body_of(client.get("/openapi.json"))
    operations = [
        operation for path in document["paths"].values() for name, operation in path.items() if name != "parameters"
    ]
    silent = {operation["operationId"] for operation in operations if "429" not in operation["responses"]}
    answer = document["components"]["responses"]["RateLimitExceeded"]

    assert silent == {"getHealth", "getReadiness"}
    assert "Retry-After" in answer["headers"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
