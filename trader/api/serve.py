"""Serves the API by itself on loopback: what `python -m trader api` does."""

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from trader.api.app import create_app
from trader.api.gate import OwnHost
from trader.api.mounted import below_api
from trader.config.tokens import TokenStore
from trader.desk import Desk

_HOST = "127.0.0.1"


def server(desk: Desk, tokens: TokenStore, port: int) -> uvicorn.Server:
    """A server that is not started. Requests are not logged: what they did is in the journal."""
    app = Starlette(
        routes=[below_api(create_app(desk, tokens))],
        middleware=[Middleware(OwnHost, port=port, public=desk.settings.links_host)],
    )
    config = uvicorn.Config(
        app,
        host=_HOST,
        port=port,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config)


def serve(desk: Desk, tokens: TokenStore, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    server(desk, tokens, port).run()
