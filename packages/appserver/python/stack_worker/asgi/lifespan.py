"""The `lifespan` of ASGI: startup before the first request, shutdown after the last."""

import asyncio
import sys

from ..importing import app_traceback


class StartupFailed(Exception):
    """Its text is what the app said, or its traceback."""


class Lifespan:
    def __init__(self, application):
        self.state = {}
        self._application = application
        self._events = asyncio.Queue()
        self._started = asyncio.get_running_loop().create_future()
        self._stopped = asyncio.get_running_loop().create_future()
        self._asked = False
        self._task = None

    async def startup(self):
        """Returns when the app is ready, or takes no part in it. Raises StartupFailed."""
        self._events.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._started

    async def shutdown(self):
        """Returns when the app is done with it. What fails is logged."""
        if self._task is None or self._task.done():
            return
        self._events.put_nowait({"type": "lifespan.shutdown"})
        failure = await self._stopped
        if failure:
            sys.stderr.write(f"Shutdown failed: {failure}\n")

    async def _run(self):
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        failure = None
        try:
            await self._application(scope, self._receive, self._send)
        except BaseException as error:
            failure = app_traceback(error)
            if not self._started.done() and self._asked and not isinstance(error, _NotLifespan):
                self._started.set_exception(StartupFailed(failure))
        finally:
            # An app that refuses the scope, or returns, takes no part in it.
            if not self._started.done():
                self._started.set_result(None)
            if not self._stopped.done():
                self._stopped.set_result(failure)

    async def _receive(self):
        self._asked = True
        return await self._events.get()

    async def _send(self, message):
        kind = message["type"]
        if kind == "lifespan.startup.complete" and not self._started.done():
            self._started.set_result(None)
        elif kind == "lifespan.startup.failed" and not self._started.done():
            self._started.set_exception(StartupFailed(message.get("message", "")))
        elif kind == "lifespan.shutdown.complete" and not self._stopped.done():
            self._stopped.set_result(None)
        elif kind == "lifespan.shutdown.failed" and not self._stopped.done():
            self._stopped.set_result(message.get("message", "") or "the app gave no reason")
        else:
            raise _NotLifespan(f"the app sent {kind!r}, which is no answer to lifespan")


class _NotLifespan(RuntimeError):
    """An app that answers every scope as if it were a request."""
