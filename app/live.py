"""The road of the live pictures: one request a picture, answered in bytes.

Gradio's server functions answer in compressed JSON: a picture is a third longer then, and every answer some milliseconds later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from app.requests import Reply

__all__ = ["LOOK_PATH", "live_route", "pack", "unpack"]

LOOK_PATH = "/loki/look"
_LONGEST = 1 << 20
"""Bytes of a request: some hundred edits."""
_PLAIN = {"Content-Encoding": "identity", "Cache-Control": "no-store"}
"""A picture is compressed already."""


def live_route(answer: Callable[[Any], Reply]) -> Route:
    """Where the page asks for pictures. `answer`: a handler as the binder gives it; `picture` in its reply is bytes."""

    async def endpoint(request: HttpRequest) -> Response:
        if int(request.headers.get("content-length", _LONGEST + 1)) > _LONGEST:
            return Response(status_code=413)
        try:
            question = json.loads(await request.body())
        except ValueError:
            return Response(status_code=400)
        reply = await run_in_threadpool(answer, question)
        return Response(pack(reply), media_type="application/octet-stream", headers=_PLAIN)

    return Route(LOOK_PATH, endpoint, methods=["POST"])


def pack(reply: Reply) -> bytes:
    """The length of the JSON (4 bytes, little-endian), the JSON, the picture's bytes if there is one."""
    told = json.dumps({key: value for key, value in reply.items() if key != "picture"}).encode()
    return len(told).to_bytes(4, "little") + told + reply.get("picture", b"")


def unpack(data: bytes) -> Reply:
    """What `pack` was given."""
    length = int.from_bytes(data[:4], "little")
    reply = json.loads(data[4 : 4 + length])
    return {**reply, "picture": data[4 + length :]} if len(data) > 4 + length else reply
