"""Other libraries that have settings whose names begin with ``AUTH_``, in one app with this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.environments import ROOT, make_environment, run

#: What Kubernetes puts into the environment of every container for a service named ``flask-auth``.
SERVICE_LINKS = {
    "FLASK_AUTH_SERVICE_HOST": "10.0.0.1",
    "FLASK_AUTH_SERVICE_PORT": "8080",
    "FLASK_AUTH_SERVICE_PORT_HTTP": "8080",
    "FLASK_AUTH_PORT": "tcp://10.0.0.1:8080",
    "FLASK_AUTH_PORT_8080_TCP": "tcp://10.0.0.1:8080",
    "FLASK_AUTH_PORT_8080_TCP_PROTO": "tcp",
    "FLASK_AUTH_PORT_8080_TCP_PORT": "8080",
    "FLASK_AUTH_PORT_8080_TCP_ADDR": "10.0.0.1",
}


@pytest.mark.parametrize(
    ("distribution", "package", "settings"),
    [
        ("apiflask", "apiflask", {"AUTH_ERROR_STATUS_CODE", "AUTH_ERROR_DESCRIPTION"}),
        ("flask-appbuilder", "flask_appbuilder", {"AUTH_TYPE", "AUTH_ROLE_PUBLIC", "AUTH_LDAP_SERVER"}),
    ],
)
def test_an_app_of_another_library_with_such_settings_starts(
    distribution: str, package: str, settings: set[str], wheel: Path, registry: None, tmp_path: Path
) -> None:
    """The real library: its own settings, all others it knows, and a view of that app guarded by this one."""
    binaries = make_environment(tmp_path / "venv", wheel, distribution)
    shutil.copy(ROOT / "tests" / "support" / "foreign_apps.py", tmp_path)

    printed = run([binaries / "python", "foreign_apps.py", package], cwd=tmp_path, settings=SERVICE_LINKS)

    outcome: dict[str, Any] = json.loads(printed.splitlines()[-1])
    assert outcome["answers"] == [401, "missing_token", 200, {"user_id": "alice"}]
    assert settings <= set(outcome["known"])
    assert settings | {"AUTH_PORT_8080_TCP_ADDR"} <= set(outcome["set"])
