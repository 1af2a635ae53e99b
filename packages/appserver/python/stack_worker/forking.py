"""The zygote: imports the app once, then forks a worker whenever the arbiter asks for one.

It stays single-threaded, because a fork copies only the thread that forks. The collector is off during the
import and what was imported is frozen, so that no later collection writes to pages shared by all workers.
"""

import gc
import os
import select
import signal
import socket
import threading
import time
import warnings

from . import green, leaving, output, worker
from .arrivals import has_hung_up, unwatch_arrivals, watch_arrivals
from .descriptors import keep_from_children
from .importing import ImportFailed, load_app
from .lines import LineReader, send_line

_ARBITER_FD = 3


def main():
    """Runs until the arbiter hangs up and the last worker is gone. In a worker: the worker's life."""
    gc.disable()
    output.install()
    arbiter = keep_from_children(socket.socket(fileno=_ARBITER_FD))
    os.set_inheritable(_ARBITER_FD, False)
    arbiter.setblocking(True)
    reader = LineReader(arbiter)
    start, early = _first_message(reader)
    if start is None:
        return 0
    if start.get("umask") is not None:
        os.umask(start["umask"])
    if start.get("worker") in green.LIBRARIES and green.is_missing(start["worker"]):
        facts = {"kind": "library-missing", "module": start["worker"], "name": "", "found": [], "traceback": ""}
        send_line(arbiter, {"type": "import-failed", **facts})
        return 3
    if start.get("kind") == "asgi":
        from .asgi import serve  # noqa: F401  once, for all workers
    began = time.monotonic()
    application = None
    if start["preload"]:
        # An import that hangs must not outlive the arbiter.
        watch_arrivals(arbiter, lambda *_: has_hung_up(arbiter) and os._exit(1))
        try:
            application = load_app(start)
        except ImportFailed as failure:
            send_line(arbiter, failure.facts)
            return 3
        unwatch_arrivals(arbiter)
        gc.collect()
    leaving.remember_files()
    gc.freeze()
    elapsed = round((time.monotonic() - began) * 1000) if start["preload"] else 0
    started = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    send_line(arbiter, {"type": "imported", "ms": elapsed, "threads": started})
    job = _Zygote(arbiter, reader).run(early)
    if job is None:
        return 0
    gc.enable()
    return worker.run(job, application, start)


def _first_message(reader):
    while not reader.ended:
        messages = reader.read()
        if messages:
            return messages[0], messages[1:]
    return None, []


class _Zygote:
    def __init__(self, arbiter, reader):
        self._arbiter = arbiter
        self._reader = reader
        self._keys = {}
        self._wake, self._waker = (keep_from_children(end) for end in socket.socketpair())
        self._wake.setblocking(False)
        self._waker.setblocking(False)

    def run(self, early):
        """Serves the arbiter. Returns None when all is over, or in a new worker its fork message."""
        # After the import: an app that sets its own SIGCHLD handler does not get to keep it here.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # TERM goes to whole process groups: the zygote ends when the arbiter hangs up, not before.
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(self._arbiter, select.POLLIN)
        messages = early
        while True:
            for message in messages:
                if message["type"] == "fork" and self._fork(message):
                    return message
            messages = []
            self._reap()
            if self._reader.ended and not self._keys:
                return None
            for fd, _ in poll.poll():
                if fd == self._wake.fileno():
                    self._drain_wake()
                else:
                    messages = self._reader.read()
                    if self._reader.ended:
                        poll.unregister(self._arbiter)

    def _fork(self, message):
        """True in the worker."""
        key = message["key"]
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns when an import left threads behind; the arbiter does that better.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError as error:
            send_line(self._arbiter, {"type": "fork-failed", "key": key, "error": str(error)})
            return False
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return True
        self._keys[pid] = key
        send_line(self._arbiter, {"type": "forked", "key": key, "pid": pid})
        return False

    def _reap(self):
        # One by one: children that the app's import started are not ours to reap.
        for pid in list(self._keys):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done == 0:
                continue
            key = self._keys.pop(pid)
            code = signal_name = None
            if os.WIFSIGNALED(status):
                signal_name = _signal_name(os.WTERMSIG(status))
            else:
                code = os.WEXITSTATUS(status)
            exited = {"type": "exited", "key": key, "pid": pid, "code": code, "signal": signal_name}
            send_line(self._arbiter, exited)

    def _drain_wake(self):
        try:
            self._wake.recv(4096)
        except OSError:
            pass


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
