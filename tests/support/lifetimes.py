"""How long the tokens of tests are good."""

from __future__ import annotations

from datetime import timedelta

#: For tokens that are made when a module is imported: the usual quarter of an hour ends before a run of all tests does.
A_DAY = timedelta(days=1)
