"""Lists of the store: pages by key in both directions, orders, filters."""

from __future__ import annotations

import pytest

from app.tasks.pages import Cursor, Sort
from app.tasks.store import Page, TaskStore
from tests.app.tasks.conftest import keep


@pytest.fixture
def store(own_store: TaskStore) -> TaskStore:
    """Return a store without an app around it."""
    return own_store


def walk(store: TaskStore, limit: int, sort: Sort, completed: bool | None = None) -> list[Page]:
    """Return all pages of alice, from the first to the last."""
    pages = [store.page("alice", limit=limit, sort=sort, completed=completed)]
    while pages[-1].next:
        pages.append(store.page("alice", limit=limit, sort=sort, cursor=pages[-1].next, completed=completed))
    return pages


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("limit", [1, 2, 6, 7])
def test_pages_show_every_task_once_and_in_order(store: TaskStore, sort: Sort, limit: int) -> None:
    """Also where keys are equal: the id decides then."""
    tasks = [keep(store, title) for title in ("b", "a", "b", "C", "é", "b")]
    store.toggle("alice", tasks[1].id)
    keep(store, "a", user_id="bob")
    current = [store.get("alice", task.id) for task in tasks]
    expected = sorted(current, key=lambda task: (getattr(task, sort.field), task.id.hex), reverse=sort.descending)

    pages = walk(store, limit, sort)

    assert [task for page in pages for task in page.items] == expected
    assert pages[0].previous is None


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("completed", [None, False])
def test_the_way_back_shows_the_same_pages(store: TaskStore, sort: Sort, completed: bool | None) -> None:
    """From the last page to the first, with the same tasks on each, and none before the first."""
    for title in ("b", "a", "b", "C", "é", "b"):
        keep(store, title)
    pages = walk(store, 2, sort, completed)
    back = [pages[-1]]

    while back[0].previous:
        back.insert(0, store.page("alice", limit=2, sort=sort, cursor=back[0].previous, completed=completed))

    assert [page.items for page in back] == [page.items for page in pages]
    assert [page.next for page in back] == [page.next for page in pages]


def test_titles_are_ordered_by_code_points(store: TaskStore) -> None:
    """On every database and operating system alike, which locales are not."""
    titles = [
        "a",
        "B",
        "_",
        "ä",
        "Z",
        "z",
        "ß",
        " ",
        "-",
        "1",
        "10",
        "9",
        "\ue000",
        "🥛",
        "a b",
        "ab",
        "a-b",
        "é",
        "e\u0301",
    ]
    for title in titles:
        keep(store, title)

    page = store.page("alice", limit=99, sort=Sort.TITLE_UP)

    assert [task.title for task in page.items] == sorted(titles)


def test_the_page_before_the_first_is_empty(store: TaskStore) -> None:
    """Its tasks may have been deleted since the cursor was given out; a page is there all the same."""
    tasks = [keep(store, str(number)) for number in range(3)]
    second = store.page("alice", limit=1, cursor=Cursor.at(tasks[2], Sort.NEWEST, backward=False))
    store.delete("alice", tasks[2].id)

    page = store.page("alice", limit=1, cursor=second.previous)

    assert (page.items, page.next, page.previous) == ([], None, None)


def test_the_cursor_of_another_users_task_shows_ones_own_tasks_alone(store: TaskStore) -> None:
    """It says where to begin, not whose tasks to show, and tells nothing of the task it was made of."""
    mine = [keep(store, title) for title in ("a", "c")]
    theirs = keep(store, "b", user_id="bob")

    for backward, expected in ((False, mine[1:]), (True, mine[:1])):
        cursor = Cursor.at(theirs, Sort.TITLE_UP, backward=backward)
        assert store.page("alice", limit=9, sort=Sort.TITLE_UP, cursor=cursor).items == expected


def test_the_last_page_has_no_next_even_when_it_is_full(store: TaskStore) -> None:
    """Nobody should fetch an empty page."""
    for _ in range(2):
        keep(store)

    assert store.page("alice", limit=2).next is None


def test_a_page_goes_on_where_it_ended_when_tasks_come_and_go(store: TaskStore) -> None:
    """By key, not by offset: nothing is skipped and nothing shown twice."""
    tasks = [keep(store, str(number)) for number in range(4)]
    first = store.page("alice", limit=2)
    keep(store, "new")
    store.delete("alice", tasks[3].id)

    second = store.page("alice", limit=2, cursor=first.next)

    assert [task.title for task in second.items] == ["1", "0"]


def test_lists_can_be_narrowed_to_completed_or_open_tasks(store: TaskStore) -> None:
    """Both ways, and both by default."""
    keep(store, "open")
    keep(store, "done", completed=True)

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
        ("!", ["wow!"]),
        ("!%", []),
        ("needle", ["in the description"]),
        ("nothing like it", []),
    ],
)
def test_text_is_found_literally_and_in_any_case(store: TaskStore, wanted: str, titles: list[str]) -> None:
    """Wildcards of LIKE are ordinary characters of the text."""
    for title in ("Buy milk", "ÜBUNG_1", "100% wool", "back\\slash", "wow!"):
        keep(store, title)
    store.create("alice", {"title": "in the description", "description": "a NEEDLE", "completed": False})

    page = store.page("alice", limit=9, text=wanted)

    assert [task.title for task in page.items] == titles


def test_the_cursors_of_a_page_are_its_first_and_its_last_task(store: TaskStore) -> None:
    """By the key of the order asked for."""
    for title in ("a", "b", "c", "d"):
        keep(store, title)

    first = store.page("alice", limit=1, sort=Sort.TITLE_UP)
    page = store.page("alice", limit=2, sort=Sort.TITLE_UP, cursor=first.next)

    assert page.next == Cursor(Sort.TITLE_UP, False, "c", page.items[-1].id)
    assert page.previous == Cursor(Sort.TITLE_UP, True, "b", page.items[0].id)
