"""How things are timed against each other: in turns, in one run, so that a slow moment of the machine meets all alike.

Every kind of measurement here makes a :class:`Chapter` of figures, which is kept as JSON and shown as table and plot.
"""

from __future__ import annotations

import dataclasses
import json
import random
import statistics
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

Name = TypeVar("Name", bound=Hashable)
Sample = TypeVar("Sample")


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of many samples and its neighbourhood: the first quartile, the median, the third."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, samples: list[float]) -> Spread:
        """Return the quartiles of samples, of which there has to be one at least."""
        if len(samples) == 1:
            return cls(samples[0], samples[0], samples[0])
        low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(low, median, high)


@dataclass(frozen=True, slots=True)
class Figure:
    """What one subject took, and how that compares with the chapter's reference in the same rounds."""

    #: What was done: ``HS256, token seen before``, ``list of 20``.
    setting: str
    #: Who did it: ``this library``, ``Flask-JWT-Extended``.
    subject: str
    value: Spread
    #: To the chapter's reference in the same setting, round by round; None where there is none.
    ratio: Spread | None


@dataclass(frozen=True, slots=True)
class Chapter:
    """The figures of one kind of measurement, from one run on one machine."""

    name: str
    title: str
    #: What the values are: ``µs per request``, ``requests per second``, ``MB``.
    unit: str
    #: The subject all others are compared with.
    reference: str
    figures: tuple[Figure, ...]
    #: What a reader has to know beside the figures, a sentence each.
    notes: tuple[str, ...] = ()
    #: Processor, cores, Python and the packages measured, by name.
    versions: Mapping[str, str] = field(default_factory=dict)
    #: One subject against itself in the same rounds, as a ratio: what differs no more than this does not differ.
    noise: Spread | None = None

    def save(self, folder: Path) -> Path:
        """Write the chapter as ``NAME.json`` and return where."""
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n")
        return path


def load(path: Path) -> Chapter:
    """Read a chapter as it was saved."""
    content: dict[str, Any] = json.loads(path.read_text())
    figures = tuple(
        Figure(
            figure["setting"],
            figure["subject"],
            Spread(**figure["value"]),
            None if figure["ratio"] is None else Spread(**figure["ratio"]),
        )
        for figure in content.pop("figures")
    )
    noise = content.pop("noise", None)
    return Chapter(
        **{**content, "notes": tuple(content["notes"])},
        figures=figures,
        noise=None if noise is None else Spread(**noise),
    )


def in_turns(measured: Mapping[Name, Callable[[], Sample]], rounds: int) -> dict[Name, list[Sample]]:
    """Take one sample of each subject in every round, each round in another order.

    What ran before a sample is felt in it, so nobody always follows the same one. The orders are the same in every run.
    """
    names = list(measured)
    samples: dict[Name, list[Sample]] = {name: [] for name in names}
    orders = random.Random(0)  # noqa: S311 - an order is no secret
    for _ in range(rounds):
        for name in orders.sample(names, len(names)):
            samples[name].append(measured[name]())
    return samples


def figures_of(setting: str, samples: Mapping[str, list[float]], reference: str) -> list[Figure]:
    """Return the figures of one setting; a ratio compares samples of the same round.

    A subject that was measured in the first rounds only is compared in those.
    """
    against = samples.get(reference)
    return [
        Figure(
            setting,
            subject,
            Spread.of(values),
            None
            if against is None or subject == reference
            else Spread.of([value / other for value, other in zip(values, against, strict=False)]),
        )
        for subject, values in samples.items()
    ]
