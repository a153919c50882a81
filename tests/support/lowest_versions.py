"""Print the requirements of library and app with every lower bound of pyproject.toml as the exact version, for pip.

If two extras name different bounds of one package, pip refuses the list.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
requirements = [*project["dependencies"]]
for extra in ("app", "postgres", "redis", "metrics"):
    requirements += project["optional-dependencies"][extra]
sys.stdout.writelines(f"{requirement.replace('>=', '==')}\n" for requirement in requirements)
