"""The short way to the driver gives what SQLAlchemy would give, and fails as it would."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.fast import SHORT_WAYS
from app.fast.statements import driver_connection
from app.tasks.errors import PreconditionFailedError, TaskNotFoundError
from app.tasks.models import tasks
from app.tasks.pages import Cursor, Sort
from app.tasks.store import TaskStore
from tests.support.stores import PLAIN_WAYS, create_database
from tests.support.tasks_api import Clock, keep

CONTENT = {"title": "Buy milk", "description": None, "completed": True}


@pytest.fixture
def stores(database_url: str) -> Iterator[dict[str, TaskStore]]:
    """Return two stores of the same tasks: one that takes the short way, and one that goes by SQLAlchemy alone."""
    clock = Clock()
    databases = {
        "short": create_database(database_url, ways=SHORT_WAYS),
        "long": create_database(database_url, ways=PLAIN_WAYS),
    }
    yield {name: TaskStore(database.run, clock) for name, database in databases.items()}
    for database in databases.values():
        database.engine.dispose()


def test_both_ways_read_the_same(stores: dict[str, TaskStore]) -> None:
    """Whichever way has written it: every column, its type, lists in every order, and the counts."""
    for store in stores.values():
        keep(store, "Buy milk")
        keep(store, "Ändern 😀", completed=True)
        store.create("alice", {"title": "%s :owner %(owner)s", "description": "'; --\\", "completed": False})
    cursor = Cursor.at(stores["long"].page("alice", limit=3).items[2], Sort.NEWEST, backward=False)

    for ask in (
        lambda store: store.summary("alice"),
        lambda store: [store.page("alice", limit=9, sort=sort) for sort in Sort],
        lambda store: store.page("alice", limit=9, completed=True),
        lambda store: store.page("alice", limit=9, cursor=cursor),
        lambda store: store.page("alice", limit=9, text="%S :OWNER"),
        lambda store: [store.get("alice", task.id) for task in store.page("alice", limit=9).items],
        lambda store: store.page("nobody", limit=9),
    ):
        short, long = ask(stores["short"]), ask(stores["long"])
        assert short == long
        assert repr(short) == repr(long)


@pytest.mark.parametrize("way", ["short", "long"])
def test_both_ways_write_the_same(stores: dict[str, TaskStore], way: str) -> None:
    """Create, repeat, change, toggle and delete, with versions and without."""
    store, other = stores[way], stores["long" if way == "short" else "short"]
    task, is_new = store.create("alice", CONTENT, uuid.uuid4())

    assert is_new
    assert store.create("alice", CONTENT, task.id) == (task, False)
    assert other.get("alice", task.id) == task
    for changed in (
        store.change("alice", task.id, {"title": "Buy tea", "description": "Green."}, {7, task.version}),
        store.toggle("alice", task.id),
        store.toggle("alice", task.id, {task.version + 2}),
    ):
        assert type(changed) is type(task)
    assert other.get("alice", task.id) == changed
    for versions in (set(), {1}, {1, 2}):
        with pytest.raises(PreconditionFailedError):
            store.delete("alice", task.id, versions)
    store.delete("alice", task.id, {changed.version, 1})
    with pytest.raises(TaskNotFoundError):
        other.get("alice", task.id)


def test_a_failed_statement_is_an_error_of_sqlalchemys(own_database: Database, own_store: TaskStore) -> None:
    """With the driver's inside, and without the values; the connection works for the next statement."""
    task = keep(own_store)

    with pytest.raises(IntegrityError) as caught:
        own_store.run("alice", tasks.insert(), {**task._asdict(), "creation": None})

    assert isinstance(caught.value.orig, own_database.engine.dialect.loaded_dbapi.Error)
    assert task.title not in str(caught.value)
    assert own_store.get("alice", task.id) == task


def test_a_connection_goes_back_to_the_pool_whatever_happens(own_database: Database) -> None:
    """Also where the fault is ours."""
    with pytest.raises(LookupError), driver_connection(own_database.engine):
        raise LookupError

    assert own_database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool's
