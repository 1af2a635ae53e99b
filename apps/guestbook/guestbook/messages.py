"""
The messages, one JSON object per line, appended to one file by every worker of every instance.

Appending under a lock keeps lines whole whoever writes at the same moment. For more than a demo
take a database: this reads the end of the file for each page.
"""
import fcntl
import json
import os
from datetime import datetime, timezone

from . import data

MAX_NAME = 60
MAX_TEXT = 2000
SHOWN = 20
# Enough for SHOWN of the longest messages, however large the file grows.
TAIL_BYTES = SHOWN * (MAX_NAME + MAX_TEXT) * 8


def add(name, text, avatar=None):
    """Keeps one message; ValueError says in the visitor's words what is wrong with it."""
    name, text = " ".join(name.split()), text.strip()
    if not name or not text:
        raise ValueError("Please give a name and a message.")
    if len(name) > MAX_NAME or len(text) > MAX_TEXT:
        raise ValueError(f"At most {MAX_NAME} letters for the name, {MAX_TEXT} for the message.")
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = json.dumps({"at": at, "name": name, "text": text, "avatar": avatar}) + "\n"
    data.ensure_folders()
    with open(data.MESSAGES, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by close
        file.write(line.encode())


def latest():
    """The newest messages, newest first."""
    try:
        with open(data.MESSAGES, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            start = max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES)
            file.seek(start)
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    if start > 0:
        lines = lines[1:]  # the first may be half a line
    return [json.loads(line) for line in reversed(lines[-SHOWN:])]
