"""``flask auth revoke``: refuse a token, a session or a user from now on."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..errors import AuthError, DenylistUnavailableError, KeysUnavailableError
from ..flask.server import ServerState, current_state
from .output import echo
from .standard_input import token_in

#: The exit status if it is unknown whether the revocation is kept; 1 and 2 are those of the other commands.
_UNKNOWN = 3


@click.command("revoke")
@click.option("--user", metavar="ID", help="Revoke all tokens that the user has now.")
@click.option("--session", metavar="ID", help="Revoke all tokens of a session: their sid.")
@click.option("--issuer", metavar="NAME", help="The iss of the session; needed if there are several issuers.")
@click.option("--token", "text", metavar="TOKEN", help="Revoke one token; - reads it from the standard input.")
@click.pass_context
@with_appcontext
def revoke_tokens(
    context: click.Context, user: str | None, session: str | None, issuer: str | None, text: str | None
) -> None:
    """Refuse a token, a session or a user from now on.

    All processes that use the same AUTH_DENYLIST answer 401 token_revoked from their next request on.

    A user ID is that of the app: with several issuers, the user_prefix of the issuer stands in front. Tokens that the
    user gets from the next second on are good. Read a token from the standard input to keep it out of the history of
    the shell. A line copied from a request, such as "Authorization: Bearer …", will do.

    Exits with 0 if the revocation is kept, with 1 if it was refused, and with 3 if the denylist or the keys of the
    issuer are unavailable: run the command again then.
    """
    if sum(value is not None for value in (user, session, text)) != 1:
        raise click.UsageError("Name one of --user, --session and --token.")
    if issuer is not None and session is None:
        raise click.UsageError("--issuer belongs to --session.")
    server = current_state()
    _demand_shared_denylist(server)
    try:
        if user is not None:
            server.revoke_user(user)
        elif session is not None:
            server.revoke_session(_issuer_of_session(server, issuer), session)
        else:
            server.revoke(token_in(text or ""))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except AuthError as error:
        echo(f"Error: {_failure(error)}", err=True)
        context.exit(_UNKNOWN if isinstance(error, DenylistUnavailableError | KeysUnavailableError) else 1)
    what = "the tokens of the user" if user is not None else "the session" if session is not None else "the token"
    echo(f"Revoked {what}.")


def _demand_shared_denylist(server: ServerState) -> None:
    denylist = server.config.denylist
    if denylist is None:
        raise click.ClickException("This app has no denylist. Set AUTH_DENYLIST to the URL of a Redis.")
    if denylist.is_private:
        raise click.ClickException(
            "AUTH_DENYLIST is memory, and the memory of this command is not that of the service. Set it to the URL of "
            "a Redis."
        )


def _issuer_of_session(server: ServerState, issuer: str | None) -> str:
    if issuer is not None:
        return issuer
    names = [trusted.name or "" for trusted in server.config.issuers]
    if len(names) > 1:
        raise click.UsageError(f"Name the issuer of the session with --issuer: {' or '.join(names)}.")
    return names[0]


def _failure(error: AuthError) -> str:
    if isinstance(error, DenylistUnavailableError):
        return f"{error.reason}. The revocation may be kept or not."
    if isinstance(error, KeysUnavailableError):
        return f"The keys of the issuer are unavailable: {error.reason}."
    # A token that was cut or changed on its way to this command may be good as its holder sends it.
    return f"Nothing was revoked. The app refuses the token as it is given here ({error.code.value}): {error.message}"
