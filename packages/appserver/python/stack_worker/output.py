"""Standard output and error of zygote and workers: whole lines, each with the worker's mark.

All workers of an arbiter write to the same two pipes of the keeper, so each line says whose it is (SOH id
SOH, twin of `packages/control/src/core/log-mark.ts`) and is written in one piece. When the keeper is gone
the pipe breaks; the worker then goes on with /dev/null, since it still has requests to finish.
"""

import atexit
import io
import os
import select
import sys
import threading

from .descriptors import undo_in_children

# A write of this size to a pipe is never mixed with another process's (PIPE_BUF on Linux).
_ATOMIC_BYTES = 4096
# A line without end is cut here rather than kept for ever.
_MAX_HELD_BYTES = 64 * 1024
# How long a full pipe may hold the app up before its lines are dropped.
_STALL_MS = 5_000

_mark = b""
_streams = []


def install():
    """Replaces sys.stdout and sys.stderr, before the app is imported: it may keep them."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        lines = _Lines(fd)
        _streams.append(lines)
        stream = io.TextIOWrapper(
            lines, encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=True
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    # Registered before anything of the app's, so it runs after it.
    atexit.register(finish)


def mark_lines(worker_id):
    """From now on every line is this worker's."""
    global _mark
    _mark = b"\x01" + worker_id.encode() + b"\x01"
    for lines in _streams:
        undo_in_children(lines.forget)


def finish():
    """Writes what still has no line end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    for lines in _streams:
        lines.end_line()


class _Lines(io.BufferedIOBase):
    """The binary half of a stream (`sys.stdout.buffer`): holds what is not yet a line."""

    def __init__(self, fd):
        self._fd = fd
        self._held = b""
        # Reentrant: a signal handler of the app may print while a line is being written.
        self._lock = threading.RLock()

    name = property(lambda self: "<stdout>" if self._fd == 1 else "<stderr>")

    def writable(self):
        return True

    def fileno(self):
        return self._fd

    def isatty(self):
        return False

    def close(self):
        """An app that closes its standard output does not silence the worker."""

    def write(self, data):
        data = bytes(data)
        with self._lock:
            end = data.rfind(b"\n") + 1
            if end == 0:
                self._held += data
                if len(self._held) > _MAX_HELD_BYTES:
                    self._emit(self._held)
                    self._held = b""
            else:
                self._emit(self._held + data[: end - 1])
                self._held = data[end:]
        return len(data)

    def end_line(self):
        with self._lock:
            if self._held:
                self._emit(self._held)
                self._held = b""

    def forget(self):
        """In a forked child: the parent writes what it holds; its lock may be held for ever here."""
        self._held = b""
        self._lock = threading.RLock()

    def _emit(self, text):
        """Writes the lines of `text` (without its last line end), as many as are safe at once."""
        if not text.count(b"\n"):
            self._put(_mark + text + b"\n")
            return
        batch = b""
        for line in text.split(b"\n"):
            line = _mark + line + b"\n"
            if batch and len(batch) + len(line) > _ATOMIC_BYTES:
                self._put(batch)
                batch = b""
            batch += line
        self._put(batch)

    def _put(self, data):
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                # The arbiter, which shares this pipe, may have made it non-blocking.
                ready = select.poll()
                ready.register(self._fd, select.POLLOUT)
                if not ready.poll(_STALL_MS):
                    return
            except OSError:
                self._fall_silent()
                return

    def _fall_silent(self):
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._fd)
            os.close(null)
        except OSError:
            pass
