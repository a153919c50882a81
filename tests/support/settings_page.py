"""``docs/settings.md``, made from the table of settings: ``python -m tests.support.settings_page`` writes it."""

from __future__ import annotations

from pathlib import Path

from auth.settings.table import TABLE, Level, Setting

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"

_HEAD = """\
<!-- Made by python -m tests.support.settings_page. The tables come from auth/settings/table.py: change them there. -->

# Settings

All settings of the library are keys of `app.config`. An environment variable has the same name with `FLASK_` in front,
and `app.config.from_prefixed_env()` reads it. `ResourceServer(app)` reads the settings once; later changes have no
effect. A key that is `None` sets nothing.

## In the environment

Flask reads a `FLASK_…` variable as JSON if it can, and as plain text otherwise:

```sh
export FLASK_AUTH_ISSUER='["https://login.example.com/", "https://tenant.eu.auth0.com/"]'
export FLASK_AUTH_AUDIENCE=https://api.example.com
export FLASK_AUTH_PROFILE=auth0
export FLASK_AUTH_DISCOVERY=true
export FLASK_AUTH_LEEWAY=10
```

- A list needs double quotes inside, and single quotes around it in a shell.
- `true` and `false` are written in lower case.
- A text of digits alone would become a number: write `'["123"]'`, or `'"123"'` where a list is not possible.
- Number settings take digits alone, without a unit: `FLASK_AUTH_LEEWAY=10`.
- A shell and python-dotenv read the lines as they are. Leave out `export` for `docker run --env-file` and for the
  `EnvironmentFile` of systemd. [Who reads a `.env` file](index.md#environment-variables) differs.
- No setting is read from a file, as Docker and Kubernetes mount secrets: the command that starts the service puts it
  there, with `export FLASK_AUTH_SECRET="$(cat /run/secrets/auth_secret)"`.
- Not every reader of `.env` files removes the quotes around a value. A text with spaces, line ends or quotation marks
  around it stops the start, and so does a text that looks like JSON and is not. That includes secrets, which no message
  ever shows.
"""

_TAIL = """\
## Names

A name that resembles one of these, such as `AUTH_AUDIANCE` or `AUTH_TOKEN_MAX_AGE`, stops the start with the name that
was meant: a misspelt setting would silently turn a check off. Every other `AUTH_…` name belongs to somebody else
(Flask-AppBuilder, APIFlask, a Kubernetes service) and is left alone. In an entry of `AUTH_ISSUERS` every unknown name
stops the start.

## What does not start

`ResourceServer(app)` raises `flask_resource_server.errors.ConfigurationError`, with every reason in one message, if
there is

- no key, or keys from two places;
- a secret that is short, comes from an example, or only says where the secret is: a path, a URL, the name of a cloud
  secret, a template that nobody filled in, an encrypted form that nobody decrypted. One of words that somebody made up
  starts with a warning;
- a key that is private, weak, or unfit for the accepted algorithms;
- no issuer or no audience for public keys. With a secret both may be missing, which is logged as a warning;
- a plain-http URL to fetch keys from that is not on this machine, unless development allows it to that host;
- an issuer or audience with a placeholder in it, the address of an issuer's metadata instead of its name, or an
  address of Microsoft without the id of a tenant;
- a setting that is misspelt, out of its bounds, or of the wrong kind;
- several issuers whose users could be taken for one another;
- a combination by which no token could be accepted.
"""

#: The heading of each level, and what it says about entries of ``AUTH_ISSUERS``.
_LEVELS = {
    Level.ISSUER: (
        "The issuer and its keys",
        "One of the first four says where the keys come from. With `AUTH_ISSUERS`, these settings stand in its "
        "entries, in lower case and without `AUTH_`, and nowhere else.",
    ),
    Level.SHARED: (
        "What its tokens must satisfy, and how its keys are fetched",
        "An entry of `AUTH_ISSUERS` may have its own value, in lower case and without `AUTH_`, and otherwise has that "
        "of the service. [keys.md](keys.md) explains the `AUTH_JWKS_…` settings.",
    ),
    Level.SERVICE: ("The service", "These cannot differ between issuers."),
    Level.ENTRY: ("Only in an entry of `AUTH_ISSUERS`", "See [several-issuers.md](several-issuers.md)."),
}


def settings_page() -> str:
    """Return the whole page."""
    sections = [
        "\n".join([f"## {heading}", "", words, "", *_table(level)]) for level, (heading, words) in _LEVELS.items()
    ]
    return "\n".join([_HEAD, *(f"{section}\n" for section in sections), _TAIL])


def _table(level: Level) -> list[str]:
    rows = [_row(row) for row in TABLE if row.level is level]
    return ["| setting | default | value | meaning |", "|---|---|---|---|", *rows]


def _row(row: Setting) -> str:
    name = row.key if row.level is not Level.ENTRY else row.name
    return f"| `{name}` | {_default(row.default)} | {row.kind.takes} | {row.meaning} |"


def _default(value: object) -> str:
    """Return a default as a service would write it in Python; a dash where nothing is set."""
    if value is None or value in ((), ""):
        return "–"
    shown = list(value) if isinstance(value, tuple) else value
    return f"`{shown}`".replace("'", '"') if not isinstance(shown, str) else f'`"{shown}"`'


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
