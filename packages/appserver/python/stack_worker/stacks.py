"""Where everything is, on the arbiter's word: for a request that takes too long.

One signal is answered twice, into a file the arbiter reads. First by faulthandler, from within the C handler:
every thread's frames, also of one that holds the GIL in a C call for ever. Then, if the main thread gets to
it, by Python: names of threads, greenlets, tasks of the event loop. A crash (a segmentation fault in a C
extension) is told in the same file, which the arbiter reads when it hears how the worker ended.
"""

import faulthandler
import gc
import os
import signal
import sys
import threading

from .descriptors import undo_in_children

# Python programs hardly use the real-time ones; USR1 and USR2 belong to the app.
SIGNAL = signal.SIGRTMAX - 3
_MAX_SHOWN = 50


def watch(socket_path, more=None):
    """Answers `SIGNAL` into a file beside the worker's socket. `more()` gives further lines."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
    try:
        fd = os.open(socket_path + ".stacks", flags, 0o600)
    except OSError as error:
        sys.stderr.write(f"No stacks will be written: {error}\n")
        return

    describing = threading.Lock()

    def describe(_signal, _frame):
        if not describing.acquire(blocking=False):
            return  # asked again before it was said
        try:
            lines = _threads() + (more() if more else [])
        except Exception as error:  # what runs goes on, whatever it looks like from here
            lines = [f"(no more: {error!r})"]
        os.write(fd, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
        describing.release()

    signal.signal(SIGNAL, describe)
    # Chained: what Python installed the line before runs after it.
    faulthandler.register(SIGNAL, file=fd, all_threads=True, chain=True)
    faulthandler.enable(file=fd, all_threads=True)
    undo_in_children(_forget)


def _forget():
    faulthandler.unregister(SIGNAL)
    signal.signal(SIGNAL, signal.SIG_DFL)


def _threads():
    return [f"Thread 0x{thread.ident or 0:016x} is {thread.name!r}" for thread in threading.enumerate()]


def tasks(exchanges, loop):
    """Of an event loop: each request with where its coroutine waits, then all other tasks."""
    import asyncio

    lines = []
    known = set()
    for exchange in list(exchanges)[:_MAX_SHOWN]:
        known.add(exchange.task)
        method = exchange.scope.get("method", "WebSocket")
        lines.append(f"Request {method} {exchange.scope['path']} (most recent call last):")
        lines += awaited(exchange.task.get_coro())
    others = [task for task in asyncio.all_tasks(loop) if task not in known]
    for task in others[:_MAX_SHOWN]:
        lines.append(f"Task {task.get_name()} (most recent call last):")
        lines += awaited(task.get_coro())
    return lines


def greenlets():
    """Of gevent and eventlet: each greenlet that waits, with its frames."""
    from greenlet import greenlet

    lines = []
    found = (thing for thing in gc.get_objects() if isinstance(thing, greenlet) and thing.gr_frame)
    for waiting in list(found)[:_MAX_SHOWN]:
        lines.append(f"{type(waiting).__name__} 0x{id(waiting):016x} (most recent call first):")
        frame = waiting.gr_frame
        while frame is not None:
            lines.append(_place(frame))
            frame = frame.f_back
    return lines


def awaited(coroutine):
    """What a coroutine awaits, and what that awaits, down to what is not Python."""
    lines = []
    while coroutine is not None and len(lines) < _MAX_SHOWN:
        frame = _first(coroutine, "cr_frame", "ag_frame", "gi_frame")
        if frame is None:
            break
        lines.append(_place(frame))
        coroutine = _first(coroutine, "cr_await", "ag_await", "gi_yieldfrom")
    return lines


def _first(thing, *names):
    found = (getattr(thing, name, None) for name in names)
    return next((value for value in found if value is not None), None)


def _place(frame):
    code = frame.f_code
    return f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}'
