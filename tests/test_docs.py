"""The pages of ``docs/``: every settings block starts, every snippet runs, every token shown is one that gets in."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from flask import Flask, request

from app import create_app
from auth.errors import ConfigurationError
from auth.keys import RemoteKeySource, StaticKeys, VerificationKey
from auth.settings.service import AuthConfig
from auth.settings.table import DEFAULTS
from auth.testing import TokenIssuer
from tests.support.documentation import executed, snippets
from tests.support.environments import run
from tests.support.services import SECRET, authenticator_of

ROOT = Path(__file__).resolve().parent.parent
PAGES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))}

#: Page, place on the page, and content of each block, by language.
BLOCKS: dict[str, list[Any]] = {}
for _page, _text in PAGES.items():
    for _number, (_language, _content) in enumerate(
        re.findall(r"^```(\w+)\n(.*?)^```", _text, re.MULTILINE | re.DOTALL)
    ):
        BLOCKS.setdefault(_language, []).append(pytest.param(_page, _content, id=f"{_page}-{_number}"))

#: Pages with an example token.
EXAMPLES = BLOCKS["json"]

COMPOSE_FILES = [block for block in BLOCKS["yaml"] if str(block.values[1]).startswith("services:")]

#: Names that a page shows because they do not exist.
SHOWN_AS_MISSPELT = {"AUTH_AUDIANCE", "AUTH_TOKEN_MAX_AGE"}

#: What the settings of a page have to agree in, whichever way they are written.
SAME = ("names", "audience", "profile", "identity_claim", "algorithms", "user_prefix", "required_claims")


def test_there_is_a_page_for_every_issuer_that_has_a_profile() -> None:
    """And one for Clerk, whose tokens need a claim more, and one for all the others."""
    assert {Path(page).stem for page in PAGES if "issuers/" in page} == {
        "auth0",
        "better-auth",
        "clerk",
        "cognito",
        "entra",
        "keycloak",
        "oidc",
    }


@pytest.mark.parametrize(("page", "text"), PAGES.items(), ids=PAGES)
def test_every_link_leads_somewhere(page: str, text: str) -> None:
    """Inside the repository; nobody else's pages are asked."""
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize(("page", "text"), PAGES.items(), ids=PAGES)
def test_every_setting_that_is_named_exists(page: str, text: str) -> None:
    """A name that nothing reads would be looked for in vain."""
    named = set(re.findall(r"\bAUTH_[A-Z_]*[A-Z]\b", text.replace("FLASK_AUTH_", "AUTH_").replace("BETTER_AUTH_", "")))

    assert named <= DEFAULTS.keys() | {"AUTH_JWKS"} | SHOWN_AS_MISSPELT


def config_from(block: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AuthConfig:
    """Return what a block of environment variables configures: the tasks API, or any app."""
    variables = dotenv_values(stream=io.StringIO(block), interpolate=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value or "")
    if not all(name.startswith("FLASK_") for name in variables):
        app = create_app({"DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}"})
        made: AuthConfig = app.extensions["resource_server"].config
        return made
    app = Flask("documented")
    app.config.from_prefixed_env()
    return AuthConfig.from_mapping(app.config)


@pytest.mark.parametrize(("page", "block"), BLOCKS["sh"])
def test_the_variables_on_a_page_start_a_service(
    page: str, block: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a warning: what we recommend is bound to issuer and audience."""
    if "BETTER_AUTH_SECRET=" in block:
        with pytest.raises(ConfigurationError, match="an example, a template or a pattern"):
            config_from(block, monkeypatch, tmp_path)
        block = re.sub("BETTER_AUTH_SECRET=.*", f"BETTER_AUTH_SECRET={SECRET}", block)

    assert config_from(block, monkeypatch, tmp_path).warnings == ()


@pytest.mark.parametrize(("page", "block"), COMPOSE_FILES)
def test_the_api_in_a_compose_file_starts(
    page: str, block: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It fetches the keys by plain http from the other container of the file, which the start warns of."""
    services: dict[str, Any] = yaml.safe_load(block)["services"]
    issuer, api = services
    variables = services[api]["environment"]
    assert all(isinstance(value, str) for value in variables.values())
    text = "\n".join(f"{name}='{value}'" for name, value in variables.items())

    config = config_from(text, monkeypatch, tmp_path)

    assert services[api]["depends_on"] == [issuer]
    assert services[issuer].keys() & {"image", "build"}
    (trusted,) = config.issuers
    assert isinstance(trusted.keys, RemoteKeySource)
    assert f"http://{issuer}:" in repr(trusted.keys._location)
    assert trusted.name is not None
    # What the issuer calls itself is what its tokens say.
    assert trusted.name.startswith(services[issuer]["environment"].get("KC_HOSTNAME", trusted.name))
    assert [f"allows plain http to {issuer}:" in warning for warning in config.warnings] == [True]


@pytest.mark.parametrize(("page", "snippet"), BLOCKS["python"])
def test_a_snippet_on_a_page_runs(page: str, snippet: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And says the same as one of the blocks of variables on its page, where there are some."""
    config: AuthConfig = executed(snippet, page)["app"].extensions["resource_server"].config
    blocks = [block.values[1] for block in BLOCKS["sh"] if block.values[0] == page]
    written = []
    for block in blocks:
        with monkeypatch.context() as patch:
            if "BETTER_AUTH_SECRET=" not in block:
                written.append(essence(config_from(str(block), patch, tmp_path)))

    assert config.warnings == ()
    assert not written or "def " in snippet or essence(config) in written


def essence(config: AuthConfig) -> list[tuple[Any, ...]]:
    return [tuple(getattr(issuer, name) for name in SAME) for issuer in config.issuers]


@pytest.mark.parametrize(("page", "example"), EXAMPLES)
def test_a_token_shown_on_a_page_gets_in_by_the_settings_of_that_page(
    page: str, example: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Signed by a key of ours in place of the issuer's, at the time at which it was issued."""
    token = json.loads(example)
    header, claims = token["header"], token["claims"]
    signer = TokenIssuer.generate(header["alg"])
    encoded = signer.sign(json.dumps(claims).encode(), {"typ": None} | header)
    keys = StaticKeys([VerificationKey.from_pem(signer.public_key)])
    accepted = []
    for block in (block.values[1] for block in BLOCKS["sh"] if block.values[0] == page):
        with monkeypatch.context() as patch:
            if "SECRET" in str(block):
                continue
            (issuer,) = config_from(str(block), patch, tmp_path).issuers
        if issuer.name == claims["iss"]:
            verifier = authenticator_of([replace(issuer, keys=keys)], max_token_bytes=8192, clock=lambda: claims["iat"])
            accepted.append(verifier.verify(encoded))

    assert accepted
    assert all(token.user_id in (claims["sub"], claims.get("oid")) for token in accepted)


#: Prints what it was told and starts nothing if that cannot work; gunicorn loads it as it loads any service.
SERVICE = """\
from dotenv import load_dotenv; load_dotenv()
from flask import Flask
from auth import ResourceServer

app = Flask(__name__)
app.config.from_prefixed_env()
ResourceServer(app)
print(sorted((name, value) for name, value in app.config.items() if name.startswith("AUTH_")))
"""

#: The tasks API, which reads variables of its own.
TASKS_API = """\
from dotenv import load_dotenv; load_dotenv()
from app import create_app

app = create_app({"DATABASE_URL": "sqlite:///never-opened.sqlite3"})
print(sorted((name, str(value)) for name, value in app.config.items() if name.startswith("AUTH_")))
"""


@pytest.mark.parametrize(("page", "block"), BLOCKS["sh"])
def test_a_block_of_variables_works_in_a_shell_and_in_an_environment_file(
    page: str, block: str, tmp_path: Path
) -> None:
    """As it stands on the page, with the same outcome; gunicorn starts a service that loads the file itself."""
    block = re.sub("BETTER_AUTH_SECRET=.*", f"BETTER_AUTH_SECRET={SECRET}", block)
    (tmp_path / "service.py").write_text(TASKS_API if "export BETTER_AUTH_URL" in block else SERVICE)
    gunicorn = f"exec '{sys.executable}' -m gunicorn --check-config service:app"
    settings = {"PYTHONPATH": str(ROOT)}

    by_shell = run(["bash", "-euc", f"{block}\n{gunicorn}"], cwd=tmp_path, settings=settings)
    (tmp_path / ".env").write_text(block)
    by_file = run(["bash", "-euc", gunicorn], cwd=tmp_path, settings=settings)

    assert all(line.startswith("export ") for line in block.splitlines())
    assert "('AUTH_" in by_shell
    assert by_file == by_shell


def test_the_middleware_for_gateways_moves_the_token_of_the_client_back() -> None:
    """Of a request that comes past the gateway it leaves the field as it is."""
    (snippet,) = snippets("deploying/proxies.md", "python")
    app: Flask = executed(snippet, "proxies.md")["app"]
    app.add_url_rule("/seen", "seen", lambda: f"{request.headers['Authorization']}, {len(request.headers)}")
    client = app.test_client()

    both = {"Authorization": "Bearer gateway", "X-Forwarded-Authorization": "Bearer client"}
    moved, direct = (
        client.get("/seen", headers=headers).text for headers in (both, {"Authorization": "Bearer client"})
    )

    assert moved == direct
    assert moved.startswith("Bearer client, ")
