"""Entry point: `python -m stack_worker.zygote`. See PROTOCOL.md.

Everything here happens before the app is imported, and leaves it nothing of ours to trip over: no entry in
sys.path, no PYTHONPATH for its own children, no sys.argv, no `__main__` that multiprocessing would import.
"""

import sys

# `python -m` puts the working directory first: a json.py lying there must not become ours.
if not getattr(getattr(sys, "flags", None), "safe_path", False):
    del sys.path[0]

import os
import types


def _hide_ourselves():
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # All of our modules are loaded by now, and are found through their package from here on.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != ours]
    inherited = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
    rest = [entry for entry in inherited if entry and os.path.abspath(entry) != ours]
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    sys.argv[:] = ["stack"]
    sys.modules["__main__"] = types.ModuleType("__main__")


if __name__ == "__main__":
    from stack_worker import forking, leaving

    _keep_alive = sys.modules["__main__"]
    _hide_ourselves()
    leaving.leave(forking.main)
