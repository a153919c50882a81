"""The guards in other frameworks for Flask, in their current versions: none of them loses a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.support.environments import ROOT, make_environment, run
from tests.support.framework_apps import (
    CORS,
    CORS_PLACES,
    EXAMPLES,
    FRAMEWORKS,
    HANDLERS,
    HIDDEN,
    OWN_DECORATOR,
    PAGES,
    RUNS,
)

#: The frameworks as they are installed; Flask comes with them.
DISTRIBUTIONS = ("apiflask", "connexion[flask]", "flask-openapi3", "flask-restful", "flask-restx", "flask-smorest")

PLACES = [f"{framework}, {place}" for framework, (_, places) in FRAMEWORKS.items() for place in places]

#: Status, challenge and name of each refusal; they are the same everywhere.
REFUSALS: dict[str, tuple[int, str | None, str]] = {
    "no token": (401, 'Bearer realm="api"', "missing_token"),
    "bad token": (401, 'Bearer realm="api", error="invalid_token"', "malformed_token"),
    "no scope": (403, 'Bearer realm="api", error="insufficient_scope", scope="notes:read"', "insufficient_scope"),
    "another user": (403, None, "not_owner"),
}

#: The body of each refusal in the words of the service.
WORDED = {
    "no token": {"oops": "MissingTokenError"},
    "bad token": {"oops": "MalformedTokenError"},
    "no scope": {"oops": "InsufficientScopeError"},
    "another user": {"oops": "NotOwnerError"},
}


@pytest.fixture(scope="module")
def binaries(registry: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of an environment with all frameworks are."""
    folder = tmp_path_factory.mktemp("frameworks") / "venv"
    return make_environment(folder, "-c", ROOT / "constraints.txt", *DISTRIBUTIONS, "PyJWT[crypto]")


@pytest.fixture(scope="module")
def outcome(binaries: Path) -> Any:
    """What ``framework_apps`` has seen there."""
    printed = run([binaries / "python", "-m", "tests.support.framework_apps"])
    return json.loads(printed.splitlines()[-1])


@pytest.mark.parametrize("place", PLACES)
def test_a_guard_answers_alike_in_every_framework(place: str, outcome: Any) -> None:
    """However the app is run and whichever errors it handles: refused with the whole answer, or let in."""
    refused = {
        name: [status, challenge, "no-store", True, error] for name, (status, challenge, error) in REFUSALS.items()
    }
    worded = {name: [*answer[:-1], WORDED[name]] for name, answer in refused.items()}
    good = {"good token": [200, None, "no-store", True, {"notes_of": "alice"}]}

    expected = {
        f"{run}, {handled}": (worded if handled == "AuthError" else refused) | good
        for run in RUNS
        for handled in HANDLERS
    }

    assert outcome["answers"][place] == expected


@pytest.mark.parametrize("place", PLACES)
def test_an_app_that_denies_by_default_knows_every_place_of_a_guard(place: str, outcome: Any) -> None:
    """And refuses views whose guards only show when they run: it fails closed."""
    framework, _, where = place.partition(", ")
    is_hidden = where in (*HIDDEN, OWN_DECORATOR)
    said = "UNDECLARED" if is_hidden else "token notes:read, owner <user_id>"

    assert outcome["declared"][place] == {
        "listed at start": [] if framework == "Connexion" else [said],
        "good token": 403 if is_hidden else 200,
        "no token": 401,
        "HEAD": 401,
        "listed later": [said],
    }


@pytest.mark.parametrize("framework", PAGES)
def test_the_pages_of_a_framework_can_be_declared_public(framework: str, outcome: Any) -> None:
    """Its document and its viewer say nothing themselves; docs/frameworks.md has the names of the views."""
    _, names = PAGES[framework]

    assert all(f"`{name}`" in (ROOT / "docs/frameworks.md").read_text() for name in names)
    assert outcome["pages"][framework] == [403, 200]


@pytest.mark.parametrize("framework", EXAMPLES)
def test_the_example_of_a_framework_documents_its_guards(framework: str, outcome: Any) -> None:
    """A valid document with the padlock, 401, 403 and 503, and an open lock on what is public."""
    first, second = outcome["documents"][framework]
    validate(first)
    guarded, health = first["paths"]["/{user_id}/notes"]["get"], first["paths"]["/health"]["get"]

    assert first == second
    assert {"401", "403", "503"} <= guarded["responses"].keys()
    if framework == "Flask-RESTX":
        # Swagger 2.0 lists no scopes.
        assert guarded["security"] == [{"bearerAuth": []}]
        assert guarded["description"] == "Required scopes: `notes:read`."
        assert "bearerAuth" in first["securityDefinitions"]
    else:
        assert guarded["security"] == [{"bearerAuth": ["notes:read"]}]
        assert "bearerAuth" in first["components"]["securitySchemes"]
    assert health["security"] == []
    assert not {"401", "403", "503"} & health["responses"].keys()


def test_connexion_validates_a_request_before_the_guards_see_it(outcome: Any) -> None:
    """Its validation stands outside of Flask; docs/frameworks.md says so."""
    assert outcome["Connexion validates first"] is True


@pytest.mark.parametrize("place", CORS_PLACES)
@pytest.mark.parametrize("framework", CORS)
def test_the_decorator_for_cors_of_a_framework_answers_preflights(framework: str, place: str, outcome: Any) -> None:
    """It stands beside a guard; the handler for OPTIONS that these frameworks want never runs without a token."""
    assert outcome["preflights"][framework][place] == [200, "https://spa.example", 401, []]


def test_restx_answers_alike_for_what_is_anothers_and_for_what_nobody_has(binaries: Path) -> None:
    """Status, header fields and body, with every handler and in debug mode: ``hide=True`` gives nothing away."""
    printed = run([binaries / "python", "-m", "tests.support.hiding_apps"])
    outcome = json.loads(printed.splitlines()[-1])

    assert len(outcome) == 20
    for name, (unknown, hidden) in outcome.items():
        assert hidden == unknown, name
        assert unknown["GET"][0] == "404 NOT FOUND", name
