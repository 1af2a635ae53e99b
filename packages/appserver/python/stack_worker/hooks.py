"""`hooks`: functions of the app's own, called at the turns of a worker's life. Not loaded when there are none.

    on_boot()                                  before the app is imported
    post_fork(worker)                          first thing in each worker
    worker_exit(worker)                        last thing in each worker
    pre_request(worker, environ)               ASGI: its scope in place of environ
    post_request(worker, environ, status)      when the answer is complete

One that raises before the app serves stops the boot, `pre_request` fails its request, the others are logged.
"""

import importlib.util
import os
import sys
import traceback

from .importing import ImportFailed, app_traceback, put_first_on_path

_NAMES = ("on_boot", "post_fork", "worker_exit", "pre_request", "post_request")

_found = None
_worker = None


class Worker:
    """What hooks get to know of their worker."""

    def __init__(self, name):
        self.id = name
        self.pid = os.getpid()
        self.app = os.environ.get("STACK_APP", "")

    def __repr__(self):
        return f"<worker {self.id} (pid {self.pid})>"


def load(start):
    """Loads the file and calls `on_boot`, the first time. Raises ImportFailed, and nothing else."""
    global _found
    if _found is not None:
        return
    path = start["hooks"]
    os.chdir(start["cwd"])
    put_first_on_path(start["cwd"])
    try:
        if not os.path.isfile(path):
            raise FileNotFoundError(f"there is no file {path}")
        spec = importlib.util.spec_from_file_location("stack_hooks", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["stack_hooks"] = module
        spec.loader.exec_module(module)
    except BaseException as error:
        raise _failed(path, error) from None
    _found = {name: getattr(module, name) for name in _NAMES if callable(getattr(module, name, None))}
    _call(path, "on_boot")


def enter(start, worker_id):
    """In a new worker, before anything of the app runs there. Raises ImportFailed, and nothing else."""
    global _worker
    _worker = Worker(worker_id)
    load(start)
    _call(start["hooks"], "post_fork", _worker)


def leave():
    _quietly("worker_exit", _worker)


def around(application, kind):
    """The app with what is to be called around its requests; itself where that is nothing."""
    if "pre_request" not in _found and "post_request" not in _found:
        return application
    return _around_asgi(application) if kind == "asgi" else _around_wsgi(application)


def _around_wsgi(application):
    before, after = _found.get("pre_request"), _found.get("post_request")

    def hooked(environ, start_response):
        if before is not None:
            before(_worker, environ)
        if after is None:
            return application(environ, start_response)
        seen = []

        def start(status, headers, exc_info=None):
            seen[:] = [status]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return _Answer(application(environ, start), environ, seen)

    return hooked


class _Answer:
    def __init__(self, inner, environ, seen):
        self._inner, self._environ, self._seen = inner, environ, seen

    def __iter__(self):
        return iter(self._inner)

    def close(self):
        try:
            if hasattr(self._inner, "close"):
                self._inner.close()
        finally:
            status = int(self._seen[0][:3]) if self._seen else None
            _quietly("post_request", _worker, self._environ, status)


def _around_asgi(application):
    before = _found.get("pre_request")

    async def hooked(scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await application(scope, receive, send)
        status = None

        async def watched(message):
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", 101)
            await send(message)

        if before is not None:
            before(_worker, scope)
        try:
            await application(scope, receive, watched)
        finally:
            _quietly("post_request", _worker, scope, status)

    return hooked


def _call(path, name, *arguments):
    function = _found.get(name)
    if function is None:
        return
    try:
        function(*arguments)
    except BaseException as error:
        raise _failed(f"{path}:{name}", error) from None


def _quietly(name, *arguments):
    function = _found.get(name) if _found else None
    if function is None:
        return
    try:
        function(*arguments)
    except Exception:
        sys.stderr.write(f"{name} of the hooks raised an error:\n{traceback.format_exc()}")


def _failed(target, error):
    failure = ImportFailed("error", target, "", (), app_traceback(error))
    failure.facts.update(key="hooks", target=target)
    return failure
