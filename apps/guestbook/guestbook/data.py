"""Where the guestbook keeps what must outlive a worker: one folder, shared by all of them."""
import os
from pathlib import Path

FOLDER = Path(os.environ.get("GUESTBOOK_DATA") or Path(__file__).parent.parent / "data")
MEDIA = FOLDER / "media"
MESSAGES = FOLDER / "messages.jsonl"


def ensure_folders():
    MEDIA.mkdir(parents=True, exist_ok=True)
