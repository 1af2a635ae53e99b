"""
Avatars: what visitors upload is kept as a file that the edge serves (`/media/*` in
deploy.config.ts), so that no worker is busy with it.

Nothing of an upload is believed: its type is told by its first bytes, its name is ours.
"""
import os
import secrets

from . import data

MAX_IMAGE_BYTES = 512 * 1024
MAX_REQUEST_BYTES = MAX_IMAGE_BYTES + 64 * 1024
TOO_LARGE = f"The picture is too large: at most {MAX_IMAGE_BYTES // 1024} KB."


def save(content):
    """Keeps a picture and returns its file name; ValueError when it is none, or too large."""
    if len(content) > MAX_IMAGE_BYTES:
        raise ValueError(TOO_LARGE)
    suffix = image_type(content)
    if suffix is None:
        raise ValueError("That is no PNG, JPEG, GIF or WebP picture.")
    data.ensure_folders()
    name = f"{secrets.token_hex(16)}.{suffix}"
    unfinished = data.MEDIA / f".{name}.part"
    unfinished.write_bytes(content)
    # The edge never sees half a file: a rename is one step.
    os.replace(unfinished, data.MEDIA / name)
    return name


def image_type(content):
    """By magic bytes. No SVG: it is a document that may run scripts in our name."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return None
