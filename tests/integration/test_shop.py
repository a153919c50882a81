"""``examples/shop`` as people copy it: outside the checkout, in an environment with the wheel and its requirements."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.environments import ROOT, make_environment, run
from tests.support.programs import free_port

SHOP = ROOT / "examples" / "shop"
TESTING, TRYING, RUNNING = re.findall(r"^```sh\n(.*?)^```", (SHOP / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Copy:
    """A copy of the shop, and an environment in which it runs."""

    folder: Path
    binaries: Path

    def run(self, commands: str) -> str:
        """Run commands of the README in a shell and return what they print."""
        path = os.pathsep.join((str(self.binaries), os.environ["PATH"]))
        # What the commands leave in the background ends with the shell.
        return run(
            ["bash", "-euc", f"trap 'jobs -p | xargs -r kill' EXIT\n{commands}"],
            cwd=self.folder,
            settings={"PATH": path},
        )


@pytest.fixture(scope="module")
def shop(wheel: Path, registry: None, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The wheel stands in for the package of the same name, which comes from an index otherwise."""
    folder = tmp_path_factory.mktemp("shop")
    for file in ("shop.py", "conftest.py", "test_shop.py", "requirements.txt"):
        shutil.copy(SHOP / file, folder)
    own, *others = (folder / "requirements.txt").read_text().split()
    assert own == "flask-resource-server[testing]"
    requirements = [f"{wheel}[testing]", *others]
    (folder / "requirements.txt").write_text("\n".join(requirements))
    return Copy(folder, make_environment(folder / "venv", "-c", ROOT / "constraints.txt", *requirements))


def test_the_tests_of_the_shop_pass_where_the_wheel_is_installed(shop: Copy) -> None:
    """By the last command of the README's first block; its first one has made the environment."""
    install, test = TESTING.splitlines()

    printed = shop.run(f"{test} -q -W error -p no:cacheprovider")

    assert install == "python -m pip install -r requirements.txt"
    assert re.search(r"^\d\d passed", printed, re.MULTILINE)


def test_the_types_of_the_shop_are_right_where_the_wheel_is_installed(shop: Copy) -> None:
    """Under ``strict``, but for flask-smorest, which has no types. Its tests read JSON, which has none either."""
    options = ["--strict", "--allow-untyped-decorators", "--disable-error-code=import-untyped"]
    files = ["shop.py", "conftest.py"]

    run(
        [sys.executable, "-m", "mypy", *options, "--python-executable", shop.binaries / "python", *files],
        cwd=shop.folder,
    )


def test_the_shop_can_be_tried_as_its_readme_says(shop: Copy) -> None:
    """Every route is declared, and an order is placed with a token that the command signs."""
    printed = shop.run(TRYING.replace("8000", str(free_port())))

    assert "UNDECLARED" not in printed
    assert '"mug":900' in re.sub(r"\s", "", printed)
    assert printed.count('"customer_id"') == 2


def test_the_shop_starts_with_the_settings_of_its_readme(shop: Copy) -> None:
    """The database of this test is another one."""
    settings = RUNNING.replace("postgresql+psycopg://shop@database/shop", "sqlite://")
    asked = "app = create_app(); print(app.config['SHOP_ORIGINS'], app.extensions['resource_server'].config.warnings)"

    printed = shop.run(f'{settings}\npython -c "from shop import create_app; {asked}"')

    assert settings != RUNNING
    assert printed == "['https://shop.example.com'] ()\n"


def test_the_page_about_examples_shows_every_python_file_of_the_shop() -> None:
    """It would go on without a file that is added."""
    shown = re.findall(
        r"^```{literalinclude} \.\./examples/shop/(\S+)", (ROOT / "docs/examples.md").read_text(), re.MULTILINE
    )

    assert set(shown) == {file.name for file in SHOP.glob("*.py")}
