"""The pages of ``docs/``, and other Markdown, as the tests read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.support.names import as_in_the_checkout

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(file: Path, language: str) -> list[str]:
    """Return the blocks of a file that are written in a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", file.read_text(), re.MULTILINE | re.DOTALL)


def snippets(page: str, language: str) -> list[str]:
    """Return those of a page."""
    return blocks(DOCS / page, language)


def executed(code: str, file: str = "documented", **names: Any) -> dict[str, Any]:
    """Run code for people outside as it runs in this checkout, and return its names; it finds those that are given."""
    namespace = {"__name__": Path(file).stem, **names}
    exec(compile(as_in_the_checkout(code), file, "exec"), namespace)  # noqa: S102  # our own pages and examples
    return namespace


def table(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, row by row, without the row of titles."""
    _, below = re.split(rf"^#+ {re.escape(heading)}$", (DOCS / page).read_text(), maxsplit=1, flags=re.MULTILINE)
    lines = re.search(r"^\|.*?(?=^[^|]|\Z)", below, re.MULTILINE | re.DOTALL)
    assert lines is not None, f"{page} has no table below {heading}"
    _titles, _rule, *rows = lines[0].strip().splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def applied(text: str, diff: str) -> str:
    """Return a text after the changes of a ``diff`` block: hunks with ``@@`` between them, in their order."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = [line or " " for line in hunk.splitlines()]
        old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] in f" {sign}") for sign in "-+")
        assert text.count(old) == 1, f"These lines stand {text.count(old)} times in the file:\n{old}"
        text = text.replace(old, new)
    return text


def files(page: str) -> dict[str, str]:
    """Return the files that a page shows, by their names: code blocks with a ``:caption:``."""
    block = r"^```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)^```"
    return dict(re.findall(block, (DOCS / page).read_text(), re.MULTILINE | re.DOTALL))
