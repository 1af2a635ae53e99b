"""A worker's life: connect to the arbiter, listen for edges, answer until told to drain."""

import os
import socket
import sys

from . import drain, output
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
    control = keep_from_children(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        control.connect(job["control"])
    except OSError as error:
        sys.stderr.write(f"The arbiter does not answer at {job['control']}: {error}\n")
        return 1
    send_line(control, {"type": "hello", "key": job["key"], "pid": os.getpid()})
    loop = Loop(control, LineReader(control))
    drain.watch(control, loop.wish_drain)
    if application is None:
        try:
            application = load_app(start["app"], start["cwd"])
        except ImportFailed as failure:
            send_line(control, failure.facts)
            return 3
    try:
        listener = _listen(job["socket"])
    except OSError as error:
        send_line(control, {"type": "failed", "error": f"{job['socket']}: {error}"})
        return 4
    loop.application = application
    loop.base_environ = base_environ()
    loop.listen(listener, job["socket"])
    send_line(control, {"type": "ready"})
    return loop.run()


def _listen(path):
    listener = keep_from_children(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    # The mode is decided when the file comes to be, not after.
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
