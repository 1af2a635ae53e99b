"""An app in a file that no import finds: mod_wsgi's scripts, `site.wsgi`, `/usr/share/graphite-web/graphite.wsgi`.

Loaded by its path, under a module name of its own, without compiled code beside it: what Python would leave
for `graphite.wsgi` is what it takes for that of `graphite.py`.
"""

import importlib.util
import os
import re
import sys
from importlib.machinery import SourceFileLoader

from .importing import ImportFailed, app_traceback, put_first_on_path

_ENDINGS = (".py", ".wsgi")


def load_script(path, name, cwd):
    """The module of the file at `path`, relative to `cwd`. Raises ImportFailed, and nothing else."""
    file = os.path.abspath(os.path.join(cwd, path))
    if not os.path.isfile(file):
        raise ImportFailed("module-not-found", path, name, _scripts_beside(path, cwd))
    module_name = "stack_app_" + re.sub(r"\W", "_", os.path.splitext(os.path.basename(file))[0])
    try:
        os.chdir(cwd)
        # As for `python FILE`, but what is in `cwd` comes first.
        put_first_on_path(os.path.dirname(file))
        put_first_on_path(cwd)
        loader = _Loader(module_name, file)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(module_name, loader))
        sys.modules[module_name] = module
        loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(module_name, None)
        raise ImportFailed("error", path, name, (), app_traceback(error)) from None
    return module


class _Loader(SourceFileLoader):
    def path_stats(self, path):
        """Without the time of the source, Python neither reads compiled code nor writes any."""
        raise OSError


def _scripts_beside(path, cwd):
    folder = os.path.dirname(path)
    try:
        names = sorted(os.listdir(os.path.join(cwd, folder)))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(_ENDINGS)]
