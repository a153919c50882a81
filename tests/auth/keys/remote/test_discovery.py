"""Where an issuer's keys are, by its metadata."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from auth.keys import DiscoveredLocation, FetchError, FixedLocation, RemoteKeySettings, RemoteKeySource
from auth.keys.remote.connections import Deadline
from auth.keys.remote.discovery import Address, KeyFetcher, oauth_metadata_url, openid_metadata_url
from tests.support.issuer_server import JWKS, OAUTH_METADATA, OPENID_METADATA, Fault, IssuerServer, SigningKey


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    with IssuerServer([SigningKey.generate()]) as server:
        yield server


def find(issuer: str, seconds: float = 10) -> Address:
    return DiscoveredLocation(issuer).find(Deadline(seconds))


def reason(issuer: str, seconds: float = 10) -> str:
    with pytest.raises(FetchError) as raised:
        find(issuer, seconds)
    return str(raised.value)


METADATA_URLS = {
    "https://issuer.example": (
        "https://issuer.example/.well-known/openid-configuration",
        "https://issuer.example/.well-known/oauth-authorization-server",
    ),
    "https://tenant.auth0.example/": (
        "https://tenant.auth0.example/.well-known/openid-configuration",
        "https://tenant.auth0.example/.well-known/oauth-authorization-server",
    ),
    "https://keycloak.example:8443/realms/demo": (
        "https://keycloak.example:8443/realms/demo/.well-known/openid-configuration",
        "https://keycloak.example:8443/.well-known/oauth-authorization-server/realms/demo",
    ),
    "https://app.example/api/auth/": (
        "https://app.example/api/auth/.well-known/openid-configuration",
        "https://app.example/.well-known/oauth-authorization-server/api/auth",
    ),
}


@pytest.mark.parametrize(("issuer", "urls"), METADATA_URLS.items(), ids=METADATA_URLS)
def test_metadata_are_where_the_specifications_put_them(issuer: str, urls: tuple[str, str]) -> None:
    """OpenID Connect Discovery 1.0 §4.1 behind the path, RFC 8414 §3.1 before it."""
    assert (openid_metadata_url(issuer), oauth_metadata_url(issuer)) == urls


def test_a_fixed_location_asks_nobody() -> None:
    """Its URL is known, for good."""
    location = FixedLocation("https://issuer.example/jwks?key=secret")

    assert location.find(Deadline(0)) == Address("https://issuer.example/jwks?key=secret")
    assert location.name == "https://issuer.example/jwks"


def test_keys_are_found_by_openid_metadata(issuer: IssuerServer) -> None:
    """The other document is not asked for then."""
    assert find(issuer.issuer) == Address(issuer.jwks_url, keep=3600)
    assert issuer.requests == {OPENID_METADATA: 1}


@pytest.mark.parametrize("fault", [Fault.NOT_FOUND, Fault.SERVER_ERROR, Fault.REDIRECT, Fault.HTML, Fault.EMPTY])
def test_keys_are_found_by_oauth_metadata_where_there_are_no_others(issuer: IssuerServer, fault: Fault) -> None:
    """Any answer but 200 with a JSON object means that there are none."""
    issuer.faults[OPENID_METADATA] = fault

    assert find(issuer.issuer).url == issuer.jwks_url
    assert issuer.requests == {OPENID_METADATA: 1, OAUTH_METADATA: 1}


@pytest.mark.parametrize("missing", [OPENID_METADATA, OAUTH_METADATA], ids=["oauth", "openid"])
def test_an_issuer_with_a_path_has_its_metadata_around_it(missing: str) -> None:
    """Behind it for OpenID, before it for OAuth."""
    with IssuerServer(path="/realms/demo") as issuer:
        issuer.faults["/realms/demo" + missing] = issuer.faults[missing + "/realms/demo"] = Fault.NOT_FOUND

        assert find(issuer.issuer).url == issuer.jwks_url


def test_an_issuer_without_metadata_is_described_by_both_attempts(issuer: IssuerServer) -> None:
    """The log says which URLs to look at."""
    issuer.fault = Fault.NOT_FOUND

    assert reason(issuer.issuer) == (
        f"{issuer.origin}{OPENID_METADATA} answered with status 404; "
        f"{issuer.origin}{OAUTH_METADATA} answered with status 404"
    )


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.NOT_HTTP])
def test_a_server_that_does_not_answer_is_not_asked_twice(issuer: IssuerServer, fault: Fault) -> None:
    """It might have metadata, for all we know."""
    issuer.fault = fault

    reason(issuer.issuer)

    assert issuer.requests == {OPENID_METADATA: 1}


ANOTHER = {
    "{issuer}/": ", which differs only by a slash at the end",
    "{issuer}/v2.0": ", which differs only by the version at the end of the path",
    "http://localhost:{port}": ", which differs only by the host",
    "https://127.0.0.1:{port}": ", which differs only by the scheme",
    "HTTP://127.0.0.1:{port}": ", which differs only by upper and lower case",
    "https://login.example/tenant": "",
    "": "",
    None: "",
    5: "",
    ...: "",
}


@pytest.mark.parametrize(("other", "difference"), ANOTHER.items(), ids=str)
def test_metadata_of_another_issuer_are_refused(issuer: IssuerServer, other: object, difference: str) -> None:
    """RFC 8414 §3.3: identical, character by character; no other document is tried then. A near name is told apart."""
    if isinstance(other, str):
        other = other.format(issuer=issuer.issuer, port=issuer.port)
    issuer.metadata["issuer"] = other

    assert reason(issuer.issuer) == f"the metadata of {issuer.issuer} names another issuer{difference}"
    assert issuer.requests == {OPENID_METADATA: 1}


def test_the_slash_at_the_end_belongs_to_the_issuer(issuer: IssuerServer) -> None:
    """As with Auth0: it is part of the name, and in the metadata too."""
    issuer.metadata["issuer"] = issuer.issuer + "/"

    assert find(issuer.issuer + "/").url == issuer.jwks_url


@pytest.mark.parametrize("value", [..., None, 5, ["https://issuer.example/jwks"]], ids=str)
def test_metadata_without_jwks_uri_are_no_use(issuer: IssuerServer, value: object) -> None:
    """Issuers of opaque tokens have none."""
    issuer.metadata["jwks_uri"] = value

    assert reason(issuer.issuer) == f"the metadata of {issuer.issuer} has no jwks_uri"


BAD_URIS = ["http://issuer.example/jwks", "file:///etc/passwd", "ftp://issuer.example", "/jwks", "", "https://["]


@pytest.mark.parametrize("uri", BAD_URIS)
def test_keys_are_fetched_by_https_wherever_metadata_point(issuer: IssuerServer, uri: str) -> None:
    """A document is not trusted with more than a setting."""
    issuer.metadata["jwks_uri"] = uri

    assert reason(issuer.issuer) == f"the metadata of {issuer.issuer} has a jwks_uri that is not an https URL"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:3000/jwks", "HTTP://localhost/jwks"])
@pytest.mark.parametrize("issuer", ["https://issuer.example", "https://localhost"])
def test_an_issuer_with_https_cannot_send_us_to_this_machine_by_http(
    issuer: str, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain http on loopback is for issuers that are there themselves, in development."""
    monkeypatch.setattr(DiscoveredLocation, "_metadata", lambda *_: {"issuer": issuer, "jwks_uri": uri})

    assert reason(issuer) == f"the metadata of {issuer} has a jwks_uri that is not an https URL"


def test_an_issuer_may_keep_its_keys_on_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Google does; its metadata came by https."""
    metadata = {"issuer": "https://issuer.example", "jwks_uri": "https://keys.example/jwks"}
    monkeypatch.setattr(DiscoveredLocation, "_metadata", lambda *_: metadata)

    assert find("https://issuer.example") == Address("https://keys.example/jwks", keep=3600)


def test_a_plain_http_issuer_elsewhere_is_not_asked() -> None:
    """The configuration refuses it; so does this."""
    assert "is not an https URL" in reason("http://issuer.example")


@pytest.mark.parametrize(
    ("issuer", "uri", "is_refused"),
    [
        ("http://keycloak:8080", "http://keycloak:8080/jwks", False),
        ("http://localhost:8080", "http://KeyCloak/jwks", False),
        ("http://keycloak:8080", "http://other:8080/jwks", True),
        ("https://keycloak", "http://keycloak:8080/jwks", True),
    ],
)
def test_metadata_may_put_the_keys_at_a_host_that_plain_http_is_allowed_to(
    issuer: str, uri: str, is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the exact name. Metadata that came by https must not lead to plain http even there."""
    monkeypatch.setattr(DiscoveredLocation, "_metadata", lambda *_: {"issuer": issuer, "jwks_uri": uri})
    location, hosts = DiscoveredLocation(issuer, http_hosts=frozenset({"keycloak"})), frozenset({"keycloak"})

    if not is_refused:
        assert location.find(Deadline(1)) == Address(uri, keep=3600, http_hosts=hosts)
        return
    with pytest.raises(FetchError) as raised:
        location.find(Deadline(1))
    assert str(raised.value) == f"the metadata of {issuer} has a jwks_uri that is not an https URL"
    way_out = "" if issuer.startswith("https") else "In development, AUTH_INSECURE_HTTP_HOSTS may name its host."
    assert raised.value.advice == way_out


def test_metadata_and_keys_share_one_deadline(issuer: IssuerServer) -> None:
    """Slow twice is not twice as long."""
    issuer.faults[JWKS] = Fault.HANGING
    keys = RemoteKeySource(DiscoveredLocation(issuer.issuer), settings=RemoteKeySettings(timeout=0.2))
    began = time.monotonic()

    with pytest.raises(FetchError, match="did not answer in time"):
        keys.fetch_now()

    assert time.monotonic() - began < 2


def fetcher(issuer: IssuerServer, now: list[float]) -> KeyFetcher:
    return KeyFetcher(DiscoveredLocation(issuer.issuer), RemoteKeySettings(timeout=10), lambda: now[0])


def test_the_location_is_remembered_for_an_hour(issuer: IssuerServer) -> None:
    """Metadata hardly ever change."""
    now = [1000.0]
    keys = fetcher(issuer, now)
    for now[0] in (1000.0, 1001.0, 4599.0):
        keys.fetch()
    assert issuer.requests == {OPENID_METADATA: 1, JWKS: 3}

    now[0] = 4600.0
    keys.fetch()

    assert issuer.requests == {OPENID_METADATA: 2, JWKS: 4}


@pytest.mark.parametrize("document", [{"error": "gone"}, []], ids=["no set", "no object"])
def test_the_location_is_looked_up_again_once_it_fails(issuer: IssuerServer, document: object) -> None:
    """The keys may have moved."""
    keys = fetcher(issuer, [1000.0])
    keys.fetch()
    issuer.documents = {JWKS: document, "/moved": {"keys": []}}
    issuer.metadata["jwks_uri"] = f"{issuer.origin}/moved"
    with pytest.raises(FetchError):
        keys.fetch()

    assert keys.fetch().url == f"{issuer.origin}/moved"


@pytest.mark.parametrize("is_found", [False, True])
def test_the_keys_of_another_issuer_of_the_server_are_left_out(issuer: IssuerServer, is_found: bool) -> None:
    """In a set that was configured or discovered; without an owner, what a key says about its issuer means nothing."""
    key = SigningKey.generate("ES256", "theirs").jwk(issuer=f"{issuer.origin}/another")
    issuer.keys = [SigningKey.generate("ES256", "ours").jwk(issuer=issuer.issuer), key]

    def kept(owner: str | None) -> set[str | None]:
        location = DiscoveredLocation(issuer.issuer, owner) if is_found else FixedLocation(issuer.jwks_url, owner)
        return {key.key_id for key in RemoteKeySource(location).fetch_now().ring.keys}

    assert kept(issuer.issuer) == {"ours"}
    assert kept(None) == {"ours", "theirs"}
