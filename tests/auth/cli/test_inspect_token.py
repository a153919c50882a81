"""``flask auth inspect``: what it shows of a token, and that it says what a request would be told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from auth import KeySource, require_jwt
from auth.keys import FixedLocation, RemoteKeySettings, RemoteKeySource, SimpleKeySource, VerificationKey
from auth.testing import TokenIssuer
from tests.support.environments import ROOT, clean_environment
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    HEADER,
    ISSUED,
    ISSUER,
    NOW,
    OTHER_SECRET,
    SECRET,
    bearer,
    compact,
    segment,
    service,
    with_claims,
    with_header,
)

PAIR = TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)

#: The header of an encrypted token.
ENCRYPTED = segment(b'{"alg": "dir", "enc": "A256GCM"}')


def inspected(app: Flask, token: str, *arguments: str, typed: str | bytes | None = None) -> Result:
    """Return what the command says of a token."""
    return app.test_cli_runner().invoke(args=["auth", "inspect", token, *arguments], input=typed)


def checks(app: Flask, token: str) -> dict[str, tuple[Any, str]]:
    """Return what each check has found."""
    data = json.loads(inspected(app, token, "--json").output)
    return {check["check"]: (check["passed"], check["sentence"]) for check in data["checks"]}


def test_a_good_token_is_shown_with_every_check() -> None:
    """Times in words, the user, and what is granted; nothing of the signature."""
    token = with_claims(scope="notes:read", roles=["editor"])

    result = inspected(service(), token)

    assert result.exit_code == 0
    assert result.output == (
        "Header\n"
        '  alg  "HS256"\n'
        '  typ  "JWT"\n'
        "\n"
        "Claims\n"
        '  iss    "https://login.example"\n'
        '  aud    "https://api.example"\n'
        '  sub    "alice"\n'
        "  iat    1800000000  2027-01-15 08:00:00 UTC (now)\n"
        "  exp    1800000900  2027-01-15 08:15:00 UTC (in 15 minutes)\n"
        '  scope  "notes:read"\n'
        '  roles  ["editor"]\n'
        "\n"
        "Checks by the settings of this app\n"
        "  ✓ form              three parts in base64url; header and claims are JSON objects.\n"
        "  ✓ header            nothing in it is unknown.\n"
        '  ✓ issuer            iss is "https://login.example".\n'
        "  ✓ algorithm         alg is HS256.\n"
        "  ✓ signature         a key of the issuer verifies it.\n"
        "  ✓ kind              an access token.\n"
        '  ✓ audience          aud is "https://api.example".\n'
        "  ✓ claim types       registered claims have the types of RFC 7519.\n"
        "  ✓ required claims   there are exp, iat.\n"
        '  ✓ user              the user is "alice".\n'
        "  ✓ caller            a user's token; no client is named.\n"
        "  ✓ scopes and roles  scopes notes:read; roles editor.\n"
        "  ✓ times             valid until 2027-01-15 08:15:30 UTC (in 15 minutes), the leeway included.\n"
        "  ✓ binding           the token is not bound to a key.\n"
        "\n"
        'This app accepts the token. The user is "alice"; scopes notes:read; roles editor.\n'
        "A view may still ask for scopes, roles, another login, another user or another caller: flask auth routes "
        "lists them.\n"
    )
    assert token.rpartition(".")[2] not in result.output


#: Tokens that are refused, and the check that says why: its name, and what it says.
REFUSED: dict[str, tuple[str, str, str]] = {
    "a slash too many": (
        with_claims(iss=f"{ISSUER}/"),
        "issuer",
        "iss differs from AUTH_ISSUER only by a slash at the end; expected https://login.example; "
        'found "https://login.example/".',
    ),
    "no issuer": (
        with_claims(iss=...),
        "issuer",
        "iss is absent or not a string; expected https://login.example; found nothing.",
    ),
    "another version in the audience": (
        with_claims(aud=f"{AUDIENCE}/v2"),
        "audience",
        "aud differs from AUTH_AUDIENCE only by the version at the end of the path; expected https://api.example; "
        'found "https://api.example/v2".',
    ),
    "no audience": (
        with_claims(aud=...),
        "audience",
        "aud is absent or not a string or a list of strings; expected https://api.example; found nothing.",
    ),
    "expired": (
        with_claims(iat=NOW - 4000, exp=NOW - 3600),
        "times",
        "exp is reached; iat is 2027-01-15 06:53:20 UTC (1 hour ago); exp is 2027-01-15 07:00:00 UTC (1 hour ago); "
        "the leeway is 30 s.",
    ),
    "from the future": (
        with_claims(iat=NOW + 90_000, exp=NOW + 200_000),
        "times",
        "iat lies ahead (is the clock of this machine right?); iat is 2027-01-16 09:00:00 UTC (in 1 day); "
        "exp is 2027-01-17 15:33:20 UTC (in 2 days); the leeway is 30 s.",
    ),
    "signed with another secret": (
        compact(secret=OTHER_SECRET),
        "signature",
        "the signature does not verify; kid is nothing; the keys of the issuer have no ids.",
    ),
    "another algorithm": (
        with_header(alg="RS256", kid="k1"),
        "algorithm",
        'alg is not one of AUTH_ALGORITHMS; expected HS256; found "RS256".',
    ),
    "no signature": (
        compact({"alg": "none"}).rpartition(".")[0] + ".",
        "algorithm",
        'alg is not one of AUTH_ALGORITHMS; expected HS256; found "none".',
    ),
    "no algorithm": (with_header(alg=...), "header", "alg is not a string."),
    "an ID token": (with_claims(at_hash="x"), "kind", 'an ID token by its claims; typ is "JWT".'),
    "a refresh token without typ": (
        compact({"alg": "HS256"}, {**CLAIMS, "type": "refresh"}),
        "kind",
        "another kind of token by its type, such as a refresh or ID token; typ is nothing.",
    ),
    "a number as the user": (with_claims(sub=7), "claim types", "sub has the wrong type."),
    "a text as the time": (with_claims(exp="soon"), "claim types", "exp has the wrong type."),
    "no time": (with_claims(exp=...), "required claims", "exp is absent or null."),
    "scopes of another type": (with_claims(scope=7), "scopes and roles", "scope is neither text nor a list of texts."),
    "bound to a key": (with_claims(cnf={}), "binding", "bound to a key by cnf, not a bearer token (RFC 7800)."),
    "an opaque token": ("2YotnFZFEjr1zCsicMWpAA", "form", "not three base64url segments."),
    "an encrypted token": (
        f"{ENCRYPTED}....",
        "form",
        "five segments, so encrypted (RFC 7516 §7.1).",
    ),
    "a placeholder": ("undefined", "form", "a word that stands for no token."),
    "quotation marks": (f'"{with_claims()}"', "form", "quotation marks stand around the token."),
    "claims that are no object": (compact(claims=[]), "form", "the payload is not a JSON object."),
    "too long": (with_claims(x="x" * 9000), "form", "12252 characters are more than the 8192 that this app takes."),
}


@pytest.mark.parametrize(("token", "check", "sentence"), REFUSED.values(), ids=REFUSED)
def test_the_check_that_refuses_a_token_says_why(token: str, check: str, sentence: str) -> None:
    """It is the first that is not passed, and the conclusion is what a request is told."""
    app = service()
    app.add_url_rule("/", "view", require_jwt(lambda: ""))
    answer = app.test_client().get("/", headers=bearer(token))

    result = inspected(app, token)
    data = json.loads(inspected(app, token, "--json").output)

    found = [each for each in data["checks"] if each["passed"] is False]
    assert result.exit_code == 1
    assert found[0]["check"] == check
    assert found[0]["sentence"] == sentence
    assert f"  ✗ {check:16}  {sentence}" in result.output.splitlines()
    told = answer.get_json()
    assert (data["status"], data["error"], data["message"]) == (told["code"], told["error"], told["message"])
    assert result.output.splitlines()[-1] == f"This app answers {told['code']} {told['error']}: {told['message']}"
    assert not data["accepted"]


@pytest.mark.parametrize(("token", "check", "_sentence"), REFUSED.values(), ids=REFUSED)
def test_claims_that_no_key_has_verified_are_called_so(token: str, check: str, _sentence: str) -> None:
    """A good signature is the only proof; that of an expired token is good."""
    output = inspected(service(), token).output

    warned = "No key has verified this token: anybody can write such a header and such claims." in output
    assert warned == ("✓ signature" not in output)
    assert warned == (check in {"signature", "algorithm", "header", "form"} and len(token) < 8192)


def test_a_token_may_be_typed_or_come_with_the_line_around_it() -> None:
    """From the standard input it stays out of the shell's history."""
    app, token = service(), with_claims()

    accepted = [
        inspected(app, token),
        inspected(app, "-", typed=f"{token}\n"),
        inspected(app, "-", typed=f"  Bearer   {token}\r\n\n"),
        inspected(app, f"Authorization: Bearer {token}"),
        inspected(app, f"authorization:bearer {token}"),
    ]

    assert {result.output for result in accepted} == {accepted[0].output}
    assert {result.exit_code for result in accepted} == {0}


@pytest.mark.parametrize("typed", ["", " \n", "Bearer ", "Authorization: Bearer\n"])
def test_an_input_without_a_token_is_a_wrong_call(typed: str) -> None:
    """Not a refused token."""
    result = inspected(service(), "-", typed=typed)

    assert result.exit_code == 2
    assert result.output.endswith("Error: Invalid value for TOKEN: there is no token in the input\n")


@pytest.mark.parametrize(
    "typed", [b"\xff\xfe\x00", b"\x00.\x00.\x00", b"eyJ\x1b[31m.a.b", "ü.é.ñ".encode(), b"." * 999]
)
def test_whatever_is_typed_is_a_malformed_token_at_worst(typed: bytes) -> None:
    """No traceback, and nothing that a terminal would act on."""
    result = inspected(service(), "-", typed=typed)

    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "\x1b" not in result.output
    assert "This app answers 401 malformed_" in result.output


def test_a_terminal_is_not_told_anything_by_a_token() -> None:
    """Characters that cannot be seen are shown as escapes, in names and in values."""
    result = inspected(service(), with_claims(**{"na\x1bme": "a\u202eb\x9b", "text": "zoë"}))

    assert "\x1b" not in result.output
    assert '  na\\x1bme  "a\\u202eb\\x9b"\n' in result.output
    assert '  text      "zoë"\n' in result.output


def test_the_header_of_an_encrypted_token_is_shown() -> None:
    """It is not encrypted (RFC 7516 §7.1)."""
    token = f"{ENCRYPTED}.a.b.c.d"

    data = json.loads(inspected(service(), token, "--json").output)

    assert (data["header"], data["claims"]) == ({"alg": "dir", "enc": "A256GCM"}, None)


def test_what_can_be_read_of_a_malformed_token_is_shown() -> None:
    """Here only the signature is broken."""
    data = json.loads(inspected(service(), f"{with_claims().rpartition('.')[0]}.a", "--json").output)

    assert (data["header"], data["claims"]) == (HEADER, CLAIMS)


def test_checks_that_mean_nothing_after_another_are_not_made() -> None:
    """A signature by an algorithm that is not accepted, and times of the wrong type."""
    found = checks(service(), with_header(alg="HS512"))

    assert found["signature"] == (None, "Not checked, because the check of the algorithm was not passed.")
    assert checks(service(), with_claims(exp="1"))["times"][0] is None


def test_a_token_that_never_expires_is_called_so() -> None:
    """Where the settings allow it."""
    app = service(AUTH_REQUIRED_CLAIMS=[])

    assert checks(app, with_claims(exp=..., iat=...))["times"] == (True, "the token never expires.")
    assert checks(app, with_claims(exp=..., iat=...))["required claims"] == (True, "there are none.")


def test_the_greatest_age_is_named() -> None:
    """With the setting that decides it."""
    result = inspected(service(AUTH_MAX_TOKEN_AGE=60), with_claims(iat=NOW - 100))

    assert "older than AUTH_MAX_TOKEN_AGE; iat is 2027-01-15 07:58:20 UTC (1 minute ago);" in result.output
    assert "Decided by AUTH_LEEWAY and AUTH_MAX_TOKEN_AGE." in result.output


def test_times_beyond_the_calendar_are_called_so() -> None:
    """Numbers that no date has."""
    assert "  exp  1e+300  outside of the calendar\n" in inspected(service(), with_claims(exp=1e300)).output


def test_null_and_empty_tokens_are_shown_as_they_are() -> None:
    """A claim that is null counts as absent; a header without members has no columns."""
    assert "  nbf  null\n" in inspected(service(), with_claims(nbf=None)).output
    assert "Header\n\nClaims\n\n" in inspected(service(), compact({}, {})).output


def test_an_issuer_and_an_audience_that_are_not_set_are_called_so() -> None:
    """A shared secret allows both."""
    found = checks(service(AUTH_ISSUER=None, AUTH_AUDIENCE=None), with_claims(aud=...))

    assert found["issuer"] == (True, "any issuer is accepted.")
    assert found["audience"] == (True, "the token names none, and none is set.")


def test_among_several_issuers_the_one_that_was_probably_meant_is_asked() -> None:
    """A token that names none of them is not checked any further."""
    other = "https://other.example"
    entries = [{"issuer": ISSUER, "secret": SECRET}, {"issuer": other, "secret": OTHER_SECRET, "user_prefix": "o:"}]
    app = service(AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_ISSUERS=entries)
    nearly = inspected(app, compact(claims={**CLAIMS, "iss": f"{other}/"}, secret=OTHER_SECRET))
    right = inspected(app, compact(claims={**CLAIMS, "iss": other}, secret=OTHER_SECRET))
    nothing = inspected(app, compact(claims={**CLAIMS, "iss": "https://elsewhere.test/x"}))
    no_name = inspected(app, with_claims(iss=...))
    forged = inspected(app, compact(claims={**CLAIMS, "iss": other}))

    assert f"Checks by the settings of this app, for the issuer {other}\n" in nearly.output
    assert "✓ signature" in nearly.output
    assert "Decided by AUTH_ISSUER, or by the same in an entry of AUTH_ISSUERS." in nearly.output
    assert 'The user is "o:alice"' in right.output
    assert "- the rest          Not checked: each issuer has settings of its own" in nothing.output
    assert "- the rest" in no_name.output
    assert "Decided by the keys in AUTH_ISSUERS." in forged.output
    assert [result.exit_code for result in (nearly, right, nothing, no_name, forged)] == [1, 0, 1, 1, 1]


def test_the_keys_that_were_tried_are_named_by_their_ids() -> None:
    """And the one the token asks for; the setting that holds them, or what brought them."""
    public = service(AUTH_SECRET=None, AUTH_PUBLIC_KEY=PAIR.public_key)
    given = service(keys=PAIR.keys, AUTH_SECRET=None)
    forged = TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW).issue(
        "alice", headers={"kid": "k9"}
    )

    assert 'kid is "k9"; the keys of the issuer have no ids.' in inspected(public, forged).output
    assert "Decided by AUTH_PUBLIC_KEY." in inspected(public, forged).output
    assert "Decided by keys=." in inspected(given, forged).output
    assert inspected(given, PAIR.issue("alice")).exit_code == 0


class Vault(SimpleKeySource):
    """Keys that are asked for one at a time."""

    def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        return [VerificationKey.from_pem(PAIR.public_key)]


def test_the_keys_of_a_source_that_lists_none_are_not_named() -> None:
    """Nobody knows which there are."""
    forged = TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW).issue("alice")

    found = checks(service(keys=Vault(), AUTH_SECRET=None), forged)

    assert found["signature"] == (False, "the signature does not verify; kid is nothing.")


def test_plain_marks_are_printed_where_there_are_no_others() -> None:
    """On a terminal that has ASCII alone."""
    result = service().test_cli_runner(charset="ascii").invoke(args=["auth", "inspect", with_claims(iss="ä")])

    assert "\n  + form " in result.output
    assert (
        '\n  x issuer            iss is not AUTH_ISSUER; expected https://login.example; found "\\xe4".'
        in result.output
    )


def unreachable() -> KeySource:
    return RemoteKeySource(
        FixedLocation("http://127.0.0.1:9/jwks.json", None, frozenset()), settings=RemoteKeySettings(timeout=0.1)
    )


def test_keys_that_are_unavailable_are_not_held_against_the_token() -> None:
    """Another exit status, and the command that says more."""
    result = inspected(service(keys=unreachable(), AUTH_SECRET=None), PAIR.issue("alice"))

    assert result.exit_code == 3
    assert "- signature         Not checked: the keys of the issuer are unavailable (" in result.output
    assert "No key has verified this token" in result.output
    assert result.output.splitlines()[-2:] == [
        "This app answers 503 keys_unavailable: The keys to verify access tokens are not available at the moment. "
        "Try again later.",
        "The token may be fine. Ask flask auth check why the keys are unavailable.",
    ]


def test_the_tenant_of_a_token_is_shown() -> None:
    """As the app reads it, for people and for programs."""
    app = service(AUTH_TENANT_CLAIM="o.id")
    token = ISSUED.issue("alice", claims={"o": {"id": "acme"}})

    assert 'The user is "alice", of the tenant "acme"; scopes' in inspected(app, token).output
    assert json.loads(inspected(app, token, "--json").output)["tenant_id"] == "acme"


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        (
            {"acr": "phr", "auth_time": NOW - 300},
            "Of the login it says: acr is phr; auth_time is 2027-01-15 07:55:00 UTC (5 minutes ago).",
        ),
        ({"acr": "phr\x1b[2J"}, r"Of the login it says: acr is phr\x1b[2J."),
        ({"auth_time": NOW}, "Of the login it says: auth_time is 2027-01-15 08:00:00 UTC (now)."),
        (
            {"auth_time": "noon"},
            "Of the login it says: auth_time has the wrong type, so a view that asks for it answers 401 "
            "malformed_token.",
        ),
        ({}, None),
    ],
)
def test_the_login_is_shown(claims: dict[str, Any], sentence: str | None) -> None:
    """What a view that asks for it would compare."""
    result = inspected(service(), with_claims(**claims))

    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if line.startswith("Of the login")] == [sentence] * bool(
        sentence
    )


def test_the_output_of_a_program_is_json() -> None:
    """Everything that people see, by name."""
    data = json.loads(inspected(service(), ISSUED.issue("alice", scopes=["b", "a"]), "--json").output)

    assert {name: data[name] for name in data if name not in {"checks", "claims", "header"}} == {
        "accepted": True,
        "signature_verified": True,
        "issuer": ISSUER,
        "user_id": "alice",
        "tenant_id": None,
        "is_client": False,
        "client_id": None,
        "actor": None,
        "scopes": ["a", "b"],
        "roles": [],
        "status": None,
        "error": None,
        "message": None,
    }
    assert data["checks"][2] == {
        "check": "issuer",
        "passed": True,
        "sentence": f'iss is "{ISSUER}".',
        "settings": ["AUTH_ISSUER"],
    }


CALLERS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "a client": ({"client_id": "alice"}, True, 'a client\'s own token; the client is "alice".'),
    "a user": ({"azp": "web"}, True, 'a user\'s token; the client is "web".'),
    "an actor": (
        {"client_id": "web", "act": {"sub": "help\x1bdesk"}},
        True,
        'a user\'s token; the client is "web"; the actor is "help\\u001bdesk".',
    ),
    "a bad actor": ({"act": {"sub": 7}}, False, 'act has no sub, or one that is not text; found {"sub": 7}.'),
}


@pytest.mark.parametrize(("claims", "passed", "sentence"), CALLERS.values(), ids=CALLERS)
def test_the_caller_is_shown(claims: dict[str, Any], passed: bool, sentence: str) -> None:
    """Whose token it is, and who acts."""
    assert checks(service(), with_claims(**claims))["caller"] == (passed, sentence)


def test_a_clients_own_token_is_called_so() -> None:
    """In the conclusion, and in JSON."""
    token = with_claims(client_id="alice", act={"sub": "helpdesk"})

    said = inspected(service(), token).output
    data = json.loads(inspected(service(), token, "--json").output)

    assert 'This app accepts the token. It is a client\'s own token, and its id is "alice"; scopes none' in said
    assert (data["is_client"], data["client_id"], data["actor"]) == (True, "alice", "helpdesk")


@pytest.mark.parametrize(("encoding", "marks"), [("ascii", "+x"), ("cp1252", "+x"), ("utf-8", "✓✗")])
def test_every_terminal_can_show_the_outcome(encoding: str, marks: str, tmp_path: Path) -> None:
    """One that has no check mark gets a plain one; what it cannot show is an escape."""
    (tmp_path / "service.py").write_text(
        "from flask import Flask; from auth import ResourceServer; app = Flask(__name__); "
        f"app.config.update(AUTH_SECRET={SECRET!r}, AUTH_ISSUER={ISSUER!r}, AUTH_AUDIENCE={AUDIENCE!r}); "
        "ResourceServer(app)"
    )
    finished = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "service", "auth", "inspect", "-"],
        input=with_claims(name="Łukasz", iss=f"{ISSUER}/").encode(),
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT), PYTHONIOENCODING=encoding),
        capture_output=True,
        timeout=60,
        check=False,
    )
    output = finished.stdout.decode(encoding)

    assert (finished.returncode, finished.stderr) == (1, b"")
    assert f"  {marks[0]} form" in output
    assert f"  {marks[1]} issuer" in output
    assert ("\\u0141ukasz" in output) == (encoding != "utf-8")


def test_a_closed_input_holds_no_token(tmp_path: Path) -> None:
    """A program may have none."""
    (tmp_path / "service.py").write_text(
        "from flask import Flask; from auth import ResourceServer; app = Flask(__name__); "
        f"app.config.update(AUTH_SECRET={SECRET!r}, AUTH_ISSUER='a', AUTH_AUDIENCE='b'); ResourceServer(app)"
    )
    finished = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m flask --app service auth inspect - <&-"],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
