"""The loop of a worker with threads: each of them waits for any connection and serves what it got.

Nothing is handed from thread to thread: whoever the kernel wakes reads the request, calls the app and
sends the answer. A connection is armed for one event at a time (EPOLLONESHOT), so it belongs to one
thread until that thread arms it again. The main thread takes signals, the arbiter's word, and new
connections; requests that come while every thread is busy wait in the kernel.
"""

import select
import socket
import threading
import traceback

from .arrivals import has_hung_up
from .connection import ClientGone
from .descriptors import keep_from_children, release
from .frames import GOAWAY_FRAME
from .polling import PollingLoop

_JOIN_S = 0.5


class ThreadedLoop(PollingLoop):
    def __init__(self, control, reader, threads):
        super().__init__(control, reader, keep_from_children(select.epoll()))
        self._count = threads
        # Guards the three below, and every send on a connection that no thread is serving.
        self._lock = threading.Lock()
        self._serving = set()
        # Connections that wait for their READY: all threads are busy, or one is with an aborted request.
        self._held = []
        self._shared = keep_from_children(select.epoll())
        self._stop, self._stopper = (keep_from_children(end) for end in socket.socketpair())
        self._shared.register(self._stop.fileno(), select.EPOLLIN)

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
                self._on_own(fd)
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

    def _take(self, connection):
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

    def _say_farewell(self):
        with self._lock:
            self._held.clear()
            for connection in list(self._connections.values()):
                if connection not in self._serving:
                    self._speak(connection)
