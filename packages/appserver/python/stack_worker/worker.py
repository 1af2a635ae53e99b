"""A worker's life: connect to the arbiter, listen for edges, answer until told to drain.

What answers is a loop: `loop.py` one request at a time, `threads.py`, `green.py` (gevent, eventlet), or
`asgi/`. Those that are not used are not loaded.
"""

import functools
import os
import socket
import sys

from . import drain, output, stacks
from .descriptors import keep_from_children
from .environ import base_environ
from .importing import ImportFailed, load_app
from .lines import LineReader, send_line
from .loop import Loop

_BACKLOG = 128


def run(job, application, start):
    """Runs the worker that the fork message `job` describes. Returns its exit code."""
    os.environ["STACK_WORKER"] = job["id"]
    output.mark_lines(job["id"])
    spawn = None
    if start.get("worker") in ("gevent", "eventlet"):
        from . import green

        # Before any socket is made: these are to be the library's too.
        spawn = green.patch(start["worker"])
    control = keep_from_children(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        control.connect(job["control"])
    except OSError as error:
        sys.stderr.write(f"The arbiter does not answer at {job['control']}: {error}\n")
        return 1
    hello = {"type": "hello", "key": job["key"], "pid": os.getpid(), "stacksSignal": stacks.SIGNAL}
    send_line(control, hello)
    reader = LineReader(control)
    if not start.get("hooks"):
        return _serve(control, reader, job, application, start, spawn)
    from . import hooks

    try:
        hooks.enter(start, job["id"])
    except ImportFailed as failure:
        send_line(control, failure.facts)
        return 3
    try:
        return _serve(control, reader, job, application, start, spawn)
    finally:
        hooks.leave()


def _serve(control, reader, job, application, start, spawn):
    if start.get("kind") == "asgi":
        from .asgi.serve import serve_asgi

        return serve_asgi(control, reader, job, application, start, _listener_for(start))
    stacks.watch(job["socket"], stacks.greenlets if spawn else None)
    loop = _make_loop(control, reader, start, spawn)
    if application is None:
        try:
            application = load_app(start)
        except ImportFailed as failure:
            send_line(control, failure.facts)
            return 3
    try:
        listener = _listener_for(start)(job["socket"])
    except OSError as error:
        send_line(control, {"type": "failed", "error": f"{job['socket']}: {error}"})
        return 4
    loop.application = application
    loop.base_environ = base_environ()
    loop.base_environ["wsgi.multithread"] = start.get("worker", "sync") != "sync"
    loop.listen(listener, job["socket"])
    send_line(control, {"type": "ready"})
    return loop.run()


def _make_loop(control, reader, start, spawn):
    if spawn is not None:
        from .green import GreenLoop

        loop = GreenLoop(control, reader, spawn)
        loop.watch()
        return loop
    if start.get("worker") == "threads":
        from .threads import ThreadedLoop

        loop = ThreadedLoop(control, reader, start["concurrency"])
    else:
        loop = Loop(control, reader)
    drain.watch(control, loop.wish_drain)
    return loop


def _listener_for(start):
    """How to listen: for our own user alone, or for the group of the folder, where the edge is another."""
    return functools.partial(listen, mask=0o117 if start.get("shared") else 0o177)


def listen(path, mask=0o177):
    """A listening socket at `path`. Raises OSError."""
    listener = keep_from_children(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    # The mode is decided when the file comes to be, not after.
    before = os.umask(mask)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
