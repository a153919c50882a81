"""What the tests need from outside, and what to do where it is missing.

A developer's machine may lack a browser or a registry: the tests that need it say so in one line and are skipped. In CI
(``CI=true``) a missing service is a failure, never a skip.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def unavailable(what: str) -> NoReturn:
    """Skip the current test because ``what`` is not there, or fail it in CI."""
    reason = f"skipped: {what} is not available here"
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs {what}", pytrace=False)
    pytest.skip(reason)
