"""A Flask app on a port of this machine, for browsers and other clients outside this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import make_server


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an app and return its origin."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def empty_page() -> Flask:
    """Return a site with one page, which has no content."""
    site = Flask("page", static_folder=None)
    site.add_url_rule("/", "page", lambda: "<!doctype html><link rel=icon href=data:,>")
    return site
