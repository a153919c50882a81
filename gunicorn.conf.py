"""How gunicorn serves the app; it finds this file by its name. Each number can be set in the environment or in .env.

HOST, PORT             where to listen (127.0.0.1, 8000)
WEB_CONCURRENCY        worker processes (2)
GUNICORN_THREADS       threads of each worker (4)
GUNICORN_TIMEOUT       seconds after which a silent worker is replaced (30)
GUNICORN_READ_TIMEOUT  seconds a client may stay silent in the middle of a request, or not read its answer (10)
GUNICORN_MAX_REQUESTS  requests after which a worker is replaced, 0 for never (0)
FORWARDED_ALLOW_IPS    addresses of proxies whose X-Forwarded-Proto is believed (none)
FLASK_LOG_FORMAT       text or json (text)
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from dotenv import load_dotenv

FOLDER = Path(__file__).resolve().parent
load_dotenv(FOLDER / ".env", override=False)

# The app lies beside this file, wherever gunicorn was started and however it starts itself again.
if str(FOLDER) not in sys.path[:1]:
    sys.path.insert(0, str(FOLDER))


def whole_number(name: str, default: int, minimum: int = 1, maximum: int = 1_000_000) -> int:
    """Return a number from the environment; stop the start with one sentence where it is none."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
        raise SystemExit(f"{name} must be a whole number from {minimum} to {maximum}.")
    return int(text)


def address() -> str:
    """Return where to listen; an IPv6 address needs brackets there."""
    host = os.environ.get("HOST") or "127.0.0.1"
    return f"{f'[{host}]' if ':' in host else host}:{whole_number('PORT', 8000, maximum=65535)}"


wsgi_app = "wsgi:app"
bind = address()

# Threads keep a worker answering while a slow client is being served.
worker_class = "gthread"
workers = whole_number("WEB_CONCURRENCY", 2)
threads = whole_number("GUNICORN_THREADS", 4)
# The app is made once, before the fork: impossible settings stop the start instead of worker after worker.
preload_app = True

timeout = whole_number("GUNICORN_TIMEOUT", 30)
graceful_timeout = 30
keepalive = 5
read_timeout = whole_number("GUNICORN_READ_TIMEOUT", 10)
max_requests = whole_number("GUNICORN_MAX_REQUESTS", 0, minimum=0)
max_requests_jitter = max_requests // 10

# An access token of 8192 bytes must reach the app, which refuses longer ones with its own answer.
limit_request_line = 8190
limit_request_field_size = 16384
limit_request_fields = 100

# Nobody's X-Forwarded-… is believed unless a proxy is named.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or ""
if not forwarded_allow_ips:
    secure_scheme_headers: dict[str, str] = {}

# Paths are text of the client's; the app writes its own log without them.
accesslog = None
errorlog = "-"

if os.environ.get("FLASK_LOG_FORMAT") == "json":
    # gunicorn's own lines in the format of the app's.
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "app.logs.JSONFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
        "root": {"level": "WARNING", "handlers": []},
    }


def when_ready(server: Any) -> None:
    """Bound what a silent client can hold up, and keep its words out of the log.

    gunicorn's threads wait for a request without end; TCP connections inherit this from the socket they come in by
    (Unix sockets do not).
    """
    # Not before: the folder of the app is on the path by now.
    from app.logs import RequestTextFilter

    timeout = struct.pack("ll", read_timeout, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
    server.log.error_log.addFilter(RequestTextFilter())


def post_worker_init(worker: Any) -> None:
    """Let gunicorn's own refusals arrive too, while the client is still sending."""
    from app.unread_bodies import read_on_after_errors

    worker.handle_error = read_on_after_errors(worker.handle_error)


def pre_request(_worker: Any, request: Any) -> None:
    """Let the app say ``100 Continue`` when it reads the body (:mod:`app.unread_bodies`); gunicorn says it at once."""
    request._expected_100_continue = False


# A heartbeat on a busy disk can block a worker until it is taken for dead.
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes a file of its own there
if Path(SHARED_MEMORY).is_dir():
    worker_tmp_dir = SHARED_MEMORY

# Nothing here needs to be steered through a socket. Older gunicorns know none and ignore the name.
control_socket_disable = True
