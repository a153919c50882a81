"""What is wrong with the service itself. No client ever reads it."""

from __future__ import annotations

from collections.abc import Iterable


class ConfigurationError(Exception):
    """The settings cannot be safe, so the service must not start; :attr:`problems` names every reason and way out."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(("This cannot work as configured:", *(f"  - {text}" for text in self.problems))))


class MisuseError(RuntimeError):
    """The service's code uses the library in a way that cannot work, and a request or another task ran into it.

    The message says how to fix it. Nothing is let through: a request ends as the service's own 500.
    """
