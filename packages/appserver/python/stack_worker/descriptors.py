"""What of ours must not live on in processes that the app forks.

An edge sees a worker's death as the end of its connection. A child of the app that kept a copy of that
connection would hide it (multiprocessing forks without exec), so every fork closes them in the child.
Children that exec lose them anyway: Python's descriptors are close-on-exec.
"""

import os

_ours = set()
_undo = []


def keep_from_children(thing):
    """Closes `thing` (anything with `close()`) in every forked child. Returns it."""
    _ours.add(thing)
    return thing


def release(thing):
    """`thing` is closed, or about to be: children need not close it any more."""
    _ours.discard(thing)


def undo_in_children(action):
    """Runs `action()` in every forked child: to give back what of the process we changed."""
    _undo.append(action)


def _after_fork_in_child():
    # Through the objects, not the numbers: a number closed here and reused by the child would be
    # closed a second time when its object is collected.
    while _ours:
        try:
            _ours.pop().close()
        except OSError:
            pass
    while _undo:
        _undo.pop()()


os.register_at_fork(after_in_child=_after_fork_in_child)
