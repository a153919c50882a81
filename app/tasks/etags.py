"""Entity tags of tasks (RFC 9110 §8.8.3): the version in quotes, and what a client's conditions say about it.

This module only reads and writes header values. The store compares versions, in the statement that writes.
"""

from __future__ import annotations

import re

from flask import request
from werkzeug.exceptions import BadRequest

from app.tasks.models import Task

#: The versions that the database can hold. A longer number is not one of our tags.
VERSION = re.compile(r"[1-9][0-9]{0,17}")

#: The most entity tags in one header: more than any client holds versions.
MOST_TAGS = 50


def headers_of(task: Task) -> dict[str, str]:
    """Return the headers that tell a client which version it holds."""
    return {"ETag": f'"{task.version}"'}


def expected_versions() -> frozenset[int] | None:
    """Return the versions that ``If-Match`` allows to overwrite, or None for any.

    ``*`` is any version. Weak tags never match (RFC 9110 §13.1.1), tags that are not ours match nothing.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    tags = request.if_match.as_set()
    if len(tags) > MOST_TAGS:
        raise BadRequest("If-Match names too many versions.")
    # werkzeug turns the empty tag, "", into None.
    return frozenset(int(tag) for tag in tags if tag and VERSION.fullmatch(tag))


def client_holds(task: Task) -> bool:
    """Tell whether ``If-None-Match`` names the version there is (weak comparison, RFC 9110 §13.1.2)."""
    return "If-None-Match" in request.headers and request.if_none_match.contains_weak(str(task.version))
