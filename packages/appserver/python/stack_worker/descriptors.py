"""What of ours must not live on in processes that the app forks.

An edge sees a worker's death as the end of its connection. A child of the app that kept a copy of that
connection would hide it (multiprocessing forks without exec), so every fork closes them in the child.
Children that exec lose them anyway: Python's descriptors are close-on-exec.
"""

import os

# A dictionary for its order: the socket that listens was here before the connections it accepted.
_ours = {}
_undo = []


def keep_from_children(thing):
    """Closes `thing` (anything with `close()`) in every forked child. Returns it."""
    _ours[thing] = None
    return thing


def release(thing):
    """`thing` is closed, or about to be: children need not close it any more."""
    _ours.pop(thing, None)


def undo_in_children(action):
    """Runs `action()` in every forked child: to give back what of the process we changed."""
    _undo.append(action)


def _after_fork_in_child():
    # Through the objects, not the numbers: a number closed here and reused by the child would be
    # closed a second time when its object is collected. In their order: who sees a connection of a dead
    # worker end must not be able to connect to it once more.
    for thing in list(_ours):
        try:
            thing.close()
        except OSError:
            pass
    _ours.clear()
    while _undo:
        _undo.pop()()


os.register_at_fork(after_in_child=_after_fork_in_child)
