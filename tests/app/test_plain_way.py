"""Outside of ``app/fast`` the service uses only what marshmallow, SQLAlchemy, psycopg and gunicorn support."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environments import ROOT

DATABASES = ("sqlite",)

FILES = [
    *(path for path in sorted((ROOT / "app").rglob("*.py")) if "fast" not in path.relative_to(ROOT).parts),
    ROOT / "gunicorn.conf.py",
    ROOT / "wsgi.py",
]

#: Documented in spite of their names: of named tuples, and the method that a field of marshmallow overrides.
DOCUMENTED = {"_fields", "_asdict", "_make", "_replace", "_deserialize"}

#: Of flask-smorest. It has no other way to note a response on all operations of a blueprint, to leave a header out of
#: the document, and to change the document as it is served.
FLASK_SMOREST = {"_prepare_doc_cbks", "_register_pagination_header", "_openapi_json"}

#: What is not supported and has no underscore, or may be reached by other means than an attribute.
UNSUPPORTED = re.compile(
    r"\b(_hooks|_serialize|bind_processor|result_processor|DBAPIError\.instance|is_disconnect|nr_conns|keepalived_conns"
    r"|pending_conns|_expected_100_continue|_prepared_idx|_fetch_gen|result_queue|ensure_sync"
    r"|from gunicorn|import gunicorn)\b"
)


def private_members(tree: ast.Module) -> Iterator[str]:
    """Yield each private attribute that a module uses or overrides, and does not define as its own."""
    own = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    own |= {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    methods = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in own | methods
            if not is_own:
                yield node.attr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_member_of_a_library_is_used(path: Path) -> None:
    """They may change with any release."""
    text = path.read_text()

    assert set(private_members(ast.parse(text))) - DOCUMENTED - FLASK_SMOREST == set()
    assert UNSUPPORTED.findall(text) == []


def test_the_short_ways_are_named_in_two_files() -> None:
    """One call in the composition with its import, and one line of gunicorn's configuration."""
    named = {
        path.relative_to(ROOT).as_posix(): [
            line.strip()
            for line in path.read_text().splitlines()
            if re.search(r"app\.fast\.|app\.fast import|take_short_ways", line)
        ]
        for path in FILES
    }

    assert {name: lines for name, lines in named.items() if lines} == {
        "app/__init__.py": ["from app.fast import take_short_ways", "take_short_ways(app)"],
        "gunicorn.conf.py": ['worker_class = "app.fast.gunicorn_worker.YieldingThreadWorker"'],
    }


@pytest.mark.parametrize("path", sorted((ROOT / "app" / "fast").glob("[a-z]*.py")), ids=lambda path: path.name)
def test_each_short_way_says_first_what_it_is_worth(path: Path) -> None:
    """So that everybody can judge whether it is worth keeping."""
    assert re.search(r"\d", path.read_text().partition("\n")[0])
