"""Every setting of the service: where it comes from, and what is refused at start, all at once."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask
from sqlalchemy import QueuePool

from app import create_app
from app.config import CHECKS, ENVIRONMENT, configure, in_our_names
from app.origins import parse_origin
from auth.errors import ConfigurationError
from tests.support.tasks_api import SECRET

#: Nothing here depends on the database.
DATABASES = ("sqlite",)

OTHER_SECRET = "a7e35c2f1e0a9987d6c5b3f0a1c77b1f94e0d8a4cd0b1a9d"


def problems_of(settings: dict[str, Any]) -> tuple[str, ...]:
    """Return why the service does not start."""
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings)
    return caught.value.problems


def configured(**settings: Any) -> Flask:
    """Return an app that was only configured, on settings that are fine."""
    app = Flask("app")
    assert configure(app, {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": "sqlite:////tasks", **settings}) == []
    return app


def test_the_environment_is_read_and_the_argument_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults, environment, argument."""
    monkeypatch.setenv("BETTER_AUTH_SECRET", "from the environment")
    monkeypatch.setenv("FLASK_LOG_FORMAT", "json")
    monkeypatch.setenv("FLASK_TRUSTED_PROXIES", "2")

    app = configured(TRUSTED_PROXIES=1)

    assert app.config["BETTER_AUTH_SECRET"] == SECRET
    assert app.config["LOG_FORMAT"] == "json"
    assert app.config["TRUSTED_PROXIES"] == 1
    assert app.config["MAX_CONTENT_LENGTH"] == 65536


def test_several_secrets_are_split_on_commas_and_trimmed() -> None:
    """The first is current, the others still verify."""
    app = configured(BETTER_AUTH_SECRET=f"{SECRET} , {OTHER_SECRET}")

    assert app.config["AUTH_SECRET"] == [SECRET, OTHER_SECRET]
    assert app.config["AUTH_ALGORITHMS"] == ["HS256"]


def test_a_secret_of_digits_alone_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only FLASK_… variables are read as JSON."""
    monkeypatch.setenv("BETTER_AUTH_SECRET", "1234567890" * 4)
    app = Flask("app")

    assert configure(app, {"DATABASE_URL": "sqlite:////tasks"}) == []
    assert app.config["AUTH_SECRET"] == ["1234567890" * 4]


def test_a_setting_that_is_none_is_not_set() -> None:
    """It keeps neither issuer nor audience from being checked, and opens no route."""
    none = dict.fromkeys(
        ["AUTH_SECRET", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_ALGORITHMS", "AUTH_PROFILE", "AUTH_DENY_BY_DEFAULT"]
    )

    app = configured(**none, BETTER_AUTH_URL="https://auth.example.com")

    assert app.config["AUTH_SECRET"] == [SECRET]
    assert app.config["AUTH_ISSUER"] == app.config["AUTH_AUDIENCE"] == "https://auth.example.com"
    assert app.config["AUTH_ALGORITHMS"] == ["HS256"]
    assert app.config["AUTH_PROFILE"] == "better-auth"
    assert app.config["AUTH_DENY_BY_DEFAULT"] is True


def test_settings_of_the_library_win_over_the_two_variables() -> None:
    """They are the more exact ones."""
    app = configured(AUTH_SECRET=OTHER_SECRET, AUTH_ISSUER="me", BETTER_AUTH_URL="https://auth.example.com")

    assert app.config["AUTH_SECRET"] == OTHER_SECRET
    assert app.config["AUTH_ISSUER"] == "me"
    assert app.config["AUTH_AUDIENCE"] == "https://auth.example.com"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://Auth.Example.com/", "https://auth.example.com"),
        ("https://auth.example.com:443", "https://auth.example.com"),
        ("https://auth.example.com:8443/", "https://auth.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    """That is what Better Auth puts into its tokens."""
    assert parse_origin(url) == origin


def test_better_auth_may_be_at_a_named_host_in_development() -> None:
    """As the containers of one network see each other."""
    app = configured(
        BETTER_AUTH_SECRET=None,
        BETTER_AUTH_URL="http://Better-Auth:3000/",
        AUTH_INSECURE_HTTP_HOSTS=["better-auth"],
    )

    assert app.config["AUTH_ISSUER"] == app.config["AUTH_AUDIENCE"] == "http://better-auth:3000"
    assert app.config["AUTH_JWKS_URL"] == "http://better-auth:3000/api/auth/jwks"


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example.com",
        "http://localhost.example.com",
        "https://auth.example.com/api/auth",
        "https://auth.example.com?x=1",
        "https://auth.example.com#x",
        "https://user:password@auth.example.com",
        "https://@auth.example.com",
        "https://",
        "https://auth.example.com:port",
        "https://[::1",
        "ftp://auth.example.com",
        "auth.example.com",
        "https://auth.exam\nple.com",
        " https://auth.example.com",
        "https://aüth.example.com",
        "",
        7,
    ],
)
def test_what_is_more_or_less_than_an_origin_is_none(url: object) -> None:
    """Plain http is for loopback alone."""
    assert parse_origin(url) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"BETTER_AUTH_SECRET": None}, "no key to verify tokens with. Set BETTER_AUTH_SECRET"),
        ({"BETTER_AUTH_SECRET": 12345678}, "BETTER_AUTH_SECRET must be text."),
        ({"BETTER_AUTH_SECRET": "short"}, "BETTER_AUTH_SECRET holds a secret that"),
        ({"TRUST_FORWARDED_PREFIX": "yes"}, "TRUST_FORWARDED_PREFIX must be true"),
        ({"DATABASE_URL": "sqlite:///file:tasks?mode=memory&uri=true"}, "DATABASE_URL names an in-memory database"),
        ({"DATABASE_URL": "sqlite:///file::memory:?uri=true"}, "DATABASE_URL names an in-memory database"),
        ({"BETTER_AUTH_URL": "https://auth.example.com/api/auth"}, "BETTER_AUTH_URL must be the origin"),
        ({"AUTH_IDENTITY_CLAIM": "email"}, "set BETTER_AUTH_URL as well"),
        ({"AUTH_ISSUERS": [{"issuer": "https://login.example"}]}, "make them one of its entries"),
        ({"AUTH_JWKS_URL": "http://login.example/jwks", "BETTER_AUTH_SECRET": None}, "AUTH_JWKS_URL is a plain-http"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "sqlite:///a?b=%zz:\0", "LOG_FORMAT": "xml"}, "LOG_FORMAT must be"),
        ({"DATABASE_URL": "postgresql://tasks_app:half@other@host/tasks"}, "DATABASE_URL holds a password with an @"),
        ({"DATABASE_URL": "postgresql://tasks_app:half@ot/her@host/tasks"}, "DATABASE_URL holds a password with an @"),
        ({"DATABASE_URL": "postgresql+psycopg_async://host/tasks"}, "DATABASE_URL names a driver for asyncio"),
        ({"DATABASE_URL": "nosuch://host/tasks"}, "DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "mysql+mysqldb://host/tasks"}, "driver is not installed: MySQLdb"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL names an in-memory database"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL names an in-memory database"),
        ({"DATABASE_URL": 7}, "DATABASE_URL must be text"),
        ({"DATABASE_SYNCHRONOUS": "off"}, 'DATABASE_SYNCHRONOUS must be "full" or "normal"'),
        ({"DATABASE_SYNCHRONOUS": 1}, 'DATABASE_SYNCHRONOUS must be "full" or "normal"'),
        ({"DATABASE_POOL_SIZE": 0}, "DATABASE_POOL_SIZE must be a whole number of connections"),
        ({"DATABASE_POOL_SIZE": True}, "DATABASE_POOL_SIZE must be a whole number of connections"),
        ({"DATABASE_POOL_SIZE": "4"}, "DATABASE_POOL_SIZE must be a whole number of connections"),
        ({"DATABASE_URL": "postgresql+asyncpg://host/tasks"}, "driver is not installed: asyncpg."),
        ({"LOG_FORMAT": "xml"}, 'LOG_FORMAT must be "text" or "json"'),
        ({"LOG_FORMAT": []}, 'LOG_FORMAT must be "text" or "json"'),
        ({"TRUSTED_PROXIES": -1}, "TRUSTED_PROXIES must be the number of proxies"),
        ({"TRUSTED_PROXIES": True}, "TRUSTED_PROXIES must be the number of proxies"),
        ({"TRUSTED_PROXIES": "1"}, "TRUSTED_PROXIES must be the number of proxies"),
        ({"MAX_CONTENT_LENGTH": 0}, "MAX_CONTENT_LENGTH must be a whole number"),
        ({"MAX_CONTENT_LENGTH": None}, "MAX_CONTENT_LENGTH must be a whole number"),
        ({"BETTER_AUTH_URL": "http://better-auth:3000"}, "in development to the hosts in AUTH_INSECURE_HTTP_HOSTS."),
        ({"AUTH_INSECURE_HTTP_HOSTS": "better-auth"}, "AUTH_INSECURE_HTTP_HOSTS is for development"),
        (
            {"AUTH_INSECURE_HTTP_HOSTS": 7, "BETTER_AUTH_URL": "http://a"},
            "AUTH_INSECURE_HTTP_HOSTS must be a host name",
        ),
        ({"AUTH_LEWAY": 5}, "AUTH_LEWAY is not a setting"),
    ],
)
def test_an_impossible_setting_stops_the_start(
    settings: dict[str, Any], changes: dict[str, Any], sentence: str
) -> None:
    """In a sentence that names it."""
    problems = problems_of(settings | changes)

    assert any(sentence in problem for problem in problems), problems


URL = "https://auth.example.com"


@pytest.mark.parametrize(
    ("given", "beginning"),
    [
        ({}, "There is no key to verify tokens with. Set BETTER_AUTH_SECRET"),
        ({"BETTER_AUTH_SECRET": "short"}, "BETTER_AUTH_SECRET holds a secret that"),
        ({"AUTH_SECRET": "short"}, "AUTH_SECRET holds a secret that"),
        ({"BETTER_AUTH_SECRET": SECRET, "AUTH_SECRET": "short"}, "AUTH_SECRET holds a secret that"),
        ({"BETTER_AUTH_URL": URL, "AUTH_JWKS_URL": "http://a.example"}, "AUTH_JWKS_URL is a plain-http URL"),
        ({"BETTER_AUTH_SECRET": f'"{SECRET}"'}, "BETTER_AUTH_SECRET holds a text with spaces, line ends or quotation"),
        (
            {"BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_URL": URL, "AUTH_JWKS_URL": URL},
            "BETTER_AUTH_SECRET and AUTH_JWKS_URL are both set:",
        ),
    ],
)
def test_a_problem_is_told_by_the_name_the_operator_has_set(
    settings: dict[str, Any], given: dict[str, Any], beginning: str
) -> None:
    """Ours where that was translated or would be, the library's where it was set itself."""
    problems = problems_of(settings | {"BETTER_AUTH_SECRET": None} | given)

    assert problems[0].startswith(beginning)


@pytest.mark.parametrize(
    "secret",
    [
        f'"{SECRET}"',
        f"'{SECRET},{OTHER_SECRET}'",
        f" {SECRET}",
        f"{SECRET} , {OTHER_SECRET} ",
        f"{SECRET}\n",
        f"\t{SECRET}",
    ],
)
def test_a_secret_with_something_around_it_is_refused(settings: dict[str, Any], secret: str) -> None:
    """Better Auth would sign with all of it, or with another part. The sentence says which variable it is."""
    assert problems_of(settings | {"BETTER_AUTH_SECRET": secret}) == (
        "BETTER_AUTH_SECRET holds a text with spaces, line ends or quotation marks around it; remove them. "
        "In the environment: BETTER_AUTH_SECRET=value",
    )


@pytest.mark.parametrize(
    "reference", ["/run/secrets/tasks/better_auth_secret", "${BETTER_AUTH_SECRET_OF_PRODUCTION}", "/run/secrets/a"]
)
def test_the_name_of_a_secret_is_not_taken_for_the_secret(settings: dict[str, Any], reference: str) -> None:
    """Docker mounts files, and templates are left unfilled; a short name gets the same sentence."""
    (problem,) = problems_of({**settings, "BETTER_AUTH_SECRET": reference})

    assert problem.startswith("BETTER_AUTH_SECRET holds a reference to a secret")
    assert reference not in problem


def test_a_comma_in_a_secret_is_named(settings: dict[str, Any]) -> None:
    """Better Auth takes the whole text, and the operator counts its characters."""
    assert problems_of({**settings, "BETTER_AUTH_SECRET": "a7e3," + OTHER_SECRET}) == (
        "BETTER_AUTH_SECRET is split at its commas into 2 secrets. If a comma belongs to one, give it in JSON "
        "instead: FLASK_AUTH_SECRET='[\"secret\"]'",
        "BETTER_AUTH_SECRET holds a secret that has 4 bytes, at least 32 are needed. Make one with: openssl rand "
        "-base64 48",
    )


def test_a_secret_with_a_comma_is_given_in_json(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As the sentence says; the list is not split."""
    monkeypatch.setenv("FLASK_AUTH_SECRET", f'["a7e3,{OTHER_SECRET}"]')

    app = create_app({**settings, "BETTER_AUTH_SECRET": None})

    assert app.config["AUTH_SECRET"] == [f"a7e3,{OTHER_SECRET}"]


def test_the_settings_of_another_library_are_left_alone(settings: dict[str, Any]) -> None:
    """Not every name that begins with AUTH_ is ours."""
    app = create_app(settings | {"AUTH_TYPE": 1, "AUTH_ROLE_PUBLIC": "Public"})

    assert app.config["AUTH_TYPE"] == 1


def test_the_issuer_may_have_a_second_name(settings: dict[str, Any]) -> None:
    """Better Auth under its old address and its new one."""
    names = [URL, "https://login.example.com"]

    app = create_app(settings | {"BETTER_AUTH_URL": URL, "AUTH_ISSUER": names})

    assert app.extensions["resource_server"].config.issuers[0].names == tuple(names)


def test_all_problems_are_reported_together(settings: dict[str, Any]) -> None:
    """The service's and the library's, so that one restart is enough."""
    bad = {"LOG_FORMAT": "xml", "TRUSTED_PROXIES": "many", "DATABASE_URL": "nonsense", "BETTER_AUTH_SECRET": "short"}

    problems = "\n".join(problems_of(settings | bad))

    for name in ("LOG_FORMAT", "TRUSTED_PROXIES", "DATABASE_URL", "AUTH_SECRET"):
        assert name in problems


def test_a_password_in_the_database_url_is_not_repeated(settings: dict[str, Any]) -> None:
    """The message ends up in a log."""
    problems = problems_of(settings | {"DATABASE_URL": "nosuch://user:hunter2@host/tasks"})

    assert "hunter2" not in "\n".join(problems)


@pytest.mark.parametrize(
    ("environment", "given", "size"),
    [
        ({}, {}, 2),
        ({"GUNICORN_THREADS": ""}, {}, 2),
        ({"GUNICORN_THREADS": "16"}, {}, 16),
        ({"GUNICORN_THREADS": "16", "FLASK_DATABASE_POOL_SIZE": "3"}, {}, 3),
        ({"FLASK_DATABASE_POOL_SIZE": "3"}, {"DATABASE_POOL_SIZE": 2}, 2),
        ({"GUNICORN_THREADS": "16"}, {"DATABASE_POOL_SIZE": None}, 16),
    ],
)
def test_a_process_has_as_many_connections_as_threads(
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    given: dict[str, Any],
    size: int,
) -> None:
    """Unless somebody says otherwise; never more."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    pool = create_app(settings | given).extensions["database"].engine.pool

    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow) == (size, 0)


@pytest.mark.parametrize("threads", ["many", "9" * 5000], ids=["a word", "more digits than Python reads"])
def test_a_number_of_threads_that_is_none_is_refused(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    """As gunicorn.conf.py does."""
    monkeypatch.setenv("GUNICORN_THREADS", threads)

    (problem,) = problems_of(settings)

    assert problem == "GUNICORN_THREADS must be a whole number of threads above 0."


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_reached_by_psycopg(settings: dict[str, Any], scheme: str) -> None:
    """Under every name that hosting services give it; nothing is connected at start."""
    url = f"{scheme}://user:word@db.example.com:5433/tasks?sslmode=require"

    engine = create_app(settings | {"DATABASE_URL": url}).extensions["database"].engine

    assert engine.url.render_as_string(hide_password=False) == url.replace(f"{scheme}:", "postgresql+psycopg:")
    assert engine.driver == "psycopg"


def test_a_missing_driver_is_named_with_the_way_to_install_it(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no part of the extra ``app``: not everybody has PostgreSQL."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    (problem,) = problems_of(settings | {"DATABASE_URL": "postgresql://user:hunter2@db.example.com/tasks"})

    assert problem == (
        "DATABASE_URL names a database whose driver is not installed: psycopg. "
        "Install it with pip install -e '.[app,postgres]'."
    )


def test_the_default_database_lies_in_a_folder_for_its_owner_alone(tmp_path: Path) -> None:
    """Made when it is needed."""
    app = Flask("app", instance_path=str(tmp_path / "instance"))

    problems = configure(app, {"BETTER_AUTH_SECRET": SECRET})

    assert problems == []
    assert app.config["DATABASE_URL"] == f"sqlite:///{tmp_path / 'instance' / 'tasks.sqlite3'}"
    assert stat.S_IMODE((tmp_path / "instance").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    """Here because a file is in its way."""
    (tmp_path / "instance").touch()
    app = Flask("app", instance_path=str(tmp_path / "instance"))

    (problem,) = configure(app, {"BETTER_AUTH_SECRET": SECRET})

    assert problem.endswith("(File exists): set DATABASE_URL.")


def test_no_proxy_is_trusted_unless_one_is_named(settings: dict[str, Any]) -> None:
    """Forwarded headers are anybody's otherwise."""
    forwarded = {"X-Forwarded-Proto": "https"}
    alone, proxied = create_app(settings), create_app(settings | {"TRUSTED_PROXIES": 1})

    assert "Strict-Transport-Security" not in alone.test_client().get("/health", headers=forwarded).headers
    assert "Strict-Transport-Security" in proxied.test_client().get("/health", headers=forwarded).headers


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["BETTER_AUTH_URL", "BETTER_AUTH_URL"]),
        ({"BETTER_AUTH_URL": "https://auth.example.com"}, []),
        ({"BETTER_AUTH_SECRET": None, "AUTH_SECRET": OTHER_SECRET}, ["AUTH_ISSUER", "AUTH_AUDIENCE"]),
        ({"AUTH_SECRET": OTHER_SECRET}, ["AUTH_ISSUER", "AUTH_AUDIENCE"]),
        ({"AUTH_ISSUER": "https://auth.example.com"}, ["AUTH_AUDIENCE"]),
    ],
    ids=["our secret", "our secret and origin", "the library's secret", "both secrets", "the library's issuer"],
)
def test_a_warning_names_what_the_operator_would_set(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture, changes: dict[str, Any], names: list[str]
) -> None:
    """Ours where the secret is ours, else the library's; each is one line of the log."""
    create_app({**settings, **changes})

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [warning.partition(" is not set: ")[0] for warning in warnings] == names


def test_a_sentence_is_translated_by_whole_names() -> None:
    """AUTH_ISSUERS is another setting than AUTH_ISSUER."""
    sentence = "AUTH_ISSUERS, AUTH_ISSUER and AUTH_SECRET; FLASK_AUTH_SECRET"

    assert in_our_names(sentence, {"BETTER_AUTH_SECRET": SECRET}) == (
        "AUTH_ISSUERS, BETTER_AUTH_URL and BETTER_AUTH_SECRET; BETTER_AUTH_SECRET"
    )


def test_a_variable_without_its_prefix_keeps_its_name(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what is there and what is read; BETTER_AUTH_SECRET is neither."""
    monkeypatch.setenv("AUTH_SECRET", SECRET)

    with pytest.raises(ConfigurationError) as raised:
        create_app(settings | {"BETTER_AUTH_SECRET": None})

    assert raised.value.problems[-1] == (
        "AUTH_SECRET is in the environment, but app.config.from_prefixed_env() reads FLASK_AUTH_SECRET."
    )


def test_a_variable_that_names_a_file_is_answered_with_ours(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker mounts secrets as files, and images of other programs read a variable that ends in _FILE."""
    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", "/run/secrets/better_auth_secret")

    assert problems_of(settings | {"BETTER_AUTH_SECRET": None})[-1] == (
        "BETTER_AUTH_SECRET_FILE is set, and no setting is read from a file: set BETTER_AUTH_SECRET to what the file "
        "holds."
    )


@pytest.mark.parametrize(("command", "is_said"), [("run", True), ("upgrade", False)])
def test_only_those_who_start_the_server_are_warned(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture, command: str, is_said: bool
) -> None:
    """``flask run`` is one of them; what other commands print is theirs."""
    with click.Context(click.Command(command), info_name=command):
        create_app(settings)

    assert bool(caplog.records) is is_said


CANARY = "hunter2Canary"

#: A secret in every setting of the service, in the shapes in which it may come there.
MISPLACED = [
    (name, shape)
    for name in (*ENVIRONMENT, *(name for name, _, _ in CHECKS), "RATE_LIMIT_USER", "RATE_LIMIT_ADDRESS")
    for shape in (
        CANARY,
        f"{CANARY}://{CANARY}",
        f"postgresql://user:{CANARY}@{CANARY}@db.example/tasks?{CANARY}={CANARY}",
        f"postgresql+{CANARY}://user:{CANARY}@db.example/tasks",
        f"redis://:{CANARY}@127.0.0.1:port/{CANARY}",
        f"https://user:{CANARY}@login.example/{CANARY}",
        f'["{CANARY}"',
        f" {CANARY}\n",
        [CANARY],
        {CANARY: CANARY},
    )
]


@pytest.mark.parametrize(("name", "value"), MISPLACED)
def test_no_sentence_shows_what_a_setting_holds(
    name: str, value: object, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each may be set to a secret by mistake, and some hold one by right."""
    said = ""
    try:
        app = create_app(settings | {name: value})
    except ConfigurationError as error:
        said = str(error)
    else:
        said = repr(app.extensions["resource_server"])

    assert said
    assert CANARY not in said + caplog.text
