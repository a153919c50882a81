"""What the services are asked: fifty users, each with a token that comes again and again, as in life."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from auth.testing import TokenIssuer
from benchmarks.content import task_id
from benchmarks.load import Request, write_requests

SECRET = "b3nchmarks-only-4f1c9e07d2a84b56a9d1e3c7f0"
ISSUER = TokenIssuer(SECRET)

#: Seconds for which a token is valid: longer than any run.
LIFETIME = 86_400

USERS = tuple(f"user{number:02}" for number in range(50))

#: Tasks of each user, where nothing else is said.
TASKS = 200

LIST, GET, CREATE = "list of 20", "get one", "create"

#: The title of what a burst creates, to be found by afterwards.
CREATED = "Created under load"
_BODY = f'{{"title": "{CREATED}", "description": "What has to be done, in a few words that take some room."}}'

OPERATIONS: dict[str, Callable[[str, dict[str, str]], Request]] = {
    LIST: lambda user_id, headers: Request(f"/api/{user_id}/tasks?limit=20", headers),
    GET: lambda user_id, headers: Request(f"/api/{user_id}/tasks/{task_id(0)}", headers),
    CREATE: lambda user_id, headers: Request(f"/api/{user_id}/tasks", headers, "POST", _BODY),
}


def authorization(user_id: str) -> dict[str, str]:
    """Return the request headers with a new token for a user."""
    return ISSUER.authorization(user_id, expires_in=LIFETIME)


def write_traffic(folder: Path) -> dict[str, Path]:
    """Write the requests of every operation into a folder and return its file."""
    headers = {user_id: authorization(user_id) for user_id in USERS}
    files = {operation: folder / operation.replace(" ", "-") for operation in OPERATIONS}
    for operation, request in OPERATIONS.items():
        write_requests(files[operation], [request(user_id, headers[user_id]) for user_id in USERS])
    return files


def write_many_tokens(file: Path, count: int) -> None:
    """Write requests with so many different tokens, in no order."""
    users = random.Random(0).choices(USERS, k=count)  # noqa: S311 - whose turn it is is no secret
    write_requests(file, [OPERATIONS[GET](user_id, authorization(user_id)) for user_id in users])
