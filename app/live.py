"""The road of the live pictures: a socket that carries one question and one answer, in bytes, at a time.

Gradio's server functions answer in compressed JSON over requests of their own: a third more bytes, and some milliseconds more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.status import WS_1003_UNSUPPORTED_DATA, WS_1009_MESSAGE_TOO_BIG
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.requests import Reply

__all__ = ["LOOK_PATH", "live_route", "pack", "unpack"]

LOOK_PATH = "/loki/look"
_LONGEST = 1 << 20
"""Letters of a question: some hundred edits."""


def live_route(answer: Callable[[Any], Reply]) -> WebSocketRoute:
    """Where the page asks for pictures. `answer`: a handler as the binder gives it; `picture` in its reply is bytes."""

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                asked = await socket.receive_text()
                if len(asked) > _LONGEST:
                    return await socket.close(WS_1009_MESSAGE_TOO_BIG)
                try:
                    question = json.loads(asked)
                except ValueError:
                    return await socket.close(WS_1003_UNSUPPORTED_DATA)
                await socket.send_bytes(pack(await run_in_threadpool(answer, question)))
        except WebSocketDisconnect:
            return None  # the page is gone

    return WebSocketRoute(LOOK_PATH, endpoint)


def pack(reply: Reply) -> bytes:
    """The length of the JSON (4 bytes, little-endian), the JSON, the picture's bytes if there is one."""
    told = json.dumps({key: value for key, value in reply.items() if key != "picture"}).encode()
    return len(told).to_bytes(4, "little") + told + reply.get("picture", b"")


def unpack(data: bytes) -> Reply:
    """What `pack` was given."""
    length = int.from_bytes(data[:4], "little")
    reply = json.loads(data[4 : 4 + length])
    return {**reply, "picture": data[4 + length :]} if len(data) > 4 + length else reply
