"""The end of a zygote and of a worker: what an interpreter owes the app at its exit, and no more.

Python's own exit then takes all objects apart one by one. In a forked worker that writes to, and so copies,
nearly every page it shares with its zygote, for memory the kernel takes back in a moment. So: threads are
joined, `atexit` runs, files are flushed, in Python's order, and the process ends, as those of multiprocessing do.
"""

import _io
import atexit
import gc
import os
import sys
import threading
import weakref

# Not their ABCs in `io`, which answer slowly.
_FILES = (_io._BufferedIOBase, _io._TextIOBase)

# Files that were open before the fork: the collector does not show what is frozen.
_before = []


def remember_files():
    """To be called before `gc.freeze()`."""
    _before.extend(weakref.ref(file) for file in _open_files())


def leave(run, *arguments):
    """Ends the process with the exit code that `run(*arguments)` returns. Does not return."""
    code = _judge(run, *arguments)
    # Where an app hangs in its last steps, the deadline of its drain ends it.
    _judge(threading._shutdown)
    _judge(atexit._run_exitfuncs)
    _write_files()
    os._exit(code)


def _judge(function, *arguments):
    """The exit code that Python would end with."""
    try:
        code = function(*arguments)
    except SystemExit as error:
        code = error.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _write_files():
    """What is still held in memory of a file that nobody closed."""
    files = [*filter(None, (file() for file in _before)), *_open_files()]
    # From the top down: text, what writes an end of its own (a gzip file for one), then bytes.
    files.sort(key=_rank)
    for file in [*files, sys.stdout, sys.stderr]:
        try:
            file.close() if _rank(file) == 1 else file.flush()
        except Exception:
            pass  # closed, or for reading only
    if "tempfile" in sys.modules:
        _remove_temporary()


def _open_files():
    # Not isinstance: that asks the thing itself, and a proxy would go and look.
    return [thing for thing in gc.get_objects() if issubclass(type(thing), _FILES)]


def _rank(file):
    if type(file).__module__ not in ("_io", "stack_worker.output"):
        return 1
    return 0 if issubclass(type(file), _io._TextIOBase) else 2


def _remove_temporary():
    """Named temporary files go with their last user, as they are taken apart."""
    wrapper = sys.modules["tempfile"]._TemporaryFileWrapper
    for thing in gc.get_objects():
        if type(thing) is wrapper:
            try:
                thing.close()
            except Exception:
                pass
