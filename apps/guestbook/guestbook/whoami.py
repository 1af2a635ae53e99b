"""Which process answers: what a page shows to make the balancing visible."""
import os


def whoami():
    return {
        "app": os.environ.get("STACK_APP", "guestbook"),
        "instance": os.environ.get("STACK_INSTANCE", "-"),
        "worker": os.environ.get("STACK_WORKER", "-"),
        "pid": os.getpid(),
    }
