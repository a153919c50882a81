"""One request through a WSGI app without a server: what the code of a service takes, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flask import Flask


def microseconds(app: Flask, status: int, environ: dict[str, Any]) -> float:
    """Return how long the app takes for a request, from the first line of it to the last byte of the answer."""
    answered = ""

    def start_response(line: str, *_: object) -> Callable[[bytes], object]:
        nonlocal answered
        answered = line
        return lambda _: None

    start = time.perf_counter()
    answer = app.wsgi_app(environ, start_response)
    body = b"".join(answer)
    getattr(answer, "close", bool)()
    taken = time.perf_counter() - start
    assert answered.startswith(f"{status} "), (answered, body)
    return taken * 1e6
