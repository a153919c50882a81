"""What a fuzz target consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

#: Makes the next input from an input, the most bytes that it may have, and a seed.
Mutator = Callable[[bytes, int, int], bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """One function that must hold for every input, and what helps to find an input for which it does not."""

    #: Returns if everything holds, and raises anything if not.
    check: Callable[[bytes], None]
    #: The inputs to begin with, made anew for each run.
    seeds: Callable[[], Iterable[bytes]]
    #: Texts that mean something where the input is read.
    words: tuple[str, ...] = ()
    #: Values to put into inputs that are JSON.
    values: tuple[Any, ...] = field(default=())
    #: How an input becomes another one; None for changes that know nothing but bytes.
    mutator: Callable[[Target], Mutator] | None = None
    #: The most bytes of an input.
    max_length: int = 4096
