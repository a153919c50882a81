"""The tasks API as ``wsgi.py`` makes it, with headers that say which worker answered, and how it collects garbage.

With ``TOKEN_AT_IMPORT``, a token, the keys are used once before gunicorn forks, if it loads the app before.
"""

from __future__ import annotations

import gc
import os

from flask import Response

from wsgi import app


@app.after_request
def name_worker(response: Response) -> Response:
    """Put the process id into the answer, the number of objects that are never collected, and whether others are."""
    response.headers["X-Worker"] = str(os.getpid())
    response.headers["X-Frozen"] = str(gc.get_freeze_count())
    response.headers["X-Collects"] = str(gc.isenabled())
    return response


if token := os.environ.get("TOKEN_AT_IMPORT"):
    answer = app.test_client().get("/api/me", headers={"Authorization": f"Bearer {token}"})
    # Goes into the log of gunicorn, where the test looks for it.
    app.logger.warning("%s was answered with %d", __name__, answer.status_code)
