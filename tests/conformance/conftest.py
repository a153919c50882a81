"""Where the public test vectors are found. They are read in place, never copied into the project.

A service that is missing would be a failure under ``CI=true``; vectors are files that a checkout may come without, so
the tests that need them are skipped then, in one line that says where they were looked for.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_NAMED = os.environ.get("TEST_VECTORS")
_VECTORS = Path(_NAMED) if _NAMED else Path(__file__).resolve().parents[2].parent / "shared"

#: The fixtures of this module and the collections of vectors they stand for.
_COLLECTIONS = {"wycheproof": "wycheproof/testvectors_v1", "cookbook": "jose-cookbook"}


def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skip a test whose vectors are not there; from a hook, because skips of one place are reported as one."""
    for directory in (_COLLECTIONS[name] for name in _COLLECTIONS.keys() & set(item.fixturenames)):
        if (_VECTORS / directory).is_dir():
            continue
        if _NAMED:
            pytest.fail(f"TEST_VECTORS is set, and there is no {directory} in it.", pytrace=False)
        pytest.skip(
            "no test vectors in ../shared beside the checkout, nor does TEST_VECTORS say where they are "
            "(files, not a service: allowed under CI=true too)"
        )


@pytest.fixture(scope="session")
def wycheproof() -> Path:
    """The vectors of C2SP/wycheproof."""
    return _VECTORS / _COLLECTIONS["wycheproof"]


@pytest.fixture(scope="session")
def cookbook() -> Path:
    """The examples of RFC 7520, RFC 7797 and RFC 8037 as ietf-jose/cookbook has them."""
    return _VECTORS / _COLLECTIONS["cookbook"]
