"""When a worker's end begins: asked by the arbiter, by TERM, or because the arbiter is gone.

The request may come while the app runs, where the loop does not look: SIGIO on the control connection and
TERM run between two of the app's own steps, note it and start the clock. What a drain does to connections
happens in the loop, where frames are whole.
"""

import faulthandler
import json
import os
import signal
import socket
import threading

from .arrivals import watch_arrivals
from .descriptors import undo_in_children
from .lines import send_line

DEFAULT_DEADLINE_MS = 30_000


def watch(control, wish, within_app=True):
    """Calls `wish(deadline_ms)` on TERM, and when `control` carries a drain or ends.

    `within_app`: a ping is answered between two steps of the app too. Not where a loop must turn: there a
    step that does not end is what the ping is to find.
    """

    def on_term(_signal, _frame):
        wish(DEFAULT_DEADLINE_MS)

    def on_control(_signal, _frame):
        # A look only: the loop, which this may have interrupted, does the reading.
        try:
            data = control.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return
        if not data:
            wish(DEFAULT_DEADLINE_MS)
        for line in data.split(b"\n")[:-1]:
            message = parse(line)
            if message.get("type") == "drain" or within_app:
                obey(message, control, wish)

    watch_signals({signal.SIGTERM: on_term, signal.SIGIO: on_control})
    watch_arrivals(control, on_control)


def watch_signals(handlers):
    """Installs these handlers, and one that ignores INT, in this process but not in its children."""
    handlers = {**handlers, signal.SIGINT: lambda *_: None}
    for number, handler in handlers.items():
        signal.signal(number, handler)
    _restore_in_children(handlers)


def wake_on_signals(fd):
    """A signal makes the other end of `fd` readable: whoever waits there wakes, and runs Python's handlers.

    Without it a signal is not seen before the next event when it reaches another thread, or this one just
    before it begins to wait.
    """
    os.set_blocking(fd, False)
    signal.set_wakeup_fd(fd, warn_on_full_buffer=False)
    undo_in_children(lambda: signal.set_wakeup_fd(-1))


def _restore_in_children(handlers):
    """A child that the app forks must die of TERM as any process does.

    Also of one sent at once: Python forgets in the child what arrived before its fork hooks, so the signals
    are held back until the child has its own handlers.
    """
    masks = {}

    def hold():
        masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, handlers)

    def let_go():
        mask = masks.pop(threading.get_ident(), None)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def undo():
        for number, handler in handlers.items():
            if signal.getsignal(number) is handler:
                own = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                signal.signal(number, own)

    undo_in_children(undo)
    # In a child this runs after `undo`, and in its own children again.
    os.register_at_fork(before=hold, after_in_parent=let_go, after_in_child=let_go)


def parse(line):
    """A message of the arbiter; {} where it is none."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def obey(message, control, wish):
    """What every loop does with a message of the arbiter. Safe in a signal handler, and done twice."""
    kind = message.get("type")
    if kind == "drain":
        wish(message.get("deadlineMs", DEFAULT_DEADLINE_MS))
    elif kind == "ping":
        send_line(control, {"type": "pong"})


def exit_at(deadline_ms):
    """At the deadline the process ends, whatever it is stuck in, and says where that was.

    The thread that does it is no Python thread: neither the GIL nor a lock of the app can stop it.
    """
    faulthandler.dump_traceback_later(max(deadline_ms / 1000, 0.001), exit=True, file=2)
