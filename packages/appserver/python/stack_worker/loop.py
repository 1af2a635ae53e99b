"""The event loop of a sync worker: listener, edge connections, control; one request at a time.

READY is said only here or at the end of an answer, when no request runs. Whatever arrives during a request
waits in the kernel; requests are then served in the order in which they became readable.
"""

import os
import select
import time

from .arrivals import has_hung_up
from .connection import ClientGone
from .descriptors import keep_from_children, release
from .frames import GOAWAY_FRAME
from .polling import PollingLoop


# The edge takes back what it has sent to a worker that says nothing for 5 ms: what was seen longer ago is looked
# at again.
_SEEN_FOR_S = 0.004
# Each arrival is told once, in the order of all arrivals: the edge relies on it. Level-triggered, a connection
# that is used again goes before those that wait longer.
_ARRIVALS = select.POLLIN | getattr(select, "EPOLLET", 0)


class Loop(PollingLoop):
    def __init__(self, control, reader):
        poll = select.epoll() if hasattr(select, "epoll") else select.poll()
        if hasattr(poll, "close"):
            keep_from_children(poll)
        super().__init__(control, reader, poll)

    def run(self):
        """Serves until drained. Returns the exit code."""
        _wake_behind_others()
        poll = self._poll.poll
        connections = self._connections
        now = time.monotonic
        while True:
            if self.draining:
                if not self._drain_begun:
                    self._begin_drain()
                if not connections:
                    return 0
            found = poll()
            seen_at = now()
            for fd, events in found:
                connection = connections.get(fd)
                if connection is not None:
                    is_old = now() - seen_at > _SEEN_FOR_S
                    if events & select.POLLHUP or (is_old and has_hung_up(connection.socket)):
                        # The edge has closed it: a request that still stands there was taken back.
                        connection.lost = True
                    else:
                        self._read(connection)
                    self._settle(connection)
                else:
                    self._on_own(fd)

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

    def _take(self, connection):
        self._connections[connection.fd] = connection
        self._poll.register(connection.fd, _ARRIVALS)
        self._settle(connection)

    def _close(self, connection):
        if self._connections.pop(connection.fd, None) is None:
            return
        self._poll.unregister(connection.fd)
        release(connection.socket)
        connection.socket.close()

    def _say_farewell(self):
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


def _wake_behind_others():
    """A request that arrives does not interrupt the edge, which has more to send.

    On a core that both share it saves two changes of process for each request. Children inherit it, as they
    do niceness.
    """
    try:
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except (AttributeError, OSError):
        pass  # another system, or one that forbids it
