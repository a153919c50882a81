"""The fixtures, by the files that a user of the library writes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from flask import Flask

import auth.testing
from auth.testing import AsUser, TokenIssuer
from tests.auth.testing.test_local import PARTNER, SEVERAL, SHOP, service
from tests.support.environments import ROOT

CONFTEST = """
from flask import Flask
from auth import ResourceServer, current_token, require_jwt
from auth.testing import TokenIssuer
import pytest

pytest_plugins = ["auth.testing"]

def create_app(config=None):
    app = Flask("orders")
    app.config.update(AUTH_ISSUER="https://login.example", AUTH_AUDIENCE="https://api.example", AUTH_DISCOVERY=True)
    app.config.update(config or {})
    ResourceServer(app)

    @app.get("/orders")
    @require_jwt(scopes="orders:read")
    def orders():
        return {"orders_of": current_token.user_id}

    return app
"""

TESTS = """
def test_an_order(as_user):
    client = as_user("alice", scopes="orders:read")
    assert client.get("/orders").json == {"orders_of": "alice"}
    assert as_user("bob").get("/orders").status_code == 403

def test_a_header(app, jwt_issuer):
    headers = jwt_issuer.authorization("alice", scopes="orders:read")
    assert app.test_client().get("/orders", headers=headers).status_code == 200

def test_both(as_user, app, jwt_issuer):
    headers = jwt_issuer.authorization("carol", scopes="orders:read")
    assert as_user("alice").get("/orders", headers=headers).json == {"orders_of": "carol"}
"""

APPS = {
    "an app that knows nothing of it": "def app(): return create_app()",
    "an app with the settings of the issuer": "def app(jwt_issuer): return create_app(jwt_issuer.settings)",
}


@pytest.fixture
def app() -> Flask:
    return service(**SEVERAL)


@pytest.mark.parametrize("fixture", APPS.values(), ids=APPS)
def test_users_act_in_any_app(pytester: pytest.Pytester, fixture: str) -> None:
    """Even where ``conftest.py`` has imported the kit before pytest does, and every warning is an error."""
    pytester.makeconftest(f"{CONFTEST}\n@pytest.fixture\n{fixture}\n")
    pytester.makepyfile(TESTS)

    result = pytester.runpytest_inprocess("-W", "error", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=3)


def test_an_app_may_live_longer_than_a_test(pytester: pytest.Pytester) -> None:
    """One that is made once for all tests: its keys are replaced for each of them."""
    fixture = '@pytest.fixture(scope="session")\ndef app(): return create_app()'
    pytester.makeconftest(f"{CONFTEST}\n{fixture}\n")
    pytester.makepyfile(TESTS + TESTS.replace("def test_", "def test_again_"))

    pytester.runpytest_inprocess("-W", "error", "-p", "no:cacheprovider").assert_outcomes(passed=6)


def test_the_app_has_its_own_keys_in_a_test_without_the_fixtures(pytester: pytest.Pytester) -> None:
    """Nothing is replaced unless a test asks for it."""
    fixture = '@pytest.fixture(scope="session")\ndef app(): return create_app()'
    pytester.makeconftest(f"{CONFTEST}\n{fixture}\n")
    pytester.makepyfile(
        """
        def test_first(as_user): pass
        def test_second(app):
            from auth.testing import TokenIssuer
            issuer = TokenIssuer.generate("ES256", issuer="https://login.example", audience="https://api.example")
            assert app.test_client().get("/orders", headers=issuer.authorization("alice")).status_code == 503
        """
    )

    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_a_test_without_an_app_is_told_what_is_missing(pytester: pytest.Pytester) -> None:
    """In one sentence, without a traceback; an issuer alone needs no app."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        """
        def test_user(as_user): pass
        def test_issuers(jwt_issuers): pass
        def test_issuer(jwt_issuer): assert jwt_issuer.settings["AUTH_PUBLIC_KEY"]
        """
    )

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*as_user needs a fixture called app that returns your Flask app.*"])


def test_an_app_that_asks_for_an_unknown_fixture_is_told_of_that_one(pytester: pytest.Pytester) -> None:
    """The mistake is not taken for an app that is missing."""
    pytester.makeconftest(f"{CONFTEST}\n@pytest.fixture\ndef app(databse): return create_app()\n")
    pytester.makepyfile("def test_user(as_user): pass")

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'databse' not found*"])


def test_a_bad_token_gives_its_test_a_name(pytester: pytest.Pytester) -> None:
    """The words of the table stand in the report."""
    pytester.makepyfile(
        """
        import pytest
        from auth.testing import bad_tokens

        @pytest.mark.parametrize("bad", bad_tokens())
        def test_it(bad): pass
        """
    )

    result = pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider")

    result.stdout.fnmatch_lines(["*::test_it[[]alg none] PASSED*", "*::test_it[[]aud of another service] PASSED*"])


def test_users_of_several_issuers_have_their_clients(as_user: AsUser, jwt_issuers: dict[str, TokenIssuer]) -> None:
    """By the name of the issuer, which is the first unless one is named."""
    assert list(jwt_issuers) == [SHOP, PARTNER]
    assert as_user("alice").get("/me").json == {"user_id": "alice", "roles": []}
    assert as_user("alice", issuer=PARTNER).get("/me").json == {"user_id": "partner:alice", "roles": []}


def test_signing_needs_no_pytest() -> None:
    """Only the fixtures load it."""
    program = (
        "import sys; from auth.testing import TokenIssuer, acting_as, bad_tokens, local_issuer; "
        "print(len(bad_tokens()) > 30, 'pytest' in sys.modules)"
    )

    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "True False"


def test_a_name_that_does_not_exist_is_an_error() -> None:
    """As in any module, and the fixtures are listed beside the other names."""
    with pytest.raises(AttributeError, match="has no attribute 'as_usr'"):
        auth.testing.as_usr  # noqa: B018  # type: ignore[attr-defined]
    assert {"as_user", "jwt_issuer", "jwt_issuers", "TokenIssuer"} <= set(dir(auth.testing))
