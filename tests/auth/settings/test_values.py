"""What a shell, an environment file or a copy leaves in a value, and that it is refused before it is believed."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from auth.errors import ConfigurationError
from auth.settings.service import AuthConfig
from auth.testing import TokenIssuer
from tests.support.services import OTHER_SECRET, SECRET, SETTINGS

PEM = TokenIssuer.generate("ES256").public_key
PUBLIC: dict[str, Any] = {"AUTH_ISSUER": "https://login.example", "AUTH_AUDIENCE": "api"}


def problem_of(settings: dict[str, Any]) -> str:
    """Return the only problem of some settings."""
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings)
    (problem,) = raised.value.problems
    return problem


def wrapped(name: str) -> str:
    return (
        f"{name} holds a text with spaces, line ends or quotation marks around it; remove them. "
        f"In the environment: FLASK_{name}=value"
    )


def broken_json(name: str, example: str = """'["first", "second"]'""") -> str:
    return f"{name} looks like JSON but is not valid JSON. In the environment: FLASK_{name}={example}"


#: Each setting that takes a text, with one that would do.
TEXTS = {
    "AUTH_SECRET": OTHER_SECRET,
    "AUTH_ISSUER": "https://login.example",
    "AUTH_AUDIENCE": "https://api.example",
    "AUTH_ALGORITHMS": "HS256",
    "AUTH_PROFILE": "jwt",
    "AUTH_IDENTITY_CLAIM": "uid",
    "AUTH_REQUIRED_CLAIMS": "exp",
    "AUTH_REALM": "api",
}

#: What may stand around a text by mistake.
AROUND = ['"{}"', "'{}'", "“{}”", "`{}`", '"{}', "{}'", " {}", "{} ", "{}\n", "{}\r\n", "\t{}", "{}\u00a0"]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_with_something_around_it_is_refused(name: str, around: str) -> None:
    """Nothing is taken away in silence: the other side has the same secret, quotation marks and all, or it has not."""
    problem = problem_of(SETTINGS | {name: around.format(TEXTS[name])})

    assert problem == wrapped(name)
    assert OTHER_SECRET not in problem


@pytest.mark.parametrize("name", ["AUTH_SECRET", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_REQUIRED_CLAIMS"])
def test_every_text_of_a_list_is_looked_at(name: str) -> None:
    """Also the second."""
    assert problem_of(SETTINGS | {name: [f"x{SECRET}", f"{TEXTS[name]} "]}) == wrapped(name)


@pytest.mark.parametrize("around", ['"{}"', "“{}”"])
@pytest.mark.parametrize("text", [PEM, '{"kty": "EC"}'], ids=["PEM", "JWK"])
def test_a_public_key_in_quotation_marks_is_refused(text: str, around: str) -> None:
    """A reader of PEM files would pass over them, and over a second key behind them."""
    problem = problem_of(PUBLIC | {"AUTH_PUBLIC_KEY": around.format(text)})

    assert problem == wrapped("AUTH_PUBLIC_KEY")


def test_a_public_key_may_stand_between_line_ends() -> None:
    """PEM files end with one."""
    assert AuthConfig.from_mapping(PUBLIC | {"AUTH_PUBLIC_KEY": f"\n{PEM}\n"}).issuers[0].algorithms == {"ES256"}


def test_a_secret_in_bytes_is_taken_as_it_is() -> None:
    """No shell has touched it: it may begin or end with any byte."""
    secret = b'"' + OTHER_SECRET.encode() + b"\n"

    (key,) = (
        AuthConfig.from_mapping(SETTINGS | {"AUTH_SECRET": secret}).issuers[0].keys.current().candidates("HS256", None)
    )

    assert key.material == secret


BROKEN = [
    '["first", "second"',
    "['first', 'second']",
    "[first, second]",
    "[https://api.example]",
    "[\"first\", 'second']",
    '{"first": "second"',
    ' ["first"',
    "[",
]


@pytest.mark.parametrize("value", BROKEN)
@pytest.mark.parametrize("name", ["AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_ALGORITHMS", "AUTH_REQUIRED_CLAIMS"])
def test_a_text_that_was_meant_as_json_is_refused(name: str, value: str) -> None:
    """It would be one odd name otherwise, and every token refused for it."""
    assert problem_of(SETTINGS | {name: value}) == broken_json(name)


def test_an_identity_claim_that_was_meant_as_json_is_refused() -> None:
    """A claim of that name is in no token."""
    assert problem_of(SETTINGS | {"AUTH_IDENTITY_CLAIM": "[sub, uid]"}) == broken_json("AUTH_IDENTITY_CLAIM", "value")


TENANT_CLAIMS: dict[str, tuple[Any, str]] = {
    "broken JSON": ("[org_id]", broken_json("AUTH_TENANT_CLAIM")),
    "no text": (
        5,
        "AUTH_TENANT_CLAIM must be a text, or a list of texts. In the environment: FLASK_AUTH_TENANT_CLAIM=",
    ),
    "a list with no text": (["o", 5], "AUTH_TENANT_CLAIM must be a text, or a list of texts."),
    "two dots": ("o..id", "AUTH_TENANT_CLAIM has a name in it that is empty or has spaces around it;"),
    "a dot in front": (".org_id", "AUTH_TENANT_CLAIM has a name in it that is empty"),
    "a dot at the end": ("org_id.", "AUTH_TENANT_CLAIM has a name in it that is empty"),
    "a space after the dot": ("o. id", "AUTH_TENANT_CLAIM has a name in it that is empty or has spaces around it;"),
    "a list with an empty text": (["o", ""], "AUTH_TENANT_CLAIM has a name in it that is empty"),
    "an empty text": ("", "AUTH_TENANT_CLAIM holds an empty text; give it a value or leave it out."),
    "the audience": ("aud", "AUTH_TENANT_CLAIM must name the tenant, which aud does not."),
    "a member of a time": ("exp.x", "AUTH_TENANT_CLAIM must name the tenant, which exp does not."),
    **{
        name: (name, f"AUTH_TENANT_CLAIM must name the tenant, which {name.partition('.')[0]} does not.")
        for name in ("nonce", "sid", "scope", "scp", "act.sub")
    },
}


@pytest.mark.parametrize(("value", "said"), TENANT_CLAIMS.values(), ids=TENANT_CLAIMS)
def test_a_tenant_claim_that_names_none_is_refused(value: Any, said: str) -> None:
    """No token would have a tenant."""
    assert problem_of(SETTINGS | {"AUTH_TENANT_CLAIM": value}).startswith(said)


@pytest.mark.parametrize(
    ("claim", "kept_in"),
    [
        ("user_metadata.org", "user_metadata"),
        ("unsafe_metadata.org_id", "unsafe_metadata"),
        ("user.userMetadata.org", "userMetadata"),
        (["https://example.com/user_metadata", "org"], "user_metadata"),
    ],
    ids=str,
)
def test_a_tenant_that_users_write_themselves_is_refused(claim: Any, kept_in: str) -> None:
    """They would open the paths of any tenant."""
    assert problem_of(SETTINGS | {"AUTH_TENANT_CLAIM": claim}) == (
        f"AUTH_TENANT_CLAIM must not be in {kept_in}: users can write there, and so choose their tenant."
    )


@pytest.mark.parametrize("value", [f"['{SECRET}', '{OTHER_SECRET}']", f'["{SECRET}", "{OTHER_SECRET}"', f"[{SECRET}]"])
def test_secrets_that_were_meant_as_json_are_refused_and_not_shown(value: str) -> None:
    """They would be one long secret, which nobody signs with."""
    problem = problem_of(SETTINGS | {"AUTH_SECRET": value})

    assert problem == broken_json("AUTH_SECRET")
    assert SECRET not in problem


def test_a_secret_that_really_begins_like_json_is_written_as_a_list() -> None:
    """There is a way to say so."""
    secret = f"[{SECRET}"

    (key,) = (
        AuthConfig.from_mapping(SETTINGS | {"AUTH_SECRET": [secret]})
        .issuers[0]
        .keys.current()
        .candidates("HS256", None)
    )

    assert key.material == secret.encode()


def test_public_keys_that_were_meant_as_json_are_refused() -> None:
    """One of them would be taken and the rest passed over."""
    assert problem_of(PUBLIC | {"AUTH_PUBLIC_KEY": f'["{PEM}"'}) == broken_json("AUTH_PUBLIC_KEY")


@pytest.mark.parametrize("name", ["issuer.pem", "/run/secrets/jwt.pub", "./keys/jwks.json", "C:\\keys\\public.key"])
def test_the_name_of_a_file_is_no_public_key(name: str) -> None:
    """And the sentence says what is wanted in its place."""
    assert problem_of(PUBLIC | {"AUTH_PUBLIC_KEY": name}) == (
        "AUTH_PUBLIC_KEY holds the name of a file; set it to what the file holds."
    )


@pytest.mark.parametrize("value", ["True", "1", "yes", '"true"'])
def test_a_switch_in_other_words_is_told_the_right_ones(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flask reads variables as JSON, which writes true in lower case."""
    monkeypatch.setenv("FLASK_AUTH_DENY_BY_DEFAULT", value)
    app = Flask("service")
    app.config.from_prefixed_env()

    assert problem_of(SETTINGS | {"AUTH_DENY_BY_DEFAULT": app.config["AUTH_DENY_BY_DEFAULT"]}) == (
        "AUTH_DENY_BY_DEFAULT must be true or false. In the environment: FLASK_AUTH_DENY_BY_DEFAULT=true"
    )


@pytest.mark.parametrize(
    ("name", "variable", "read"),
    [
        ("AUTH_AUDIENCE", '["first", "second"]', ["first", "second"]),
        ("AUTH_SECRET", '["first", "second"]', ["first", "second"]),
        ("AUTH_REALM", '"123"', "123"),
        ("AUTH_DISCOVERY", "true", True),
    ],
)
def test_what_a_sentence_shows_is_how_flask_wants_it(
    name: str, variable: str, read: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples of the sentences above, without the shell's own quotation marks."""
    monkeypatch.setenv(f"FLASK_{name}", variable)
    app = Flask("service")

    app.config.from_prefixed_env()

    assert app.config[name] == read


def test_what_may_be_a_secret_in_the_wrong_place_is_not_shown() -> None:
    """Not even a short one: nothing that is not the name of an algorithm is repeated."""
    assert problem_of(SETTINGS | {"AUTH_ALGORITHMS": SECRET}).startswith(
        "AUTH_ALGORITHMS names something that is not one of HS256, "
    )


@pytest.mark.parametrize("secret", ["kurz", "a-string-secret-at-least-256-bits-long", 12345])
def test_an_unusable_secret_is_not_taken_for_a_public_key(secret: object) -> None:
    """What public keys need is not demanded for it."""
    assert "public keys" not in problem_of({"AUTH_SECRET": secret})


def test_a_sentence_about_an_entry_names_no_variable() -> None:
    """A part of AUTH_ISSUERS has no variable."""
    entry = {"issuer": "https://login.example", "secret": SECRET, "audience": "api,other"}

    assert problem_of({"AUTH_ISSUERS": [entry]}) == (
        "AUTH_ISSUERS[0].audience holds a comma; write several texts as a list."
    )
