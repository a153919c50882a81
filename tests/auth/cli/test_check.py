"""``flask auth check`` against a real issuer: what is fine is said, what is not is said in a sentence of its own."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import pytest
from flask import Flask

from auth import KeySource, ResourceServer
from auth.cli.check import Finding, check_issuer
from auth.keys import KeyStatus, SimpleKeySource, VerificationKey
from auth.settings.service import AuthConfig
from tests.support.issuer_server import AUDIENCE, OPENID_METADATA, Fault, IssuerServer, SigningKey
from tests.support.proxy_server import ProxyServer
from tests.support.services import SECRET, SETTINGS, static_keys

KEY = SigningKey.generate("ES256")
NOW = 1_800_000_000


def settings_for(issuer: IssuerServer, **settings: Any) -> dict[str, Any]:
    bound = {"AUTH_ISSUER": issuer.issuer, "AUTH_AUDIENCE": AUDIENCE, "AUTH_JWKS_TIMEOUT": 2}
    return bound | {"AUTH_JWKS_URL": f"{issuer.jwks_url}?key=secret"} | settings


def findings(settings: dict[str, Any], *, keys: KeySource | None = None) -> list[Finding]:
    """Return what is found out about the only issuer of some settings."""
    (issuer,) = AuthConfig.from_mapping(settings, keys=keys).issuers
    return list(check_issuer(issuer, lambda: NOW))


def problems(settings: dict[str, Any], *, keys: KeySource | None = None) -> list[str]:
    return [finding.sentence for finding in findings(settings, keys=keys) if finding.is_problem]


def answering(issuer: IssuerServer, *, ahead: float = 0) -> IssuerServer:
    """Have an issuer show a clock that differs from ours, and answer at an address with a query."""
    issuer.headers["Date"] = formatdate(NOW + ahead, usegmt=True)
    issuer.documents["/jwks?key=secret"] = issuer.document("/jwks")
    return issuer


def test_a_good_configuration_is_described() -> None:
    """Without the query of the address, in which a secret may stand."""
    with IssuerServer([KEY, SigningKey.generate("RS256", "old").jwk(use="enc")]) as issuer:
        found = findings(settings_for(answering(issuer)))

    assert found == [
        Finding(f"{issuer.jwks_url} answers with 1 usable of 2 keys."),
        Finding('Ignored: key 1 (kid "old") is not for signatures ("use").'),
        Finding("Accepted algorithms with a key: ES256."),
        Finding("The clocks agree."),
    ]


def test_only_accepted_algorithms_are_listed() -> None:
    """An RSA key is made for six."""
    with IssuerServer([SigningKey.generate("RS256").jwk(alg=...)]) as issuer:
        found = findings(settings_for(answering(issuer), AUTH_ALGORITHMS=["PS256", "ES256"]))

    assert found[1] == Finding("Accepted algorithms with a key: PS256.")


def test_discovery_is_gone_through_as_the_service_does() -> None:
    """Metadata first, then the keys."""
    with IssuerServer([KEY]) as issuer:
        found = findings(settings_for(answering(issuer), AUTH_JWKS_URL=None, AUTH_DISCOVERY=True))

    assert found[0] == Finding(f"{issuer.jwks_url} answers with 1 usable of 1 keys.")


def test_metadata_of_another_issuer_is_a_problem() -> None:
    """With or without a slash at the end makes another; how near it is stands there."""
    with IssuerServer([KEY]) as issuer:
        issuer.metadata["issuer"] = f"{issuer.issuer}/"
        found = problems(settings_for(issuer, AUTH_JWKS_URL=None, AUTH_DISCOVERY=True))

    assert found == [
        f"The keys cannot be fetched: the metadata of {issuer.issuer} names another issuer, which differs only by a "
        "slash at the end. Set the issuer to exactly what the metadata and the tokens say, character by character."
    ]


OPEN = "Keys are fetched without credentials: this URL has to be open to everybody, or to this machine."
THE_DOCUMENT = "The URL has to be that of the document itself, in JSON, for a client without a login."
ANSWERS = {
    Fault.SERVER_ERROR: "answered with status 500.",
    Fault.NOT_FOUND: "answered with status 404. Correct the URL: the server has nothing there to be fetched.",
    Fault.UNAUTHORIZED: f"answered with status 401. {OPEN}",
    Fault.FORBIDDEN: f"answered with status 403. {OPEN}",
    Fault.TOO_MANY_REQUESTS: (
        "answered with status 429. The server wants to be asked less often: by fewer processes, or after a longer age "
        "of the keys."
    ),
    Fault.REDIRECT: (
        "answered with status 302, a redirect, which is not followed. Set the URL to which it leads; a login page "
        "there means that the URL needs to be opened first."
    ),
    Fault.HTML: f"answered with HTML or XML, which is not a JSON object. {THE_DOCUMENT}",
    Fault.EMPTY: f"answered with something that is not a JSON object. {THE_DOCUMENT}",
    Fault.HUGE: f"answered with more than 1048576 bytes. {THE_DOCUMENT}",
    Fault.HANGING: "did not answer in time.",
    Fault.RESET: "closed the connection.",
    Fault.NOT_HTTP: "did not answer in valid HTTP.",
}


def test_metadata_in_the_place_of_keys_are_a_problem() -> None:
    """Two addresses that look alike."""
    with IssuerServer([KEY]) as issuer:
        url = issuer.origin + "/metadata"
        issuer.documents["/metadata"] = issuer.document(OPENID_METADATA)
        found = problems(settings_for(issuer, AUTH_JWKS_URL=url))

    assert found == [
        f"The keys cannot be fetched: {url} is not a JWK Set: it has no list of keys. These are the metadata of an "
        "issuer: set the URL to the jwks_uri in them, or use discovery."
    ]


@pytest.mark.parametrize(("fault", "sentence"), ANSWERS.items(), ids=lambda value: getattr(value, "name", ""))
def test_an_issuer_that_cannot_be_asked_is_a_problem(fault: Fault, sentence: str) -> None:
    """In the words of the log, and with what to do about it."""
    with IssuerServer([KEY]) as issuer:
        issuer.fault = fault
        found = problems(settings_for(answering(issuer), AUTH_JWKS_TIMEOUT=0.3))

    assert found == [f"The keys cannot be fetched: {issuer.jwks_url} {sentence}"]


RUNS = "Check the host and the port, and whether the server runs."


def test_a_stopped_issuer_is_a_problem() -> None:
    """Nobody listens."""
    issuer = IssuerServer([KEY])

    assert problems(settings_for(issuer)) == [
        f"The keys cannot be fetched: {issuer.jwks_url} refuses connections. {RUNS}"
    ]


def test_a_host_that_nobody_knows_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6761 §6.4 keeps this name from everybody."""
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    url = "https://issuer.invalid/jwks"

    assert problems(BOUND | {"AUTH_JWKS_URL": url}) == [
        f"The keys cannot be fetched: {url} has a host name that cannot be resolved. Correct the host name, or the "
        "resolver of this machine."
    ]


def test_a_proxy_is_a_problem_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it refuses is no fault of the issuer; what has no effect is said before."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "*.example")
    with ProxyServer(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:password@{proxy.place}")
        found = findings(BOUND | {"AUTH_JWKS_URL": "https://login.example/jwks"})

    assert found == [
        Finding(
            "NO_PROXY means login.example with *.example, a form that has no effect here, so it is asked through "
            f"{proxy.name}. Write login.example, or the end of its name, between commas."
        ),
        Finding(
            f"The keys cannot be fetched: https://login.example/jwks cannot be reached: the proxy {proxy.name} "
            "answered with status 407. The proxy refused the user and the password in HTTPS_PROXY. Only Basic "
            "authentication is known here.",
            is_problem=True,
        ),
    ]


def test_an_issuer_without_keys_yet_is_none() -> None:
    """It may make its first one when it needs it."""
    with IssuerServer() as issuer:
        found = findings(settings_for(answering(issuer)))

    assert found[:3] == [
        Finding(f"{issuer.jwks_url} answers with 0 usable of 0 keys."),
        Finding("No token can be verified until the issuer publishes a usable key."),
        Finding("A running service verifies with the last usable keys for 600 s after it fetched them."),
    ]


def test_keys_that_are_all_left_out_are_a_problem() -> None:
    """That will not get better by itself."""
    with IssuerServer([{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]) as issuer:
        found = findings(settings_for(answering(issuer)))

    assert found[2:4] == [
        Finding("No token can be verified until the issuer publishes a usable key.", is_problem=True),
        Finding("A running service verifies with the last usable keys for 86400 s after it fetched them."),
    ]


def test_algorithms_that_do_not_meet_are_a_problem() -> None:
    """With both sides named."""
    with IssuerServer([KEY]) as issuer:
        found = problems(settings_for(answering(issuer), AUTH_ALGORITHMS=["RS256", "PS256"]))

    assert found == [
        "None of these keys is for an accepted algorithm: they are for ES256, accepted are PS256, RS256. "
        "Correct the setting of the accepted algorithms."
    ]


@pytest.mark.parametrize(
    ("ahead", "finding"),
    [
        (2, Finding("The clocks agree.")),
        (-32, Finding("The clock of the issuer is 32 s behind ours; the leeway forgives 30 s.")),
        (33, Finding("The clock of the issuer is 33 s ahead of ours; the leeway forgives 30 s.", is_problem=True)),
        (-90, Finding("The clock of the issuer is 90 s behind ours; the leeway forgives 30 s.", is_problem=True)),
    ],
)
def test_clocks_that_differ_by_more_than_is_forgiven_are_a_problem(ahead: float, finding: Finding) -> None:
    """The header has whole seconds, and takes its time."""
    with IssuerServer([KEY]) as issuer:
        found = findings(settings_for(answering(issuer, ahead=ahead)))

    assert found[-1] == finding


def test_an_issuer_may_keep_its_clock_to_itself() -> None:
    """Then nothing can be said about it."""
    with IssuerServer([KEY]) as issuer:
        answering(issuer).headers["Date"] = "soon"
        found = findings(settings_for(issuer))

    assert found[-1] == Finding("The issuer does not show its clock (no Date header).")


class Silent(SimpleKeySource):
    """A key source of somebody else, that says no more than it must."""

    def __init__(self, *, ready: bool) -> None:
        self._ready = ready

    def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        raise AssertionError("asked for a key")

    def ready(self) -> bool:
        return self._ready


class Talking(Silent):
    """One that says why."""

    def status(self) -> KeyStatus:
        return KeyStatus(ready=self._ready, keys=0, age=None, last_error="The safe is locked", next_refresh=None)


BOUND = {"AUTH_ISSUER": "https://login.example", "AUTH_AUDIENCE": AUDIENCE}


@pytest.mark.parametrize(
    ("settings", "keys", "finding"),
    [
        (SETTINGS, None, Finding("Keys given at start: 1.")),
        (BOUND, static_keys(SECRET), Finding("Keys given at start: 1.")),
        (BOUND, Silent(ready=True), Finding("Keys given at start.")),
        (
            BOUND,
            Silent(ready=False),
            Finding("There are no usable keys: the key source is not ready.", is_problem=True),
        ),
        (BOUND, Talking(ready=False), Finding("There are no usable keys: The safe is locked.", is_problem=True)),
    ],
)
def test_keys_that_are_not_fetched_are_asked_whether_they_are_ready(
    settings: dict[str, Any], keys: KeySource | None, finding: Finding
) -> None:
    """Nobody is on the other end."""
    assert findings(settings, keys=keys) == [finding]


def checked(**settings: Any) -> tuple[int, list[str]]:
    """Run the command in an app and return its exit status and lines."""
    app = Flask("service")
    app.config.update(settings)
    ResourceServer(app)
    result = app.test_cli_runner().invoke(args=["auth", "check"])
    return result.exit_code, result.output.splitlines()


def test_programs_read_the_findings_as_json() -> None:
    """The exit status is the same."""
    dead = IssuerServer()
    app = Flask("service")
    app.config.update(AUTH_ISSUER=dead.issuer, AUTH_AUDIENCE=["b", "a"], AUTH_JWKS_URL=dead.jwks_url)
    ResourceServer(app)

    result = app.test_cli_runner().invoke(args=["auth", "check", "--json"])

    assert result.exit_code == 1
    assert json.loads(result.output) == [
        {
            "issuer": dead.issuer,
            "audience": ["a", "b"],
            "findings": [
                {
                    "sentence": f"The keys cannot be fetched: {dead.jwks_url} refuses connections. {RUNS}",
                    "problem": True,
                }
            ],
        }
    ]


def test_the_command_says_what_it_has_found() -> None:
    """One heading for each issuer. The log has said the warnings of the start by then."""
    assert checked(AUTH_SECRET=SECRET) == (
        0,
        [
            "any issuer, for no audience:",
            "  Keys given at start: 1.",
        ],
    )


def test_the_command_names_an_issuer_by_all_its_names_and_asks_the_first() -> None:
    """An issuer that has moved answers at its new address."""
    with IssuerServer([KEY]) as issuer:
        names = [issuer.issuer, "https://old.example"]
        status, lines = checked(AUTH_ISSUER=names, AUTH_AUDIENCE=AUDIENCE, AUTH_DISCOVERY=True)

    assert (status, lines[:2]) == (
        0,
        [
            f"{issuer.issuer} and https://old.example, for {AUDIENCE}:",
            f"  {issuer.jwks_url} answers with 1 usable of 1 keys.",
        ],
    )


def test_the_command_fails_for_one_issuer_among_several() -> None:
    """And still tells of the others."""
    dead = IssuerServer()
    with IssuerServer([KEY]) as alive:
        entries = [
            {"issuer": dead.issuer, "jwks_url": dead.jwks_url, "audience": ["b", "a"]},
            {"issuer": alive.issuer, "discovery": True, "audience": AUDIENCE, "user_prefix": "p:"},
        ]
        status, lines = checked(AUTH_ISSUERS=entries)

    assert status == 1
    assert lines[:4] == [
        f"{dead.issuer}, for a, b:",
        f"  PROBLEM: The keys cannot be fetched: {dead.jwks_url} refuses connections. {RUNS}",
        f"{alive.issuer}, for {AUDIENCE}:",
        f"  {alive.jwks_url} answers with 1 usable of 1 keys.",
    ]
