"""An ASGI worker: one event loop, all connections on it, until it is told to drain."""

import asyncio
import os
import socket

from .. import drain, stacks
from ..importing import ImportFailed, load_app
from ..lines import send_line
from .connection import AsgiConnection
from .http import HttpExchange
from .lifespan import Lifespan, StartupFailed
from .scope import http_scope, parse_block, upgrade_of
from .websocket import WebSocketExchange

try:
    # Of the app's own environment: what it installed is what it wants.
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

_PING_EVERY_S = 20


def serve_asgi(control, reader, job, application, start, listen):
    """Runs the worker; `application` is None if it is still to be imported. Returns its exit code."""
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    worker = AsgiWorker(loop, control, reader)
    stacks.watch(job["socket"], lambda: stacks.tasks(worker.running, loop))
    drain.watch(control, worker.wish_drain, within_app=False)
    try:
        return loop.run_until_complete(worker.main(job["socket"], application, start, listen))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())


class AsgiWorker:
    def __init__(self, loop, control, reader):
        self.application = None
        self.draining = False
        self.connections = set()
        self.websockets = set()
        # Exchanges whose app has not returned: it may go on after its answer.
        self.running = set()
        self._loop = loop
        self._control = control
        self._reader = reader
        self._deadline_ms = None
        self._changed = asyncio.Event()
        self._lifespan = None
        self._ticker = None

    async def main(self, path, application, start, listen):
        self._loop.add_reader(self._control.fileno(), self._on_control)
        if application is None:
            try:
                # Within the loop: a module may ask for it when it is imported.
                application = load_app(start)
            except ImportFailed as failure:
                send_line(self._control, failure.facts)
                return 3
        self.application = application
        self._lifespan = Lifespan(application)
        try:
            await self._lifespan.startup()
        except StartupFailed as failure:
            send_line(self._control, {"type": "startup-failed", "message": str(failure)})
            return 3
        try:
            listener = listen(path)
        except OSError as error:
            send_line(self._control, {"type": "failed", "error": f"{path}: {error}"})
            return 4
        server = await self._loop.create_unix_server(
            lambda: AsgiConnection(self), sock=listener, backlog=1024
        )
        self._ticker = self._loop.call_later(_PING_EVERY_S, self._ping)
        send_line(self._control, {"type": "ready"})
        while not self.draining:
            await self._until_changed()
        self._begin_drain(server, path)
        while self.connections or self.running:
            await self._until_changed()
        self._ticker.cancel()
        await self._lifespan.shutdown()
        return 0

    def begin(self, connection, block):
        """A request came: gives it to the app."""
        wanted, headers = parse_block(block)
        state = self._lifespan.state
        # Other upgrades (h2c) are declined by answering as if they were not asked for.
        if wanted[-1] is not None and upgrade_of(wanted) == b"websocket":
            exchange = WebSocketExchange(connection, wanted, headers, state)
        else:
            scope = http_scope(wanted, headers, state)
            exchange = HttpExchange(connection, scope, scope["method"] == "HEAD")
        connection.exchange = exchange
        self.running.add(exchange)
        exchange.task = self._loop.create_task(exchange.run(self))

    def on_app_done(self, exchange):
        self.running.discard(exchange)
        if self.draining:
            self._changed.set()

    def on_closed(self, connection):
        self.connections.discard(connection)
        if self.draining:
            self._changed.set()

    def wish_drain(self, deadline_ms):
        """Safe in a signal handler. A second wish can only bring the end nearer."""
        if self._deadline_ms is not None and deadline_ms >= self._deadline_ms:
            return
        self._deadline_ms = deadline_ms
        self.draining = True
        drain.exit_at(deadline_ms)
        self._loop.call_soon_threadsafe(self._changed.set)

    async def _until_changed(self):
        self._changed.clear()
        await self._changed.wait()

    def _on_control(self):
        messages = self._reader.read(socket.MSG_DONTWAIT)
        if self._reader.ended:
            self._loop.remove_reader(self._control.fileno())
            self.wish_drain(drain.DEFAULT_DEADLINE_MS)
        for message in messages:
            drain.obey(message, self._control, self.wish_drain)
            if message.get("type") == "part":
                self._part()

    def _begin_drain(self, server, path):
        send_line(self._control, {"type": "draining"})
        server.close()
        try:
            os.unlink(path)
        except OSError:
            pass
        self._part()
        for connection in list(self.connections):
            connection.settle()

    def _part(self):
        """WebSockets have no end of their own: their clients are asked to come again."""
        for websocket in list(self.websockets):
            websocket.close_from_here(1012, "service restart")

    def _ping(self):
        for websocket in list(self.websockets):
            websocket.ping()
        self._ticker = self._loop.call_later(_PING_EVERY_S, self._ping)
