"""An issuer whose keys an app fetches over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from auth.testing import PublishedIssuer, acting_as
from auth.testing.signing_keys import generate_key
from auth.tokens.profiles import PROFILES
from tests.auth.testing.test_local import get_me, service
from tests.support.services import SECRET

AUDIENCE = "https://api.example"


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own address
        return json.load(answer)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_app_finds_the_keys_by_the_name_of_the_issuer(profile: str) -> None:
    """For every profile: through its metadata, over the network."""
    with PublishedIssuer.generate("ES256", audience=AUDIENCE, profile=profile) as issuer:
        app = service(**issuer.settings)

        assert get_me(app, issuer)["user_id"] == "alice"


@pytest.mark.parametrize("algorithm", ["RS256", "ES512", "EdDSA", "Ed25519"])
def test_keys_of_every_kind_are_published(algorithm: str) -> None:
    """With an id, which is in the tokens too."""
    with PublishedIssuer.generate(algorithm, audience=AUDIENCE) as issuer:
        app = service(**issuer.settings)
        (key,) = fetched(issuer.jwks_url)["keys"]

        assert (key["alg"], key["use"], "d" in key) == (algorithm, "sig", False)
        assert get_me(app, issuer)["user_id"] == "alice"


def test_an_issuer_may_have_the_name_of_the_real_one() -> None:
    """Its keys are found by the address of the key set then."""
    with PublishedIssuer.generate("ES256", issuer="https://login.example", audience=AUDIENCE) as issuer:
        app = service(**issuer.settings)

        assert app.config["AUTH_JWKS_URL"] == issuer.jwks_url
        assert get_me(app, issuer)["user_id"] == "alice"


def test_an_outage_is_the_end_of_the_block() -> None:
    """An app that has no keys yet cannot tell good tokens from bad ones then."""
    with PublishedIssuer.generate("ES256", audience=AUDIENCE) as issuer:
        app = service(**issuer.settings, AUTH_JWKS_TIMEOUT=0.5)

    assert get_me(app, issuer)["error"] == "keys_unavailable"


def test_an_issuer_may_come_back_on_its_port() -> None:
    """With the same key, as after a restart."""
    key = generate_key("ES256")
    with PublishedIssuer(key, audience=AUDIENCE) as issuer:
        port = int(str(issuer.issuer).rpartition(":")[2])
    again = PublishedIssuer(key, audience=AUDIENCE, port=port)

    with again:
        assert (again.issuer, get_me(service(**again.settings), issuer)["user_id"]) == (issuer.issuer, "alice")


def test_other_paths_are_not_found() -> None:
    """It is no login server."""
    with PublishedIssuer.generate("ES256") as issuer, pytest.raises(urllib.error.HTTPError, match="404") as refused:
        fetched(f"{issuer.issuer}/authorize")

    refused.value.close()


def test_users_act_without_asking_it() -> None:
    """The keys come from the kit then, so it may be down."""
    with PublishedIssuer.generate("ES256", audience=AUDIENCE) as issuer:
        app = service(**issuer.settings)

    with acting_as(app, "alice") as token:
        assert token.issuer == issuer.issuer


def test_a_shared_secret_is_not_published() -> None:
    """Everybody could sign with it."""
    with pytest.raises(TypeError, match="A shared secret is never published: use a private key"):
        PublishedIssuer(SECRET)
