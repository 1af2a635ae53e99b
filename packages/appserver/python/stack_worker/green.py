"""The loop of a gevent or eventlet worker: a greenlet for each connection, one request at a time on it.

The library is imported, and the standard library patched, in the worker: its event loop must not cross a
fork. What is here looks like blocking code, and is: the patched sockets give way to other greenlets.
"""

import importlib
import importlib.util
import os
import signal
import socket
import sys
import time
import traceback

from . import drain
from .connection import RECEIVE_BYTES, ClientGone, Connection
from .descriptors import keep_from_children, release
from .frames import GOAWAY_FRAME, ProtocolError
from .lines import send_line
from .wsgi import serve

LIBRARIES = ("gevent", "eventlet")
_NO_DESCRIPTOR_PAUSE_S = 0.1


def is_missing(library):
    return importlib.util.find_spec(library) is None


def patch(library):
    """Makes the standard library cooperative. Returns what starts a greenlet."""
    if library == "gevent":
        importlib.import_module("gevent.monkey").patch_all()
    else:
        importlib.import_module("eventlet").monkey_patch()
    return importlib.import_module(library).spawn


class GreenLoop:
    """`application` and `base_environ` are set before `run`; `draining` is read by every answer."""

    def __init__(self, control, reader, spawn):
        self.application = None
        self.base_environ = None
        self.draining = False
        self._spawn = spawn
        self._deadline_ms = None
        self._control = control
        self._reader = reader
        self._listener = None
        self._path = None
        self._connections = set()
        self._busy = set()
        self._wake, self._waker = (keep_from_children(end) for end in socket.socketpair())
        self._wake_fd = self._waker.fileno()
        drain.wake_on_signals(self._wake_fd)

    def listen(self, listener, path):
        listener.setblocking(True)
        self._listener = listener
        self._path = path

    def wish_drain(self, deadline_ms):
        """Safe in a signal handler. A second wish can only bring the end nearer."""
        if self._deadline_ms is not None and deadline_ms >= self._deadline_ms:
            return
        self._deadline_ms = deadline_ms
        self.draining = True
        drain.exit_at(deadline_ms)
        self._wake_main()

    def watch(self):
        """Before the app is imported: from here on a drain is noticed."""
        drain.watch_signals({signal.SIGTERM: lambda *_: self.wish_drain(drain.DEFAULT_DEADLINE_MS)})
        self._spawn(self._read_control)

    def run(self):
        """Serves until drained. Returns the exit code."""
        self._spawn(self._accept)
        while not self.draining:
            self._wake.recv(64)
        self._begin_drain()
        while self._connections:
            self._wake.recv(64)
        return 0

    def _wake_main(self):
        try:
            os.write(self._wake_fd, b"\0")
        except OSError:
            pass

    def _read_control(self):
        while not self._reader.ended:
            for message in self._reader.read():
                drain.obey(message, self._control, self.wish_drain)
        self.wish_drain(drain.DEFAULT_DEADLINE_MS)

    def _accept(self):
        while not self.draining:
            try:
                accepted, _ = self._listener.accept()
            except Exception as error:
                if self.draining:
                    return
                sys.stderr.write(f"No connection can be accepted: {error}\n")
                time.sleep(_NO_DESCRIPTOR_PAUSE_S)
                continue
            keep_from_children(accepted)
            connection = Connection(accepted)
            self._connections.add(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection):
        try:
            self._settle(connection)
            while not connection.lost:
                self._read(connection)
                self._settle(connection)
        except Exception:
            traceback.print_exc()
        finally:
            self._connections.discard(connection)
            release(connection.socket)
            connection.socket.close()
            if self.draining:
                self._wake_main()

    def _read(self, connection):
        try:
            data = connection.socket.recv(RECEIVE_BYTES)
        except OSError:
            data = b""
        if not data:
            connection.lost = True
            return
        self._busy.add(connection)
        try:
            connection.feed(data)
            if connection.request is not None:
                block, connection.request = connection.request, None
                serve(self, connection, block)
                connection.start_discarding()
        except ProtocolError as error:
            sys.stderr.write(f"An edge broke the worker protocol: {error}\n")
            connection.lost = True
        except ClientGone:
            pass
        finally:
            self._busy.discard(connection)

    def _settle(self, connection):
        if connection.lost:
            return
        if self.draining:
            self._say_goaway(connection)
        elif not connection.greeted and not connection.body_open:
            connection.discarding = False
            connection.greet()

    def _say_goaway(self, connection):
        if connection.goaway_sent:
            return
        connection.goaway_sent = True
        try:
            connection.send(GOAWAY_FRAME)
        except ClientGone:
            pass

    def _begin_drain(self):
        send_line(self._control, {"type": "draining"})
        listener, self._listener = self._listener, None
        if listener is not None:
            release(listener)
            listener.close()
            try:
                os.unlink(self._path)
            except OSError:
                pass
        for connection in list(self._connections):
            if connection not in self._busy:
                self._say_goaway(connection)
