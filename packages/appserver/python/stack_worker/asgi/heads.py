"""From `http.response.start` to the payload of a HEAD frame, checked (twin of `heads.py`, in bytes)."""

import re
from http import HTTPStatus

from ..frames import MAX_FRAME_PAYLOAD
from ..heads import _HOP_BY_HOP

_MAX_REMEMBERED = 512
_MAX_HEAD_BYTES = MAX_FRAME_PAYLOAD - 64

_ORDINARY = 1
_CONTENT_LENGTH = 2
# Of the connection, which is the edge's: frameworks set them, servers drop them.
_DROPPED = 3

_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_control_character = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search

_known_names = {}
_status_lines = {status.value: f"{status.value} {status.phrase}".encode() for status in HTTPStatus}


def format_head(status, headers, lowest=200):
    """(head as bytes, Content-Length or -1). Raises TypeError or ValueError."""
    line = _status_lines.get(status)
    if line is None:
        if not isinstance(status, int):
            raise TypeError(f"the status must be an int, not {status!r}")
        line = b"%d " % status
    if not lowest <= status <= 999:
        raise ValueError(f"{status} is no status of an answer")
    length = -1
    lines = [line]
    values = []
    for name, value in headers:
        kind = _known_names.get(name)
        if kind is None:
            name = _as_bytes(name, "header name")
            kind = _kind_of(name)
        if type(value) is not bytes:
            value = _as_bytes(value, f"value of header {name!r}")
        if kind != _ORDINARY:
            if kind == _DROPPED:
                continue
            length = _length_of(value, length)
            if status == 204:
                continue
        lines.append(name + b": " + value)
        values.append(value)
    if _control_character(b"\t".join(values)):
        bad = next(value for value in values if _control_character(value))
        raise ValueError(f"a header has a control character: {bad!r}")
    head = b"\r\n".join(lines) + b"\r\n"
    if len(head) > _MAX_HEAD_BYTES:
        raise ValueError(f"the headers are too large: {len(head)} bytes")
    return head, length


def _as_bytes(thing, what):
    if not isinstance(thing, (bytes, bytearray, memoryview)):
        raise TypeError(f"the {what} must be bytes, not {type(thing).__name__}: {thing!r:.80}")
    return bytes(thing)


def _kind_of(name):
    if not _token(name):
        raise ValueError(f"not a header name: {name!r}")
    lower = name.lower().decode()
    kind = _CONTENT_LENGTH if lower == "content-length" else _DROPPED if lower in _HOP_BY_HOP else _ORDINARY
    if len(_known_names) < _MAX_REMEMBERED:
        _known_names[name] = kind
    return kind


def _length_of(value, before):
    if not value.isdigit():
        raise ValueError(f"Content-Length must be digits, not {value!r}")
    length = int(value)
    if before not in (-1, length):
        raise ValueError(f"two Content-Length headers: {before} and {length}")
    return length
