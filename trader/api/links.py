"""What a link of a critical message leads to: a page that asks, and the answer to its button. Outside the API's own shapes: a person's
browser comes here without a token, the link itself is the permission.

GET changes nothing: mail programs and chats open links before a person does.
"""

import html
import logging

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from trader.desk import Desk, NotPossible, Question
from trader.domain.errors import TraderError

ROUTE = "/link/{token}"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}
_STYLE = """body{font:17px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}
button{font:inherit;font-weight:600;padding:.8rem 1.2rem;min-height:44px;width:100%;border-radius:.5rem;border:1px solid #b3261e;
background:#b3261e;color:#fff}li{margin:.3rem 0;overflow-wrap:anywhere}"""
_log = logging.getLogger(__name__)


async def answer_link(request: Request) -> Response:
    """The page of a link. Nothing of the link goes into the log."""
    desk: Desk = request.app.state.desk
    token, press = request.path_params["token"], request.method == "POST"
    if not desk.links.is_on:
        return _page(404, "There is nothing here.")
    try:
        if press:
            return _page(200, await to_thread.run_sync(desk.links.use, token))
        return _asking(await to_thread.run_sync(desk.links.question, token))
    except NotPossible as error:
        return _page(410, str(error))
    except TraderError as error:
        return _page(503, f"It cannot be done now: {error}")
    except Exception:  # noqa: BLE001 - the log of a defect elsewhere would name the address
        _log.exception("link_failed")
        return _page(500, "Something went wrong here; the log of this process says what.")


def _asking(question: Question) -> Response:
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in question.lines)
    form = f'<ul>{lines}</ul><form method="post"><button>{html.escape(question.button)}</button></form>'
    return _page(200, question.title, form)


def _page(status: int, said: str, more: str = "") -> Response:
    text = html.escape(said)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Strangle Desk</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>Strangle Desk</h1><p>{text}</p>{more}</body></html>"
    )
    return Response(page, status, _HEADERS, media_type="text/html; charset=utf-8")
