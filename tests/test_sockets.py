"""Flask-SocketIO and flask-sock as docs/sockets.md shows them, with real servers and real clients."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import simple_websocket
import socketio
from flask import Flask
from flask_socketio import SocketIO

from auth import ResourceServer, current_token, owns_path_user, public, require_jwt
from auth.errors import MisuseError
from auth.testing import TokenIssuer
from tests.support.documentation import executed, snippets
from tests.support.lifetimes import A_DAY
from tests.support.served_app import served
from tests.support.services import SECRET, SETTINGS

NAME, AUDIENCE = "https://login.example.com", "https://api.example.com"
ISSUER = TokenIssuer(SECRET, issuer=NAME, audience=AUDIENCE)

#: The clients leave their sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")

#: Seconds a client waits for what has to come.
PATIENCE = 10


class Clock:
    """The time that an app sees; a test may go ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def recipe(word: str) -> dict[str, Any]:
    """Run the snippet of the page that holds a word, with a shared secret and a clock that can be moved."""
    (code,) = [snippet for snippet in snippets("sockets.md", "python") if word in snippet]
    code = code.replace("AUTH_DISCOVERY=True", f"AUTH_SECRET={SECRET!r}")
    return executed(code.replace("ResourceServer(app)", "ResourceServer(app, clock=clock)"), clock=Clock())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def rooms() -> Iterator[tuple[dict[str, Any], str]]:
    """Return the recipe for Flask-SocketIO, with an error handler that swallows everything, and its origin."""
    namespace = recipe("import ConnectionRefusedError")
    namespace["sockets"].on_error_default(lambda _error: None)
    with served(namespace["app"]) as origin:
        yield namespace, origin


@pytest.fixture(autouse=True)
def now(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put the clocks back after each test, and close what its clients have left open."""
    yield
    gc.collect()
    for name in {"rooms", "talks"} & {*request.fixturenames}:
        request.getfixturevalue(name)[0]["clock"].ahead = 0


@contextmanager
def connected(origin: str, auth: object, refusals: list[Any] | None = None) -> Iterator[socketio.Client]:
    """Connect a real client; ``refusals`` gets what it is told when it is turned away."""
    client = socketio.Client(reconnection=False)
    for name in ("refused", "connect_error"):
        client.on(name, [].append if refusals is None else refusals.append)
    try:
        client.connect(origin, auth=auth, transports=["websocket"], wait_timeout=PATIENCE)
        yield client
    finally:
        client.disconnect()


def test_a_caller_with_a_token_may_send_events(rooms: tuple[dict[str, Any], str]) -> None:
    """The token comes in ``auth``, which browsers can send."""
    _, origin = rooms

    with connected(origin, {"token": ISSUER.issue("alice")}) as client:
        assert client.call("rename", "Notes", timeout=PATIENCE) == {"title": "Notes", "renamed_by": "alice"}


@pytest.mark.parametrize("auth", [None, {"token": "forged"}])
def test_a_stranger_is_told_why_there_is_no_connection(rooms: tuple[dict[str, Any], str], auth: object) -> None:
    """The error handler of the service does not make one of it."""
    namespace, origin = rooms
    refusals: list[Any] = []
    known = {*namespace["tokens"]}

    with pytest.raises(socketio.exceptions.ConnectionError), connected(origin, auth, refusals):
        pass

    assert [refusal["data"] for refusal in refusals] == [{"error": "malformed_token"}]
    assert namespace["tokens"].keys() <= known


@pytest.mark.parametrize("auth", [[], "token", {}, {"token": None}, {"token": 5}, {"token": {"a": 1}}])
def test_nothing_that_is_sent_in_place_of_a_token_makes_a_connection(auth: Any) -> None:
    """JSON has more than texts."""
    namespace = recipe("import ConnectionRefusedError")

    client = namespace["sockets"].test_client(namespace["app"], auth=auth)

    assert not client.is_connected()


def test_an_event_after_the_token_has_expired_is_refused_and_ends_the_connection(
    rooms: tuple[dict[str, Any], str],
) -> None:
    """RFC 7519 §4.1.4: the token must no longer be accepted."""
    namespace, origin = rooms
    clock = namespace["clock"]
    ran: list[str] = []
    refusals: list[Any] = []
    namespace["sockets"].on("note")(namespace["authenticated"](lambda caller: ran.append(caller.user_id)))

    with connected(origin, {"token": ISSUER.issue("alice", expires_in=60)}, refusals) as client:
        client.call("note", timeout=PATIENCE)
        sid = client.get_sid()
        clock.ahead = 3600
        client.emit("note")
        wait_until(lambda: not client.connected and sid not in namespace["tokens"])

    assert ran == ["alice"]
    assert refusals == [{"error": "token_expired"}]


def test_a_connection_that_says_nothing_can_be_closed_when_its_token_expires(
    rooms: tuple[dict[str, Any], str],
) -> None:
    """Otherwise it would go on receiving what the service sends."""
    namespace, origin = rooms
    clock = namespace["clock"]

    with connected(origin, {"token": ISSUER.issue("alice", expires_in=60)}) as client:
        namespace["close_expired"]()
        assert client.call("rename", "Notes", timeout=PATIENCE)["renamed_by"] == "alice"
        clock.ahead = 3600
        namespace["close_expired"]()
        wait_until(lambda: not client.connected)


def guarded_sockets(*, swallow: bool, event: str) -> tuple[Flask, SocketIO, list[str]]:
    """Return an app whose handler for one event has a guard, which is a mistake, and what its handlers have run."""
    app, ran = Flask("guarded"), []
    app.config.update(SETTINGS, AUTH_ISSUER=NAME, AUTH_AUDIENCE=AUDIENCE, SECRET_KEY="k")

    @app.get("/<path:anything>")
    @public
    def page(anything: str) -> str:
        return anything

    ResourceServer(app)
    sockets = SocketIO(app, async_mode="threading")

    def handler_of(name: str) -> Callable[..., None]:
        def handler(*data: Any) -> None:
            ran.append(name)

        return require_jwt(handler) if name == event else handler

    for name in ("connect", "message"):
        sockets.on(name)(handler_of(name))
    if swallow:
        sockets.on_error_default(lambda _error: None)
    return app, sockets, ran


@pytest.mark.parametrize("swallow", [True, False])
@pytest.mark.parametrize(
    "headers", [{}, ISSUER.authorization("alice", expires_in=A_DAY)], ids=["a stranger", "a caller with a token"]
)
def test_a_guard_on_connect_connects_nobody_and_says_what_to_do(
    swallow: bool, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """An error handler cannot turn the refusal into a connection on which other handlers run."""
    app, sockets, ran = guarded_sockets(swallow=swallow, event="connect")

    client = sockets.test_client(app, headers=headers)

    assert not client.is_connected()
    assert ran == []
    assert [record.message for record in caplog.records if "docs/sockets.md" in record.message] == [
        "A guard was called outside of an HTTP request, such as in a socket handler, a command or a background task. "
        'Verify the token there by app.extensions["resource_server"].verify(token), as docs/sockets.md shows.'
    ]


@pytest.mark.parametrize("swallow", [True, False])
def test_a_guard_on_an_event_runs_it_for_nobody(swallow: bool) -> None:
    """The error is not swallowed either, so that the first test of the service shows it."""
    app, sockets, ran = guarded_sockets(swallow=swallow, event="message")
    client = sockets.test_client(app, headers=ISSUER.authorization("alice"))

    with pytest.raises(MisuseError, match="outside of an HTTP request"):
        client.send("hello")

    assert ran == ["connect"]


def test_the_client_is_not_told_what_the_service_did_wrong() -> None:
    """A real client gets one sentence."""
    app, _, _ = guarded_sockets(swallow=True, event="connect")

    refusals: list[Any] = []

    with served(app) as origin, pytest.raises(socketio.exceptions.ConnectionError), connected(origin, None, refusals):
        pass

    assert refusals == [{"message": "Access to this resource has not been configured."}]


def test_current_token_in_a_socket_handler_says_what_to_do() -> None:
    """Not that a guard is missing."""
    app, sockets, _ = guarded_sockets(swallow=False, event="none")
    sockets.on("whoami")(lambda: current_token.user_id)
    client = sockets.test_client(app, headers=ISSUER.authorization("alice"))

    with pytest.raises(MisuseError, match=r"current_token was read outside of an HTTP request"):
        client.emit("whoami")


@pytest.fixture(scope="module")
def talks() -> Iterator[tuple[dict[str, Any], str]]:
    """Return the recipe for flask-sock and its origin."""
    namespace = recipe("import Sock")

    @owns_path_user
    def of_user(ws: Any, user_id: str) -> None:
        ws.receive()
        ws.send(f"of {user_id}, for {current_token.user_id}")

    namespace["sock"].route("/users/<user_id>")(of_user)
    with served(namespace["app"]) as origin:
        yield namespace, origin


@contextmanager
def talking(origin: str, path: str, headers: dict[str, str] | None = None) -> Iterator[simple_websocket.Client]:
    client = simple_websocket.Client.connect(f"{origin.replace('http', 'ws', 1)}{path}", headers=headers)
    try:
        yield client
    finally:
        if client.connected:
            client.close()


def closed_with(client: simple_websocket.Client) -> tuple[int, str]:
    with pytest.raises(simple_websocket.ConnectionClosed) as closed:
        client.receive(timeout=PATIENCE)
    return int(closed.value.reason), closed.value.message


def test_a_guard_on_a_route_of_flask_sock_lets_a_caller_in(talks: tuple[dict[str, Any], str]) -> None:
    """The token comes in the ``Authorization`` field of the handshake."""
    _, origin = talks

    with talking(origin, "/programs", ISSUER.authorization("alice", scopes=["talk"])) as client:
        # It reads on only when something comes after the handshake.
        client.send("hi")
        assert client.receive(timeout=PATIENCE) == "hello alice"
        assert client.receive(timeout=PATIENCE) == "alice: hi"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/programs", {}, 401),
        ("/programs", {"Authorization": "Bearer forged"}, 401),
        ("/programs", ISSUER.authorization("alice", expires_in=A_DAY), 403),
        ("/users/alice", {}, 401),
        ("/users/alice", ISSUER.authorization("bob", expires_in=A_DAY), 403),
    ],
)
def test_a_guard_on_a_route_of_flask_sock_refuses_before_the_handshake(
    talks: tuple[dict[str, Any], str], path: str, headers: dict[str, str], status: int
) -> None:
    """With an HTTP answer, as everywhere."""
    _, origin = talks

    with pytest.raises(simple_websocket.ConnectionError) as refused, talking(origin, path, headers):
        pass

    assert refused.value.status_code == status


def test_an_owner_reaches_a_socket_under_their_own_path(talks: tuple[dict[str, Any], str]) -> None:
    """The socket comes before the variables of the path in the arguments of a view."""
    _, origin = talks

    with talking(origin, "/users/alice", ISSUER.authorization("alice")) as client:
        client.send("")
        assert client.receive(timeout=PATIENCE) == "of alice, for alice"


def test_a_browser_sends_its_token_as_the_first_message(talks: tuple[dict[str, Any], str]) -> None:
    """It cannot send header fields with a handshake."""
    _, origin = talks

    with talking(origin, "/browsers") as client:
        client.send(ISSUER.issue("alice"))
        assert client.receive(timeout=PATIENCE) == "hello alice"
    for first in ("forged", b"\xff\x00"):
        with talking(origin, "/browsers") as client:
            client.send(first)
            assert closed_with(client) == (1008, "malformed_token")


@pytest.mark.parametrize("path", ["/programs", "/browsers"])
def test_a_message_after_the_token_has_expired_ends_the_connection(
    talks: tuple[dict[str, Any], str], path: str
) -> None:
    """The guard has looked at it at the handshake only."""
    namespace, origin = talks
    clock = namespace["clock"]
    token = ISSUER.issue("alice", scopes=["talk"], expires_in=60)

    with talking(origin, path, {"Authorization": f"Bearer {token}"}) as client:
        client.send(token if path == "/browsers" else "hi")
        assert client.receive(timeout=PATIENCE) == "hello alice"
        if path == "/programs":
            assert client.receive(timeout=PATIENCE) == "alice: hi"
        clock.ahead = 3600
        client.send("hi")
        assert closed_with(client) == (1008, "token_expired")
