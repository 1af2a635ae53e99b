"""Finding the app: `module:callable`, and saying exactly what is wrong when it is not there.

Where it is a file's path, with a slash or .py at its end (twin of `packages/base/src/python-target.ts`), `scripts.py` loads it.
"""

import importlib
import inspect
import os
import sys
import traceback

_OURS = os.path.dirname(os.path.abspath(__file__))
_FACTORY_NAMES = ("create_app", "make_app", "build_app", "get_app", "app_factory")
# Where the config names none: those of WSGI servers, and of frameworks.
_DEFAULT_NAMES = ("application", "app")
_MAX_FOUND = 20


class ImportFailed(Exception):
    """`facts` is the `import-failed` message of PROTOCOL.md."""

    def __init__(self, kind, module, name, found=(), text=""):
        super().__init__(f"cannot import {module}:{name}: {kind}")
        self.facts = {
            "type": "import-failed",
            "kind": kind,
            "module": module,
            "name": name,
            "found": list(found)[:_MAX_FOUND],
            "traceback": text,
        }


def load_app(start):
    """The app of a `start` message, in its middleware. Raises ImportFailed, and nothing else."""
    hooks = _hooks_of(start)
    application = load_callable(start["app"], start["cwd"])
    _check_interface(application, start)
    for spec in reversed(start.get("middleware", ())):
        application = _wrap(application, spec, start["cwd"])
    return application if hooks is None else hooks.around(application, start.get("kind", "wsgi"))


def _hooks_of(start):
    if not start.get("hooks"):
        return None
    from . import hooks

    hooks.load(start)
    return hooks


def _wrap(application, spec, cwd):
    try:
        factory = load_callable(spec, cwd)
        try:
            wrapped = factory(application)
        except BaseException as error:
            raise _raised(spec, error) from None
        if not callable(wrapped):
            raise _raised(spec, TypeError(f"{spec} gave {wrapped!r:.80}, which cannot be called"))
        return wrapped
    except ImportFailed as failure:
        failure.facts.update(key="middleware", target=spec)
        raise


def _raised(spec, error):
    module_name, _, name = spec.partition(":")
    return ImportFailed("error", module_name, name, (), app_traceback(error))


def _check_interface(application, start):
    """A Flask app served as ASGI, or FastAPI as WSGI, would fail at every request."""
    call = application if inspect.isfunction(application) else getattr(application, "__call__", None)
    is_asgi = inspect.iscoroutinefunction(call)
    is_wsgi = not is_asgi and callable(getattr(application, "wsgi_app", None))
    kind = start.get("kind", "wsgi")
    if (is_asgi and kind == "wsgi") or (is_wsgi and kind == "asgi"):
        module_name, _, name = start["app"].partition(":")
        other = "asgi" if is_asgi else "wsgi"
        raise ImportFailed("other-kind", module_name, name, [other])


def load_callable(spec, cwd):
    """The callable that `spec` names. Raises ImportFailed, and nothing else."""
    module_name, _, name = spec.partition(":")
    if "/" in module_name or module_name.endswith(".py"):
        from .scripts import load_script

        module = load_script(module_name, name or _DEFAULT_NAMES[0], cwd)
        name = name or next((name for name in _DEFAULT_NAMES if hasattr(module, name)), _DEFAULT_NAMES[0])
        return _find_callable(module, module_name, name)
    name = name or _DEFAULT_NAMES[0]
    try:
        os.chdir(cwd)
        put_first_on_path(cwd)
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            text = f"ModuleNotFoundError: {error}"
            raise ImportFailed("module-not-found", module_name, name, _modules_in(cwd), text) from None
        raise ImportFailed("error", module_name, name, (), app_traceback(error)) from None
    except BaseException as error:
        raise ImportFailed("error", module_name, name, (), app_traceback(error)) from None
    return _find_callable(module, module_name, name)


def app_traceback(error):
    """The traceback as text, without the frames of this package and of the import system."""
    shown = traceback.TracebackException.from_exception(error)
    part, depth = shown, 0
    while part is not None and depth < 20:
        kept = [frame for frame in part.stack if not _is_plumbing(frame.filename)]
        part.stack = traceback.StackSummary.from_list(kept)
        part, depth = part.__cause__ or part.__context__, depth + 1
    return "".join(shown.format())


def _is_plumbing(filename):
    return filename.startswith((_OURS, "<frozen importlib")) or filename == importlib.__file__


def put_first_on_path(cwd):
    cwd = os.path.abspath(cwd)
    if cwd in sys.path:
        sys.path.remove(cwd)
    sys.path.insert(0, cwd)


def _find_callable(module, module_name, name):
    path, parenthesis, _ = name.partition("(")
    target = module
    try:
        for part in path.split("."):
            target = getattr(target, part)
    except AttributeError:
        raise ImportFailed("attribute-missing", module_name, name, _apps_in(module)) from None
    if parenthesis and callable(target):
        try:
            positional, named = _arguments_of(name)
            target = target(*positional, **named)
        except BaseException as error:
            raise ImportFailed("error", module_name, name, (), app_traceback(error)) from None
    if not callable(target):
        raise ImportFailed("not-callable", module_name, name, _apps_in(module))
    return target


def _arguments_of(call):
    """Of "create_app('production', debug=False)"; what is no literal is an error, and not run."""
    if call.endswith("()"):
        return [], {}
    import ast  # costs an app that needs it a few milliseconds, and no other

    try:
        tree = ast.parse(call, mode="eval").body
        positional = [ast.literal_eval(argument) for argument in tree.args]
        named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in tree.keywords}
        if None in named:
            raise ValueError("**")
    except (SyntaxError, ValueError, AttributeError):
        text = "its arguments must be literals, as in create_app('production', debug=False)"
        raise ValueError(f"{call}: {text}") from None
    return positional, named


def _apps_in(module):
    """Names of the module that look like apps: "app (Flask)", "create_app (function)"."""
    return [
        f"{name} ({type(value).__name__})"
        for name, value in list(vars(module).items())
        if not name.startswith("_") and _looks_like_app(module, name, value)
    ]


def _looks_like_app(module, name, value):
    if not callable(value) or isinstance(value, type):
        return False
    if inspect.isfunction(value):
        if value.__module__ != module.__name__:
            return False
        return name in _FACTORY_NAMES or _takes_two(value)
    if type(value).__module__ in ("builtins", "typing", "functools", "types"):
        return False
    return hasattr(value, "wsgi_app") or _takes_two(value)


def _takes_two(value):
    try:
        inspect.signature(value).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def _modules_in(cwd):
    try:
        entries = sorted(os.listdir(cwd))
    except OSError:
        return []
    return [
        entry[:-3] if entry.endswith(".py") else entry
        for entry in entries
        if entry.endswith(".py")
        or os.path.isfile(os.path.join(cwd, entry, "__init__.py"))
    ]
