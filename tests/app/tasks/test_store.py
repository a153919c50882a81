"""The store on its own: every operation, the wall between users, versions, and pages by key."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event

from app.database import create_database_engine
from app.tasks.models import Task, UTCDateTime
from app.tasks.pages import Cursor, Sort
from app.tasks.store import PreconditionFailedError, TaskNotFoundError, TaskStore

START = datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC)


class Clock:
    """A clock that moves on by one second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return the time and move on."""
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def store(database_url: str) -> Iterator[TaskStore]:
    """Return a store of this test's own, on a clock that needs no waiting."""
    engine = create_database_engine(database_url)
    yield TaskStore(engine, Clock())
    engine.dispose()


def create(store: TaskStore, title: str = "Buy milk", *, user_id: str = "alice", completed: bool = False) -> Task:
    """Keep a task."""
    return store.create(user_id, {"title": title, "description": None, "completed": completed})


def walk(store: TaskStore, limit: int, sort: Sort) -> list[Task]:
    """Return all tasks of alice, page by page."""
    page = store.page("alice", limit=limit, sort=sort)
    found = page.items
    while page.next:
        page = store.page("alice", limit=limit, sort=sort, cursor=page.next)
        found = [*found, *page.items]
    return found


def test_a_created_task_is_read_back_as_it_was(store: TaskStore) -> None:
    """Microseconds and time zone survive the database."""
    created = create(store)

    assert store.get("alice", created.id) == created
    assert created.created_at == START + timedelta(seconds=1)
    assert created.created_at.tzinfo is UTC
    assert created.version == 1


def test_a_time_of_another_zone_is_kept_as_the_same_instant(store: TaskStore) -> None:
    """The database knows UTC only."""
    clock = datetime(2026, 6, 1, 2, 0, tzinfo=timezone(timedelta(hours=2)))

    created = create(TaskStore(store.engine, lambda: clock))

    assert store.get("alice", created.id).created_at == datetime(2026, 6, 1, 0, 0, tzinfo=UTC)


def test_a_naive_time_is_refused(store: TaskStore) -> None:
    """Nobody knows which instant it means."""
    with pytest.raises(ValueError, match="no instant"):
        UTCDateTime().process_bind_param(datetime(2026, 1, 1), store.engine.dialect)  # noqa: DTZ001


def test_null_times_pass_both_ways(store: TaskStore) -> None:
    """The type leaves NULL to the column."""
    kind = UTCDateTime()

    assert kind.process_bind_param(None, store.engine.dialect) is None
    assert kind.process_result_value(None, store.engine.dialect) is None


def test_another_users_task_is_not_found(store: TaskStore) -> None:
    """The second wall: no operation reaches over it, whatever id it is given."""
    task = create(store)

    for attempt in (
        lambda: store.get("bob", task.id),
        lambda: store.change("bob", task.id, {"title": "Stolen"}),
        lambda: store.change("bob", task.id, {}),
        lambda: store.toggle("bob", task.id),
        lambda: store.delete("bob", task.id),
    ):
        with pytest.raises(TaskNotFoundError):
            attempt()
    assert store.page("bob", limit=10).items == []
    assert store.get("alice", task.id) == task


def test_a_change_sets_only_what_it_names(store: TaskStore) -> None:
    """Version and time of the last write move on."""
    task = create(store)

    changed = store.change("alice", task.id, {"description": "The blue one."})

    assert (changed.title, changed.description, changed.completed) == ("Buy milk", "The blue one.", False)
    assert changed.version == 2
    assert changed.created_at == task.created_at < changed.updated_at


def test_a_change_of_nothing_changes_nothing(store: TaskStore) -> None:
    """Neither the version nor the time."""
    task = create(store)

    assert store.change("alice", task.id, {}) == task


def test_toggling_turns_completion_over_each_time(store: TaskStore) -> None:
    """Open, completed, open."""
    task = create(store)

    states = [store.toggle("alice", task.id).completed for _ in range(3)]

    assert states == [True, False, True]


def test_no_toggle_is_lost_among_threads(store: TaskStore) -> None:
    """Forty at once are forty: the statement reads what it turns over."""
    task = create(store)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.toggle("alice", task.id), range(40)))

    after = store.get("alice", task.id)
    assert after.version == 41
    assert after.completed is False


def test_of_two_writers_with_the_same_version_one_wins(store: TaskStore) -> None:
    """The comparison is part of the write, so there is no moment between the two."""
    task = create(store)

    def write(number: int) -> bool:
        try:
            store.change("alice", task.id, {"title": f"By {number}"}, {task.version})
        except PreconditionFailedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))

    assert won.count(True) == 1
    assert store.get("alice", task.id).version == 2


@pytest.mark.parametrize("versions", [set(), {2}, {2, 3}], ids=["none of ours", "another", "two others"])
def test_a_write_to_another_version_is_refused(store: TaskStore, versions: set[int]) -> None:
    """Change, toggle, delete, and the change of nothing alike."""
    task = create(store)

    for attempt in (
        lambda: store.change("alice", task.id, {"title": "Late"}, versions),
        lambda: store.change("alice", task.id, {}, versions),
        lambda: store.toggle("alice", task.id, versions),
        lambda: store.delete("alice", task.id, versions),
    ):
        with pytest.raises(PreconditionFailedError):
            attempt()
    assert store.get("alice", task.id) == task


def test_one_matching_version_of_several_is_enough(store: TaskStore) -> None:
    """If-Match may list tags."""
    task = create(store)

    assert store.change("alice", task.id, {"title": "In time"}, {7, 1}).version == 2
    assert store.change("alice", task.id, {}, {2}).version == 2
    store.delete("alice", task.id, {2})
    with pytest.raises(TaskNotFoundError):
        store.get("alice", task.id)


def test_a_missing_task_is_missing_whatever_version_is_expected(store: TaskStore) -> None:
    """404 comes before 412."""
    with pytest.raises(TaskNotFoundError):
        store.change("alice", uuid.uuid4(), {"title": "Nothing"}, {1})


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_show_every_task_once_and_in_order(store: TaskStore, sort: Sort, limit: int) -> None:
    """Also where keys are equal: the id decides then."""
    tasks = [create(store, title) for title in ("b", "a", "b", "C", "é", "b")]
    store.toggle("alice", tasks[1].id)
    create(store, "a", user_id="bob")
    current = [store.get("alice", task.id) for task in tasks]
    expected = sorted(current, key=lambda task: (getattr(task, sort.field), task.id.hex), reverse=sort.descending)

    assert walk(store, limit, sort) == expected


def test_the_last_page_has_no_next_even_when_it_is_full(store: TaskStore) -> None:
    """Nobody should fetch an empty page."""
    for _ in range(2):
        create(store)

    assert store.page("alice", limit=2).next is None


def test_a_page_goes_on_where_it_ended_when_tasks_come_and_go(store: TaskStore) -> None:
    """By key, not by offset: nothing is skipped and nothing shown twice."""
    tasks = [create(store, str(number)) for number in range(4)]
    first = store.page("alice", limit=2)
    create(store, "new")
    store.delete("alice", tasks[3].id)

    second = store.page("alice", limit=2, cursor=first.next)

    assert [task.title for task in second.items] == ["1", "0"]


def test_lists_can_be_narrowed_to_completed_or_open_tasks(store: TaskStore) -> None:
    """Both ways, and both by default."""
    create(store, "open")
    create(store, "done", completed=True)

    found = {wanted: len(store.page("alice", limit=9, completed=wanted).items) for wanted in (True, False, None)}

    assert found == {True: 1, False: 1, None: 2}


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ("MILK", ["Buy milk"]),
        ("übung", ["ÜBUNG_1"]),
        ("100%", ["100% wool"]),
        ("%", ["100% wool"]),
        ("_", ["ÜBUNG_1"]),
        ("\\", ["back\\slash"]),
        ("needle", ["in the description"]),
        ("nothing like it", []),
    ],
)
def test_text_is_found_literally_and_in_any_case(store: TaskStore, wanted: str, titles: list[str]) -> None:
    """Wildcards of LIKE are ordinary characters of the text."""
    for title in ("Buy milk", "ÜBUNG_1", "100% wool", "back\\slash"):
        create(store, title)
    store.create("alice", {"title": "in the description", "description": "a NEEDLE", "completed": False})

    page = store.page("alice", limit=9, text=wanted)

    assert [task.title for task in page.items] == titles


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("first", [True, False], ids=["first page", "a later page"])
def test_a_list_walks_the_index_of_its_order(store: TaskStore, sort: Sort, first: bool) -> None:
    """No scan of the table and no sorting by hand, on whichever page."""
    task = create(store)
    asked: list[tuple[str, Any]] = []
    event.listen(store.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2:4]))
    store.page("alice", limit=9, sort=sort, cursor=None if first else Cursor.after(task, sort))
    statement, parameters = asked[0]

    with store.engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    assert len(plan) == 1
    assert plan[0].startswith(f"SEARCH tasks USING INDEX ix_tasks_user_id_{sort.field}_id (user_id=?")


def test_a_cursor_of_the_store_is_the_last_task_of_its_page(store: TaskStore) -> None:
    """By the key of the order asked for."""
    for title in ("a", "b", "c"):
        create(store, title)

    page = store.page("alice", limit=2, sort=Sort.TITLE_UP)

    assert page.next == Cursor(Sort.TITLE_UP, "b", page.items[-1].id)
