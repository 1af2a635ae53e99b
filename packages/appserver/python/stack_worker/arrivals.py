"""Noticing that the arbiter spoke or hung up while the app has the process: SIGIO on that socket."""

import fcntl
import os
import select
import signal


def watch_arrivals(sock, handler):
    """Runs `handler(signal, frame)` between two steps of the app when `sock` has news."""
    signal.signal(signal.SIGIO, handler)
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sock, fcntl.F_SETFL, fcntl.fcntl(sock, fcntl.F_GETFL) | os.O_ASYNC)


def unwatch_arrivals(sock):
    fcntl.fcntl(sock, fcntl.F_SETFL, fcntl.fcntl(sock, fcntl.F_GETFL) & ~os.O_ASYNC)
    signal.signal(signal.SIGIO, signal.SIG_DFL)


def has_hung_up(sock):
    """Whether the other side is closed, also where unread data stands before the end."""
    poll = select.poll()
    poll.register(sock, getattr(select, "POLLRDHUP", select.POLLHUP))
    return bool(poll.poll(0))
