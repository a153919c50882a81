"""Something else under the name of PyJWT's module."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from auth.keys import pyjwt
from tests.support.environments import ROOT, clean_environment


def test_a_module_of_the_service_called_jwt_is_named(tmp_path: Path) -> None:
    """It comes before PyJWT on the path; the error says which file it is and what to do."""
    (tmp_path / "jwt.py").write_text("def decode(token): ...\n")

    started = subprocess.run(
        [sys.executable, "-c", "import auth"],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert started.returncode == 1
    assert started.stderr.splitlines()[-1] == (
        f"ImportError: The module jwt is not PyJWT; it comes from {tmp_path / 'jwt.py'}. If that is a file of yours, "
        "rename it. If the distribution jwt is installed, uninstall it and then reinstall PyJWT."
    )


def test_a_package_called_jwt_without_the_rooms_of_pyjwt_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution ``jwt`` has the same top-level name and other modules."""
    other = ModuleType("jwt")
    other.__file__ = "site-packages/jwt/__init__.py"
    other.__path__ = []
    for name in [name for name in sys.modules if name.startswith("jwt.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jwt", other)
    spec = spec_from_file_location("pyjwt_again", pyjwt.__file__)
    assert spec is not None
    assert spec.loader is not None

    with pytest.raises(ImportError, match=r"it comes from site-packages/jwt/__init__\.py"):
        spec.loader.exec_module(module_from_spec(spec))
