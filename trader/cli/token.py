"""Tokens of the HTTP API: make one, list them, revoke one."""

from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines, ist, table
from trader.domain.errors import ConfigError

if TYPE_CHECKING:
    from trader.config.tokens import Token, TokenStore

token = typer.Typer(help="Tokens of the HTTP API: create, list, revoke.", no_args_is_help=True, rich_markup_mode=None)


def _store() -> "TokenStore":
    from trader.config.tokens import TokenStore

    return TokenStore(options.read_settings().home)


def _document(one: "Token") -> dict[str, object]:
    return {
        "id": one.token_id,
        "name": one.name,
        "scope": one.scope,
        "created_at": one.created_at,
        "revoked_at": one.revoked_at,
    }


@token.command()
def create(
    scope: Annotated[str, typer.Option(metavar="read|stop|trade", help="What it may do; each includes those before.")],
    name: Annotated[str, typer.Option(help="What it is for: letters, digits, space, . _ -")],
    as_json: options.JsonFlag = False,
) -> None:
    """Make a token. It is shown once and stored nowhere; anyone who has it may use the API as far as its scope reaches."""
    from trader.config.tokens import SCOPES

    chosen = next((one for one in SCOPES if one == scope), None)
    if chosen is None:
        raise ConfigError(f"--scope must be one of {', '.join(SCOPES)}, was {scope[:40]!r}")
    made, text = _store().create(name, chosen)
    if as_json:
        emit_json({**_document(made), "token": text})
    else:
        emit_lines([text])
        typer.echo(f"Token {made.name!r} (scope {made.scope}). It is not shown again.", err=True)


@token.command("list")
def list_(as_json: options.JsonFlag = False) -> None:
    """All tokens, the revoked ones too."""
    found = _store().everyone()
    if as_json:
        emit_json({"tokens": [_document(one) for one in found]})
        return
    rows = [[one.token_id, one.name, one.scope, ist(one.created_at), ist(one.revoked_at)] for one in found]
    emit_lines(table(["id", "name", "scope", "created", "revoked"], rows) if rows else ["There is no token."])


@token.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="Which one.")], as_json: options.JsonFlag = False
) -> None:
    """End a token: the next request with it is refused."""
    ended = _store().revoke(which)
    if as_json:
        emit_json(_document(ended))
    else:
        emit_lines([f"Revoked: {ended.name} ({ended.token_id})."])


def add_to(app: typer.Typer) -> None:
    app.add_typer(token, name="token")
