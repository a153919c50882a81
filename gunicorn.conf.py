"""How gunicorn serves the app; it finds this file by its name. Each number can be set in the environment or in .env.

HOST, PORT             where to listen (127.0.0.1, 8000)
WEB_CONCURRENCY        worker processes (2)
GUNICORN_THREADS       threads of each worker (2)
GUNICORN_TIMEOUT       seconds after which a silent worker is replaced (30)
GUNICORN_READ_TIMEOUT  seconds a client may stay silent in the middle of a request, or not read its answer (10)
GUNICORN_MAX_REQUESTS  requests after which a worker is replaced, 0 for never (0)
FORWARDED_ALLOW_IPS    addresses of proxies whose X-Forwarded-Proto is believed (none)
FLASK_LOG_FORMAT       text or json (text)
FLASK_AUTH_METRICS_PATH  path at which Prometheus reads the counts of all workers (none)
FLASK_AUTH_MAX_TOKEN_BYTES  bytes of the longest access token (8192); a field of a request may have 8192 more

``python gunicorn.conf.py`` starts nothing: it ends with one sentence if gunicorn could not start with these settings.
"""

from __future__ import annotations

import errno
import gc
import os
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent

# The app lies beside this file, wherever gunicorn was started and however it starts itself again.
if str(FOLDER) not in sys.path[:1]:
    sys.path.insert(0, str(FOLDER))

# ``wsgi.py`` says why.
gc.disable()

# ruff: noqa: E402 - the app is found by the path above
from app import counts
from app.environment import load_environment
from app.logs import RequestTextFilter
from app.metrics import is_counted
from app.unread_bodies import read_on_after_errors

gc.enable()

load_environment(FOLDER / ".env")

#: Seconds to wait for an address that another program still holds, as long as gunicorn itself waits.
ADDRESS_PATIENCE = 5

MOST_PORTS = 65535
#: What starts the server: ``make serve`` runs this file by itself first.
STARTED_BY = "make serve" if __name__ == "__main__" else "gunicorn"


def whole_number(name: str, default: int, *, minimum: int = 1, maximum: int) -> int:
    """Return a number from the environment; stop the start with one sentence if it is out of bounds."""
    text = os.environ.get(name) or str(default)
    # Python reads no numbers of thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and minimum <= int(text) <= maximum):
        raise SystemExit(f"{name} must be a whole number from {minimum} to {maximum}.")
    return int(text)


HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = whole_number("PORT", 8000, maximum=MOST_PORTS)

wsgi_app = "wsgi:app"
# An IPv6 address needs brackets.
bind = f"[{HOST}]:{PORT}" if ":" in HOST else f"{HOST}:{PORT}"

# Threads keep a worker answering while a slow client is being served. The second line makes it faster in bursts.
worker_class = "gthread"
worker_class = "app.fast.gunicorn_worker.YieldingThreadWorker"
workers = whole_number("WEB_CONCURRENCY", 2, maximum=1000)
threads = whole_number("GUNICORN_THREADS", 2, maximum=100)
# The app is made once, before the fork: impossible settings stop the start instead of worker after worker.
preload_app = True

timeout = whole_number("GUNICORN_TIMEOUT", 30, maximum=3600)
graceful_timeout = 30
keepalive = 5
read_timeout = whole_number("GUNICORN_READ_TIMEOUT", 10, maximum=3600)
max_requests = whole_number("GUNICORN_MAX_REQUESTS", 0, minimum=0, maximum=1_000_000)
max_requests_jitter = max_requests // 10

# The longest access token must reach the app, which refuses longer ones with its own answer. gunicorn sets no bound to
# this number itself, and keeps up to a hundred such fields of a request in memory.
LONGEST_TOKEN = whole_number("FLASK_AUTH_MAX_TOKEN_BYTES", 8192, minimum=128, maximum=1_048_576)
limit_request_line = 8190
limit_request_field_size = LONGEST_TOKEN + 8192
limit_request_fields = 100

# X-Forwarded-… is not trusted unless a proxy is named.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or ""
if not forwarded_allow_ips:
    secure_scheme_headers: dict[str, str] = {}

# Paths are text of the client, so the app writes its own log without them.
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


# A heartbeat file on a busy disk can block a worker until the master takes it for dead.
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - what is made there gets a name of its own
if Path(SHARED_MEMORY).is_dir():
    worker_tmp_dir = SHARED_MEMORY

COUNTS_ARE_WANTED = bool(os.environ.get("FLASK_AUTH_METRICS_PATH") or os.environ.get("FLASK_AUTH_METRICS") == "true")
if COUNTS_ARE_WANTED:
    if __name__ == "__main__":
        counts.operators_folder()
    else:
        counts.FOLDER.prepare(SHARED_MEMORY)


def post_fork(_server: Any, worker: Any) -> None:
    """Let a new worker write its counts."""
    if COUNTS_ARE_WANTED:
        counts.FOLDER.enter(worker.cfg.uid, worker.cfg.gid)


def child_exit(_server: Any, worker: Any) -> None:
    """Forget what only a living worker can say, such as the age of its keys. What it has counted stays."""
    if COUNTS_ARE_WANTED:
        # Not at the top of this file: it looks for the folder of the counts when it is imported.
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # it has no types


def on_starting(server: Any) -> None:
    """Stop with one sentence if the options or the address cannot be used, and forget counts of an earlier start."""
    if server.cfg.reuse_port:
        raise SystemExit("Leave out --reuse-port (reuse_port): with it, SIGHUP resets connections of waiting clients.")
    if server.cfg.worker_class_str == "gthread" != server.cfg.settings["worker_class"].get():
        raise SystemExit("Set GUNICORN_THREADS=1 for --worker-class sync: with more threads, gunicorn runs gthread.")
    # The app has been made by now (preload_app), and prometheus-client has looked for the folder.
    if is_counted(server.app.callable) and not COUNTS_ARE_WANTED:
        raise SystemExit(
            "Set FLASK_AUTH_METRICS_PATH or FLASK_AUTH_METRICS=true in the environment or in .env: from --env (raw_env)"
            " or from code it comes too late, and each worker would show only its own counts."
        )
    if COUNTS_ARE_WANTED:
        counts.FOLDER.begin(server.cfg.uid, server.cfg.gid, replacing=bool(server.master_pid))
    # A master that replaces another one, or that systemd has started, may inherit sockets that listen already.
    if not server.master_pid and "LISTEN_FDS" not in os.environ:
        for address in server.cfg.address:
            if isinstance(address, tuple):
                wait_for(address[0], address[1], server.log)


def wait_for(host: str, port: int, log: Any) -> None:
    """Return when the address is free; gunicorn would log each try as two errors, and not say what to do."""
    for attempt in range(ADDRESS_PATIENCE + 1):
        obstacle = obstacle_at(host, port)
        if obstacle is None:
            return
        if attempt == 0:
            log.warning("%s Trying again for %d seconds.", obstacle, ADDRESS_PATIENCE)
        if attempt < ADDRESS_PATIENCE:
            time.sleep(1)
    raise SystemExit(obstacle)


def obstacle_at(host: str, port: int) -> str | None:
    """Return why nothing can listen on an address, in one sentence, or None if something can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                free = port + 1 if port < MOST_PORTS else port - 1
                way_out = f"stop it, or choose a free port (PORT={free} {STARTED_BY})"
                return f"Another program listens on port {port} of {host}: {way_out}."
            return f"Cannot listen on port {port} of {host} (HOST and PORT): {error.strerror}."
        except TypeError:
            return "HOST must be the name or an address of this machine."
    return None


def when_ready(server: Any) -> None:
    """Keep text of clients out of the log, and share what the app has loaded with all workers.

    Objects that the garbage collector of a worker never visits stay in memory that the workers share.
    """
    server.log.error_log.addFilter(RequestTextFilter())
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Limit how long a silent client keeps a thread, and let gunicorn's own refusals reach a client that still sends.

    gunicorn's threads would wait for a request without end. TCP connections inherit the limit from the listening socket
    (Unix sockets do not). The worker sets it, not the master, because the worker always has the sockets.
    """
    limit = struct.pack("ll", read_timeout, 0)
    for listener in worker.sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    worker.handle_error = read_on_after_errors(worker.handle_error)


# Nothing here needs a control socket. Older versions of gunicorn have none and ignore the name.
control_socket_disable = True

if __name__ == "__main__" and (obstacle := obstacle_at(HOST, PORT)):
    sys.exit(obstacle)
