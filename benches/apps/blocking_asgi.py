"""ASGI: /slow blocks its worker for 200 ms, as a careless call does; /wait only waits a second."""

import asyncio
import time

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]}
BODY = {"type": "http.response.body", "body": b"ok\n"}


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/slow":
        time.sleep(0.2)
    elif scope["path"] == "/wait":
        await asyncio.sleep(1)
    await send(START)
    await send(BODY)
