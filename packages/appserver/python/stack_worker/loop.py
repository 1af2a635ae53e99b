"""The event loop of a sync worker: listener, edge connections, control; one request at a time.

READY is said only here or at the end of an answer, when no request runs. Whatever arrives during a request
waits in the kernel; requests are then served in the order in which they became readable.
"""

import os
import select
import socket
import sys
import time

from . import drain
from .connection import ClientGone, Connection, ProtocolError
from .descriptors import keep_from_children, release
from .frames import GOAWAY_FRAME, HEADER_BYTES, REQUEST, WORD
from .lines import send_line
from .wsgi import serve

# Enough for nearly every request; what is larger comes in pieces.
_RECEIVE_BYTES = 16 * 1024
_DONT_WAIT = socket.MSG_DONTWAIT
# How long to leave the listener alone when the process has no descriptor left.
_NO_DESCRIPTOR_PAUSE_S = 0.1


class Loop:
    """`application` and `base_environ` are set before `run`; `draining` is read by every answer."""

    def __init__(self, control, reader):
        self.application = None
        self.base_environ = None
        self.draining = False
        self._deadline_ms = None
        self._drain_begun = False
        self._control = control
        self._reader = reader
        self._listener = None
        self._path = None
        self._connections = {}
        self._poll = select.epoll() if hasattr(select, "epoll") else select.poll()
        if hasattr(self._poll, "close"):
            keep_from_children(self._poll)
        self._wake, self._waker = (keep_from_children(end) for end in socket.socketpair())
        self._wake.setblocking(False)
        drain.wake_on_signals(self._waker.fileno())
        self._poll.register(self._wake.fileno(), select.POLLIN)
        self._poll.register(control.fileno(), select.POLLIN)

    def listen(self, listener, path):
        self._listener = listener
        self._path = path
        self._poll.register(listener.fileno(), select.POLLIN)

    def wish_drain(self, deadline_ms):
        """Safe in a signal handler. A second wish can only bring the end nearer."""
        if self._deadline_ms is not None and deadline_ms >= self._deadline_ms:
            return
        self._deadline_ms = deadline_ms
        self.draining = True
        drain.exit_at(deadline_ms)
        try:
            self._waker.send(b"\0")
        except OSError:
            pass

    def run(self):
        """Serves until drained. Returns the exit code."""
        poll = self._poll.poll
        connections = self._connections
        while True:
            if self.draining:
                if not self._drain_begun:
                    self._begin_drain()
                if not connections:
                    return 0
            for fd, _ in poll():
                connection = connections.get(fd)
                if connection is not None:
                    self._on_readable(connection)
                elif self._listener is not None and fd == self._listener.fileno():
                    self._accept()
                elif fd == self._control.fileno():
                    self._on_control()
                elif fd == self._wake.fileno():
                    self._on_wake()

    def _on_readable(self, connection):
        try:
            data = connection.socket.recv(_RECEIVE_BYTES, _DONT_WAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        if connection.greeted and not connection.pending and len(data) > HEADER_BYTES:
            # One whole request without a body: nearly all there is.
            if WORD.unpack_from(data)[0] == REQUEST << 24 | len(data) - HEADER_BYTES:
                connection.begin(False)
                serve(self, connection, data[HEADER_BYTES:])
                self._settle(connection)
                return
        try:
            connection.feed(data)
        except ProtocolError as error:
            sys.stderr.write(f"An edge broke the worker protocol: {error}\n")
            connection.lost = True
        except ClientGone:
            pass
        if connection.request is not None and not connection.lost:
            block, connection.request = connection.request, None
            serve(self, connection, block)
            connection.start_discarding()
        self._settle(connection)

    def _settle(self, connection):
        """Between two frames of an idle connection: what is to be said on it?"""
        if connection.lost:
            self._close(connection)
        elif self.draining:
            self._say_goaway(connection)
        elif not connection.greeted and not connection.body_open:
            connection.discarding = False
            connection.greet()
            if connection.lost:
                self._close(connection)

    def _accept(self):
        try:
            accepted, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            sys.stderr.write(f"No connection can be accepted: {error}\n")
            time.sleep(_NO_DESCRIPTOR_PAUSE_S)
            return
        accepted.setblocking(True)
        keep_from_children(accepted)
        connection = Connection(accepted)
        self._connections[connection.fd] = connection
        self._poll.register(connection.fd, select.POLLIN)
        self._settle(connection)

    def _close(self, connection):
        if self._connections.pop(connection.fd, None) is None:
            return
        self._poll.unregister(connection.fd)
        release(connection.socket)
        connection.socket.close()

    def _on_control(self):
        messages = self._reader.read(_DONT_WAIT)
        if self._reader.ended:
            self._poll.unregister(self._control.fileno())
            self.wish_drain(drain.DEFAULT_DEADLINE_MS)
        for message in messages:
            drain.obey(message, self._control, self.wish_drain)

    def _on_wake(self):
        try:
            self._wake.recv(4096)
        except OSError:
            pass

    def _begin_drain(self):
        self._drain_begun = True
        send_line(self._control, {"type": "draining"})
        if self._listener is not None:
            self._poll.unregister(self._listener.fileno())
            self._listener.close()
            release(self._listener)
            self._listener = None
            try:
                os.unlink(self._path)
            except OSError:
                pass
        for connection in list(self._connections.values()):
            self._settle(connection)

    def _say_goaway(self, connection):
        if connection.goaway_sent:
            return
        connection.goaway_sent = True
        try:
            connection.send(GOAWAY_FRAME)
        except ClientGone:
            self._close(connection)
