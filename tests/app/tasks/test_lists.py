"""Lists of the store: pages by key in both directions, orders, filters."""

from __future__ import annotations

import random

import pytest

from app.tasks.errors import LostPlaceError
from app.tasks.models import Task
from app.tasks.pages import TITLE_START, Cursor, Sort
from app.tasks.store import Page, TaskStore
from tests.support.tasks_api import keep


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


#: As much of a title as a cursor holds, and as many characters as a title may have beyond.
START = "🥛" * TITLE_START
REST = 255 - TITLE_START

TITLES = ("", "a", START[:-1], START, f"{START}a", f"{START}ab", f"{START}b", START + chr(0x10FFFF) * REST, "🥜")


@pytest.mark.parametrize("sort", [Sort.TITLE_UP, Sort.TITLE_DOWN])
def test_long_titles_are_in_order_though_a_cursor_holds_their_beginning(store: TaskStore, sort: Sort) -> None:
    """Whichever of them is at the edge of a page, on the way there and back."""
    tasks = [keep(store, title) for title in (*TITLES, START + "a")]
    expected = sorted(tasks, key=lambda task: (task.title, task.id.hex), reverse=sort.descending)

    pages = walk(store, 1, sort)
    back = [pages[-1]]
    while back[0].previous:
        back.insert(0, store.page("alice", limit=1, sort=sort, cursor=back[0].previous))

    assert [task for page in pages for task in page.items] == expected
    assert [page.items for page in back] == [page.items for page in pages]


@pytest.mark.parametrize("sort", [Sort.TITLE_UP, Sort.TITLE_DOWN])
@pytest.mark.parametrize("is_renamed", [False, True], ids=["deleted", "renamed"])
def test_a_page_goes_on_behind_a_long_title_that_is_no_more(store: TaskStore, sort: Sort, is_renamed: bool) -> None:
    """The beginning of the title tells where, unless others have the same."""
    for title in ("a", START[:-1], START, f"{START}ab", "🥜"):
        keep(store, title)
    pages = walk(store, 1, sort)
    (place,) = (number for number, page in enumerate(pages) if len(page.items[0].title) > TITLE_START)
    edge = pages[place].items[0]

    if is_renamed:
        store.change("alice", edge.id, {"title": "" if sort is Sort.TITLE_UP else "🥝"})
    else:
        store.delete("alice", edge.id)

    assert store.page("alice", limit=1, sort=sort, cursor=pages[place].next).items == pages[place + 1].items
    assert store.page("alice", limit=1, sort=sort, cursor=pages[place].previous).items == pages[place - 1].items


@pytest.mark.parametrize("sort", [Sort.TITLE_UP, Sort.TITLE_DOWN])
@pytest.mark.parametrize("backward", [False, True], ids=["next", "previous"])
def test_a_place_that_nobody_can_find_again_is_refused(store: TaskStore, sort: Sort, backward: bool) -> None:
    """A guess would leave out the other task or show it twice. A list that does not hold it goes on."""
    edge = keep(store, f"{START}b")
    cursor = Cursor.at(edge, sort, backward=backward)
    keep(store, f"{START}a" if backward != sort.descending else f"{START}c", completed=True)
    beyond = keep(store, "a" if backward != sort.descending else "🥜")
    store.delete("alice", edge.id)

    with pytest.raises(LostPlaceError):
        store.page("alice", limit=9, sort=sort, cursor=cursor)
    assert store.page("alice", limit=9, sort=sort, cursor=cursor, completed=False).items == [beyond]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_left_out_or_shown_twice_while_tasks_are_deleted_and_renamed(store: TaskStore, seed: int) -> None:
    """Every task that nobody touches is shown once and in order, or the list refuses to go on."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    sort, limit = chance.choice([Sort.TITLE_UP, Sort.TITLE_DOWN]), chance.randint(1, 3)
    untouched = {task.id: task for task in (keep(store, chance.choice(TITLES)) for _ in range(12))}
    page, shown, is_refused = store.page("alice", limit=limit, sort=sort), list[Task](), False

    while True:
        shown += page.items
        if page.next is None:
            break
        if chance.random() < 0.3:
            touched = untouched.pop(chance.choice([page.items[-1].id, *untouched]), None)
            if touched and chance.random() < 0.5:
                store.delete("alice", touched.id)
            elif touched:
                store.change("alice", touched.id, {"title": chance.choice(TITLES)})
        try:
            page = store.page("alice", limit=limit, sort=sort, cursor=page.next)
        except LostPlaceError:
            is_refused = True
            break

    expected = sorted(untouched.values(), key=lambda task: (task.title, task.id.hex), reverse=sort.descending)
    found = [task for task in shown if task.id in untouched]
    assert found == (expected[: len(found)] if is_refused else expected)


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
