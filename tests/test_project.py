"""What a contributor finds in the repository: each command, path, test and version that it names is there."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import auth
import auth.keys
from tests.support.repository import PROJECT, PYTHONS, ROOT, make_targets, names_of_tests

#: Pages for people who read or change the code, and those who look for its promises.
PAGES = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
NAMED_PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]

#: The first folders of paths in this repository, as a page writes them.
_PATH = re.compile(r"`((?:auth|app|benchmarks|deploy|docs|examples|fuzz|tests|\.ci|\.github)/[\w./-]*)`")


def loaded(name: str) -> Any:
    """Return a YAML file of the repository; YAML 1.1 takes the word ``on`` for true."""
    return yaml.safe_load((ROOT / name).read_text())


def section(text: str, heading: str) -> str:
    """Return what stands on a page below a heading of the second level, up to the next one."""
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("page", NAMED_PAGES)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    """In text and in blocks of commands."""
    named = set(re.findall(r"(?:`|^)make ([a-z][\w.-]*)", page.read_text(), re.MULTILINE))

    assert named <= make_targets()


@pytest.mark.parametrize("page", NAMED_PAGES)
def test_every_path_of_the_repository_that_is_named_exists(page: Path) -> None:
    """A page that was not changed with the code would send its reader nowhere."""
    named = _PATH.findall(page.read_text())

    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("folder", ["auth", "app", "benchmarks"])
def test_no_word_is_used_that_people_stumble_over(folder: str) -> None:
    """Docstrings, comments and log lines are in plain English, so that no sentence needs a second reading."""
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in (ROOT / folder).rglob("*.py")}

    found = {
        name: re.findall(r"(?i)\b(?:whoever|whom|besides|to be had|those which|nobody may)\b", texts[name])
        for name in texts
    }

    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_link_of_a_page_in_the_root_leads_somewhere(name: str) -> None:
    """On a forge and, for pages of the site, there too: those links begin with ``docs/``."""
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / name).read_text())

    inside = [link for link in links if "://" not in link]

    assert [link for link in inside if not (ROOT / link).exists() or not link.startswith("docs/")] == []


@pytest.mark.parametrize("page", [page for page in NAMED_PAGES if re.search(r"threat|decisions/\w", str(page.id))])
def test_every_test_that_a_promise_names_exists(page: Path) -> None:
    """A defence whose test was renamed or removed is only claimed."""
    times = names_of_tests()
    named = re.findall(r"`(test_\w+)`", page.read_text())

    assert named or page.name == "index.md"
    assert [name for name in named if not times[name]] == []


def test_every_threat_has_a_test() -> None:
    """Each line of the threat model names one at least; what is not protected is listed apart."""
    text = (ROOT / "docs" / "threat-model.md").read_text().split("\n## What we do not protect against")[0]

    threats = re.findall(r"^- (\*\*.*?)(?=^- |^#|\Z)", text, re.MULTILINE | re.DOTALL)

    assert len(threats) > 30
    assert [threat for threat in threats if "`test_" not in threat] == []


def test_every_decision_is_in_the_list() -> None:
    """And has the four parts of a record."""
    folder = ROOT / "docs" / "decisions"
    records = {page.name: page.read_text() for page in folder.glob("*.md") if page.name != "index.md"}

    parts = ["**Context.**", "**Decision.**", "**Consequences.**", "**Held by**"]

    assert set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "index.md").read_text())) == records.keys()
    assert [name for name, text in records.items() if not all(part in text for part in parts)] == []


def test_the_floors_are_those_that_the_import_linter_holds() -> None:
    """The page on the architecture has them from the top to the bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract.get("containers") == ["auth"])
    rows = re.findall(r"^\| \d+ \| (.*?) \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)

    floors = [sorted(name.removesuffix(".py").strip("/") for name in re.findall(r"`(.*?)`", row)) for row in rows]

    assert floors == [sorted(layer.split(" | ")) for layer in layers]


def test_the_public_names_are_those_of_the_versioning_page() -> None:
    """A name that is not there may change at any time, and its user has to know."""
    rows = re.findall(
        r"^\| `(flask_resource_server[\w.]*)` \| (.*) \|$", (ROOT / "docs/versioning.md").read_text(), re.MULTILINE
    )
    listed = {module: sorted(re.findall(r"`(\w+)`", names)) for module, names in rows}

    assert listed == {
        "flask_resource_server": sorted(auth.__all__),
        "flask_resource_server.keys": sorted(auth.keys.__all__),
    }


def test_the_supported_versions_are_those_that_are_tested() -> None:
    """The page, the classifiers, the lower bounds and the versions that make knows say the same."""
    text = section((ROOT / "docs/versioning.md").read_text(), "Supported versions")
    lowest = {
        found.name.lower(): next(iter(found.specifier)).version for found in map(Requirement, PROJECT["dependencies"])
    }
    by_make = re.search(r"^PYTHONS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    rows = dict(re.findall(r"^\| (\w+) \| ([\d., ]+?)(?: or newer)? \|$", text, re.MULTILINE))

    assert rows.pop("Python").split(", ") == PYTHONS
    assert {name.lower(): bound for name, bound in rows.items()} == lowest
    assert by_make is not None
    assert set(PYTHONS) <= set(by_make[1].split())


def test_the_version_is_the_same_everywhere() -> None:
    """Installed, in pyproject.toml, as the newest release of the changelog, and among those that get fixes."""
    released = re.findall(r"^## (\d\S*) – (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    supported = re.findall(r"^\| (\d+\.\d+) \| yes \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)

    assert released[0][0] == PROJECT["version"] == version(PROJECT["name"])
    assert supported == [PROJECT["version"].rpartition(".")[0]]


def test_the_changelog_tells_the_library_from_the_service() -> None:
    """One release has a heading for each kind of change to each of them, and no heading and no line twice."""
    releases = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]
    kinds = {
        f"{kind} {part}" for kind in ("Changed in", "Added to", "Fixed in") for part in ("the library", "the tasks API")
    }

    headings = [re.findall(r"^### (.*)$", release, re.MULTILINE) for release in releases]
    lines = [re.findall(r"^- (.*)$", release, re.MULTILINE) for release in releases]

    assert releases[0].startswith("Unreleased\n")
    assert all(set(found) <= kinds | {"The project"} for found in headings)
    assert all(len(set(found)) == len(found) for found in headings + lines)


def test_the_index_leads_to_documentation_source_and_changelog() -> None:
    """By https, and the changelog is a page of the documentation."""
    urls = PROJECT["urls"]

    assert urls.keys() == {"Documentation", "Source", "Changelog"}
    assert all(url.startswith("https://") for url in urls.values())
    assert urls["Changelog"] == f"{urls['Documentation']}en/latest/changelog.html"
    assert (ROOT / "docs" / "changelog.md").exists()


def test_the_workflow_runs_what_every_machine_runs() -> None:
    """``.ci/run`` and targets of make; what else it runs only brings git into the container."""
    jobs = loaded(".github/workflows/ci.yml")["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]

    assert [command for command in commands if not re.match(r"(apt-get|git|make) |\.ci/run$", command)] == []
    assert commands.count(".ci/run") == 1
    assert {"make test-on-${{ matrix.python }}", "make test-lowest"} <= set(commands)
    assert jobs["pythons"]["strategy"]["matrix"]["python"] == PYTHONS


def test_the_workflow_keeps_the_pictures_of_the_pages() -> None:
    """Also if a test has failed: that is when somebody looks."""
    everything = loaded(".github/workflows/ci.yml")["jobs"]["everything"]
    (kept,) = [step for step in everything["steps"] if "upload-artifact" in step.get("uses", "")]

    assert kept["if"] == "always()"
    assert kept["with"]["path"] == f"{everything['env']['SCREENSHOTS']}/"
    assert 'os.environ.get("SCREENSHOTS")' in (ROOT / "tests" / "support" / "browser.py").read_text()


def test_the_workflow_takes_no_more_rights_than_reading() -> None:
    """Its actions have a version, it keeps no credentials, and no job runs without end."""
    workflow = loaded(".github/workflows/ci.yml")
    jobs = workflow["jobs"].values()
    actions = [step for job in jobs for step in job["steps"] if "uses" in step]

    assert workflow["permissions"] == {"contents": "read"}
    assert [step["uses"] for step in actions if not re.fullmatch(r"actions/[\w-]+@v\d+(\.\d+)*", step["uses"])] == []
    assert all(step["with"]["persist-credentials"] is False for step in actions if "checkout" in step["uses"])
    assert all(job["timeout-minutes"] <= 60 and "permissions" not in job for job in jobs)


def test_git_runs_the_commands_of_make_before_a_commit() -> None:
    """With the versions of constraints.txt: a hook from elsewhere would bring its own."""
    repositories = loaded(".pre-commit-config.yaml")["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["entry"].removeprefix("make ") for hook in hooks} <= make_targets()
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in hooks)


def test_the_site_is_published_as_it_is_built_here() -> None:
    """By the same configuration, with what the extra ``docs`` installs, and warnings stop it."""
    settings = loaded(".readthedocs.yaml")

    assert settings["sphinx"] == {"configuration": "docs/conf.py", "fail_on_warning": True}
    assert settings["python"]["install"] == [{"method": "pip", "path": ".", "extra_requirements": ["docs"]}]
    assert settings["build"]["tools"]["python"] in PYTHONS


class WithoutBodies(ast.NodeTransformer):
    """What is left of a module is what its import runs."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Keep decorators and defaults."""
        node.body = []
        return node


def test_a_token_that_is_made_at_import_outlives_a_run_of_all_tests() -> None:
    """The usual one ends after a quarter of an hour; a slow machine takes longer."""
    short_lived = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(WithoutBodies().visit(ast.parse(path.read_text())))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("issue", "authorization")
        and "expires_in" not in {keyword.arg for keyword in node.keywords}
    ]

    assert short_lived == []
