"""The loop of a worker with threads: each of them waits for any connection and serves what it got.

Nothing is handed from thread to thread: whoever the kernel wakes reads the request, calls the app and
sends the answer. A connection is armed for one event at a time (EPOLLONESHOT), so it belongs to one
thread until that thread arms it again. The main thread takes signals, the arbiter's word, and new
connections; requests that come while every thread is busy wait in the kernel.
"""

import os
import select
import socket
import sys
import threading
import time
import traceback

from . import drain
from .arrivals import has_hung_up
from .connection import ClientGone, Connection, ProtocolError
from .descriptors import keep_from_children, release
from .frames import GOAWAY_FRAME, HEADER_BYTES, REQUEST, WORD
from .lines import send_line
from .wsgi import serve

_RECEIVE_BYTES = 16 * 1024
_DONT_WAIT = socket.MSG_DONTWAIT
_NO_DESCRIPTOR_PAUSE_S = 0.1
_JOIN_S = 0.5


class ThreadedLoop:
    """`application` and `base_environ` are set before `run`; `draining` is read by every answer."""

    def __init__(self, control, reader, threads):
        self.application = None
        self.base_environ = None
        self.draining = False
        self._count = threads
        self._deadline_ms = None
        self._drain_begun = False
        self._control = control
        self._reader = reader
        self._listener = None
        self._path = None
        self._connections = {}
        # Guards the three below, and every send on a connection that no thread is serving.
        self._lock = threading.Lock()
        self._serving = set()
        # Connections that wait for their READY: all threads are busy, or one is with an aborted request.
        self._held = []
        self._shared = keep_from_children(select.epoll())
        self._poll = keep_from_children(select.epoll())
        self._wake, self._waker = (keep_from_children(end) for end in socket.socketpair())
        self._wake.setblocking(False)
        self._stop, self._stopper = (keep_from_children(end) for end in socket.socketpair())
        self._poll.register(self._wake.fileno(), select.EPOLLIN)
        self._poll.register(control.fileno(), select.EPOLLIN)
        self._shared.register(self._stop.fileno(), select.EPOLLIN)
        drain.wake_on_signals(self._waker.fileno())

    def listen(self, listener, path):
        self._listener = listener
        self._path = path
        self._poll.register(listener.fileno(), select.EPOLLIN)

    def wish_drain(self, deadline_ms):
        """Safe in a signal handler. A second wish can only bring the end nearer."""
        if self._deadline_ms is not None and deadline_ms >= self._deadline_ms:
            return
        self._deadline_ms = deadline_ms
        self.draining = True
        drain.exit_at(deadline_ms)
        self._wake_main()

    def run(self):
        """Serves until drained. Returns the exit code."""
        threads = [
            threading.Thread(target=self._work, name=f"request-{number}", daemon=True)
            for number in range(1, self._count + 1)
        ]
        for thread in threads:
            thread.start()
        while not (self.draining and self._drain_begun and not self._connections):
            for fd, _ in self._poll.poll():
                if self._listener is not None and fd == self._listener.fileno():
                    self._accept()
                elif fd == self._control.fileno():
                    self._on_control()
                elif fd == self._wake.fileno():
                    self._on_wake()
            if self.draining and not self._drain_begun:
                self._begin_drain()
            elif self._held:
                self._greet_held()
        self._stopper.close()
        for thread in threads:
            thread.join(_JOIN_S)
        return 0

    # ── in the threads ──

    def _work(self):
        poll = self._shared.poll
        connections = self._connections
        stop = self._stop.fileno()
        while True:
            for fd, _ in poll(-1, 1):
                connection = connections.get(fd)
                if connection is not None:
                    self._on_readable(connection)
                elif fd == stop:
                    return

    def _on_readable(self, connection):
        with self._lock:
            self._serving.add(connection)
        try:
            self._read(connection)
        except Exception:
            connection.lost = True
            traceback.print_exc()
        self._settle(connection)

    def _read(self, connection):
        try:
            data = connection.socket.recv(_RECEIVE_BYTES, _DONT_WAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            connection.lost = True
            return
        if connection.greeted and not connection.pending and len(data) > HEADER_BYTES:
            # One whole request without a body: nearly all there is.
            if WORD.unpack_from(data)[0] == REQUEST << 24 | len(data) - HEADER_BYTES:
                connection.begin(False)
                serve(self, connection, data[HEADER_BYTES:])
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

    def _settle(self, connection):
        """The thread is done with it for now: what is to be said, and who is next?"""
        with self._lock:
            self._serving.discard(connection)
            if not connection.lost:
                self._speak(connection)
            if connection.lost:
                self._close(connection)
            else:
                self._shared.modify(connection.fd, select.EPOLLIN | select.EPOLLONESHOT)
        if self._held or self.draining:
            self._wake_main()

    # ── with the lock ──

    def _speak(self, connection):
        if self.draining:
            if not connection.goaway_sent:
                connection.goaway_sent = True
                try:
                    connection.send(GOAWAY_FRAME)
                except ClientGone:
                    pass
        elif not connection.greeted and not connection.body_open and connection not in self._held:
            connection.discarding = False
            connection.greet()

    def _close(self, connection):
        self._connections.pop(connection.fd, None)
        if connection in self._held:
            self._held.remove(connection)
        release(connection.socket)
        connection.socket.close()

    # ── in the main thread ──

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
        with self._lock:
            self._connections[connection.fd] = connection
            self._held.append(connection)
            self._shared.register(connection.fd, select.EPOLLIN | select.EPOLLONESHOT)

    def _greet_held(self):
        """An edge that aborts a request opens a connection in its place; it must not be told that the
        thread is free before it is."""
        with self._lock:
            aborted = sum(has_hung_up(connection.socket) for connection in self._serving)
            while len(self._held) > aborted and len(self._serving) < self._count:
                self._speak(self._held.pop(0))

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
        with self._lock:
            self._held.clear()
            for connection in list(self._connections.values()):
                if connection not in self._serving:
                    self._speak(connection)
