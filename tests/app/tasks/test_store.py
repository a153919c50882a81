"""The store on its own: every operation, the wall between users, and versions. Its lists are in ``test_lists``."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from app.database import Database
from app.tables import UTCDateTime
from app.tasks.errors import IdTakenError, PreconditionFailedError, TaskNotFoundError, UserIdTooLongError
from app.tasks.store import Summary, TaskStore
from app.transactions import Answer, Statement, Values
from tests.support.tasks_api import START, keep


@pytest.fixture
def store(own_store: TaskStore) -> TaskStore:
    """Return a store without an app around it."""
    return own_store


def test_a_created_task_is_read_back_as_it_was(store: TaskStore) -> None:
    """Microseconds and time zone survive the database."""
    created = keep(store)

    assert store.get("alice", created.id) == created
    assert created.created_at == START + timedelta(seconds=1)
    assert created.created_at.tzinfo is UTC
    assert created.version == 1_767_268_801_000_001


def test_a_time_of_another_zone_is_kept_as_the_same_instant(store: TaskStore) -> None:
    """The database knows UTC only."""
    clock = datetime(2026, 6, 1, 2, 0, tzinfo=timezone(timedelta(hours=2)))

    created = keep(replace(store, clock=lambda: clock))

    assert store.get("alice", created.id).created_at == datetime(2026, 6, 1, 0, 0, tzinfo=UTC)


def test_a_naive_time_is_refused(own_database: Database) -> None:
    """Nobody knows which instant it means."""
    with pytest.raises(ValueError, match="no instant"):
        UTCDateTime().process_bind_param(datetime(2026, 1, 1), own_database.engine.dialect)  # noqa: DTZ001


def test_null_times_pass_both_ways(own_database: Database) -> None:
    """The type leaves NULL to the column."""
    kind = UTCDateTime()

    assert kind.process_bind_param(None, own_database.engine.dialect) is None
    assert kind.process_result_value(None, own_database.engine.dialect) is None


def test_another_users_task_is_not_found(store: TaskStore) -> None:
    """The second wall: no operation reaches over it, whatever id it is given."""
    task = keep(store)

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
    task = keep(store)

    changed = store.change("alice", task.id, {"description": "The blue one."})

    assert (changed.title, changed.description, changed.completed) == ("Buy milk", "The blue one.", False)
    assert changed.version == task.version + 1
    assert changed.created_at == task.created_at < changed.updated_at


def test_a_change_of_nothing_changes_nothing(store: TaskStore) -> None:
    """Neither the version nor the time."""
    task = keep(store)

    assert store.change("alice", task.id, {}) == task


def test_toggling_turns_completion_over_each_time(store: TaskStore) -> None:
    """Open, completed, open."""
    task = keep(store)

    states = [store.toggle("alice", task.id).completed for _ in range(3)]

    assert states == [True, False, True]


def test_no_toggle_is_lost_among_threads(store: TaskStore) -> None:
    """Forty at once are forty: the statement reads what it turns over."""
    task = keep(store)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.toggle("alice", task.id), range(40)))

    after = store.get("alice", task.id)
    assert after.version == task.version + 40
    assert after.completed is False


def test_of_two_writers_with_the_same_version_one_wins(store: TaskStore) -> None:
    """The comparison is part of the write, so there is no moment between the two."""
    task = keep(store)

    def write(number: int) -> bool:
        try:
            store.change("alice", task.id, {"title": f"By {number}"}, {task.version})
        except PreconditionFailedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))

    assert won.count(True) == 1
    assert store.get("alice", task.id).version == task.version + 1


@pytest.mark.parametrize("versions", [set(), {2}, {2, 3}], ids=["none of ours", "another", "two others"])
def test_a_write_to_another_version_is_refused(store: TaskStore, versions: set[int]) -> None:
    """Change, toggle, delete, and the change of nothing alike."""
    task = keep(store)

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
    task = keep(store)
    later = task.version + 1

    assert store.change("alice", task.id, {"title": "In time"}, {7, task.version}).version == later
    assert store.change("alice", task.id, {}, {later}).version == later
    store.delete("alice", task.id, {later})
    with pytest.raises(TaskNotFoundError):
        store.get("alice", task.id)


def test_a_missing_task_is_missing_whatever_version_is_expected(store: TaskStore) -> None:
    """404 comes before 412."""
    with pytest.raises(TaskNotFoundError):
        store.change("alice", uuid.uuid4(), {"title": "Nothing"}, {1})


def test_a_write_that_expects_no_version_is_never_refused_for_one(store: TaskStore) -> None:
    """Not even where the task is created between the write and the question why it met none."""
    task_id = uuid.uuid4()
    asked: list[str] = []

    def run(user_id: str, statement: Statement, values: Values) -> Answer:
        asked.append(user_id)
        if len(asked) > 1:
            store.create("alice", CONTENT, task_id)
        return store.run(user_id, statement, values)

    with pytest.raises(TaskNotFoundError):
        replace(store, run=run).toggle("alice", task_id)

    assert asked == ["alice"]


CONTENT = {"title": "Buy milk", "description": "Blue cap", "completed": True}


@pytest.mark.parametrize(
    "change",
    [{"title": "Buy milk"}, {"description": "Blue cap"}, {"completed": True}, CONTENT],
    ids=lambda change: ", ".join(change),
)
def test_a_change_to_what_is_so_already_leaves_the_task_as_it_is(store: TaskStore, change: dict[str, Any]) -> None:
    """Version and time too, however often it is asked for; the expected version is checked all the same."""
    task, _ = store.create("alice", CONTENT)

    assert store.change("alice", task.id, change) == task
    assert store.change("alice", task.id, change, {task.version}) == task
    with pytest.raises(PreconditionFailedError):
        store.change("alice", task.id, change, {task.version + 1})
    assert store.get("alice", task.id) == task


@pytest.mark.parametrize(("before", "after"), [(None, ""), ("", None), ("a", "A"), ("a", "a ")])
def test_the_smallest_difference_is_a_change(store: TaskStore, before: str | None, after: str | None) -> None:
    """Null is no empty text, and texts are compared by code points."""
    task, _ = store.create("alice", CONTENT | {"description": before})

    changed = store.change("alice", task.id, CONTENT | {"description": after})

    assert (changed.description, changed.version) == (after, task.version + 1)


def test_a_change_of_one_thing_among_others_is_one_change(store: TaskStore) -> None:
    """The version counts writes, not fields."""
    task, _ = store.create("alice", CONTENT)

    assert store.change("alice", task.id, CONTENT | {"title": "Buy tea"}).version == task.version + 1


def test_a_create_may_be_repeated_under_an_id_of_the_clients(store: TaskStore) -> None:
    """The existing task is returned in its current state, and is not reported as new."""
    task_id = uuid.uuid4()

    created, is_new = store.create("alice", CONTENT, task_id)
    again = store.create("alice", CONTENT, task_id)
    changed = store.change("alice", task_id, {"title": "Buy tea"})
    after_change = store.create("alice", CONTENT, task_id)

    assert (created.id, is_new) == (task_id, True)
    assert again == (created, False)
    assert after_change == (changed, False)
    assert len(store.page("alice", limit=9).items) == 1


@pytest.mark.parametrize(
    "difference",
    [{"title": "Buy tea"}, {"description": None}, {"completed": False}],
    ids=lambda value: next(iter(value)),
)
def test_another_create_under_the_same_id_is_refused(store: TaskStore, difference: dict[str, Any]) -> None:
    """Also where it asks for what the task has become since."""
    task, _ = store.create("alice", CONTENT, uuid.uuid4())

    with pytest.raises(IdTakenError):
        store.create("alice", CONTENT | difference, task.id)
    store.change("alice", task.id, difference)
    with pytest.raises(IdTakenError):
        store.create("alice", CONTENT | difference, task.id)


def test_an_id_of_ours_cannot_be_created_again(store: TaskStore) -> None:
    """A client that reads the task and sends the same content did not create it."""
    task, _ = store.create("alice", CONTENT)

    with pytest.raises(IdTakenError):
        store.create("alice", CONTENT, task.id)


def test_the_id_of_a_deleted_task_is_free_and_no_version_comes_again(store: TaskStore) -> None:
    """A tag of the old task must not fit the new one."""
    task, _ = store.create("alice", CONTENT, uuid.uuid4())
    versions = [task.version, *(store.toggle("alice", task.id).version for _ in range(3))]
    store.delete("alice", task.id)

    new, is_new = store.create("alice", CONTENT, task.id)

    assert is_new
    assert new.version > max(versions)


def test_the_same_id_is_free_for_another_user(store: TaskStore) -> None:
    """It neither collides with nor tells of somebody else's."""
    task, _ = store.create("alice", CONTENT, uuid.uuid4())

    other, is_new = store.create("bob", {"title": "Mine", "description": None, "completed": False}, task.id)
    store.delete("bob", task.id)

    assert (other.id, other.user_id, is_new) == (task.id, "bob", True)
    assert store.get("alice", task.id) == task


def test_of_the_same_create_by_several_threads_one_makes_the_task(store: TaskStore) -> None:
    """The key decides, so there is no moment between looking and writing."""
    task_ids = [uuid.uuid4() for _ in range(10)]

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda task_id: store.create("alice", CONTENT, task_id), sorted(task_ids * 2)))

    assert [is_new for _, is_new in made].count(True) == len(task_ids)
    assert {task.id for task, _ in made} == set(task_ids)
    assert len(store.page("alice", limit=99).items) == len(task_ids)


def test_tasks_are_counted_for_each_user(store: TaskStore) -> None:
    """Open and completed, and none where there are none."""
    for number in range(3):
        keep(store, completed=number == 0)
    keep(store, user_id="bob")

    assert store.summary("alice") == Summary(open=2, completed=1)
    assert store.summary("alice").total == 3
    assert store.summary("nobody") == Summary(open=0, completed=0)


def test_a_user_id_may_have_255_characters_and_no_more(store: TaskStore) -> None:
    """Whatever is asked for; nothing of it reaches the database."""
    longest = "🥛" * 255
    task = keep(store, user_id=longest, title="🥛" * 255)

    assert store.get(longest, task.id) == task
    for attempt in (
        lambda: keep(store, user_id=longest + "x"),
        lambda: store.get(longest + "x", task.id),
        lambda: store.page(longest + "x", limit=1),
        lambda: store.summary(longest + "x"),
        lambda: store.toggle(longest + "x", task.id),
        lambda: store.delete(longest + "x", task.id),
    ):
        with pytest.raises(UserIdTooLongError):
            attempt()
