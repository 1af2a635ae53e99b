"""What the loops over a poll object share: reading, the listener, the arbiter's word, how a drain begins."""

import os
import select
import socket
import sys
import time

from . import drain
from .connection import ClientGone, Connection
from .descriptors import keep_from_children, release
from .frames import HEADER_BYTES, REQUEST, WORD, ProtocolError
from .lines import send_line
from .wsgi import serve

# Enough for nearly every request; what is larger comes in pieces.
_RECEIVE_BYTES = 16 * 1024
_DONT_WAIT = socket.MSG_DONTWAIT
# How long to leave the listener alone when the process has no descriptor left.
_NO_DESCRIPTOR_PAUSE_S = 0.1


class PollingLoop:
    """`application` and `base_environ` are set before `run`; `draining` is read by every answer."""

    def __init__(self, control, reader, poll):
        self.application = None
        self.base_environ = None
        self.draining = False
        self._deadline_ms = None
        self._drain_begun = False
        self._control = control
        self._reader = reader
        self._listener = None
        self._path = None
        # By descriptor.
        self._connections = {}
        self._poll = poll
        self._wake, self._waker = (keep_from_children(end) for end in socket.socketpair())
        self._wake.setblocking(False)
        drain.wake_on_signals(self._waker.fileno())
        poll.register(self._wake.fileno(), select.POLLIN)
        poll.register(control.fileno(), select.POLLIN)

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
        self._wake_main()

    def _read(self, connection):
        """Takes in all that has arrived on a connection, and answers the request that is complete with it."""
        while not connection.lost:
            try:
                data = connection.socket.recv(_RECEIVE_BYTES, _DONT_WAIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            size = len(data)
            if size == 0:
                connection.lost = True
                return
            if connection.greeted and not connection.pending and HEADER_BYTES < size < _RECEIVE_BYTES:
                # One whole request without a body: nearly all there is.
                if WORD.unpack_from(data)[0] == REQUEST << 24 | size - HEADER_BYTES:
                    connection.begin(False)
                    serve(self, connection, data[HEADER_BYTES:])
                    return
            self._feed(connection, data)

    def _feed(self, connection, data):
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

    def _on_own(self, fd):
        """Something came that is of no connection's."""
        if self._listener is not None and fd == self._listener.fileno():
            self._accept()
        elif fd == self._control.fileno():
            self._on_control()
        elif fd == self._wake.fileno():
            self._on_wake()

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
        self._take(Connection(accepted))

    def _on_control(self):
        messages = self._reader.read(_DONT_WAIT)
        if self._reader.ended:
            self._poll.unregister(self._control.fileno())
            self.wish_drain(drain.DEFAULT_DEADLINE_MS)
        for message in messages:
            drain.obey(message, self._control, self.wish_drain)

    def _wake_main(self):
        try:
            self._waker.send(b"\0")
        except OSError:
            pass

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
        self._say_farewell()
