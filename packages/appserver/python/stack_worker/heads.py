"""From what the app gave to `start_response` to the payload of a HEAD frame, checked.

Names and status lines repeat for the life of a worker, so what was found about them is remembered. Values
are checked together, in one search: a control character in any of them would let the app's input write
header lines of its own (RFC 9110 §5.5).
"""

import re

from .frames import MAX_FRAME_PAYLOAD

# Of the connection, not of the answer: the edge speaks for the connection (PEP 3333, RFC 9110 §7.6.1).
_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    "transfer-encoding upgrade".split()
)
_MAX_REMEMBERED = 512
# What a frame holds, less the Content-Length line that may be added.
_MAX_HEAD_BYTES = MAX_FRAME_PAYLOAD - 64

_ORDINARY = 1
_CONTENT_LENGTH = 2

_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_status = re.compile(r"([2-9][0-9][0-9])(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?").fullmatch
_digits = re.compile(r"[0-9]+").fullmatch
_control_character = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search

_known_names = {}
_known_statuses = {}


def format_head(status, headers):
    """(status code, head as bytes, Content-Length or -1). Raises TypeError or ValueError."""
    known = _known_statuses.get(status)
    code, line = known if known is not None else _check_status(status)
    length = -1
    lines = [line]
    try:
        for name, value in headers:
            kind = _known_names.get(name)
            if kind is None:
                kind = _check_name(name)
            if kind == _CONTENT_LENGTH:
                length = _check_length(value, length)
                if code == 204:  # RFC 9110 §8.6: no Content-Length in a 204
                    continue
            lines.append(name + ": " + value)
    except (TypeError, ValueError) as error:
        raise _problem_of(headers) or error from None
    if _control_character("\t".join(lines)):
        raise _problem_of(headers) or ValueError("a header has a control character")
    try:
        head = ("\r\n".join(lines) + "\r\n").encode("latin-1")
    except UnicodeEncodeError as error:
        raise _problem_of(headers) or error from None
    if len(head) > _MAX_HEAD_BYTES:
        raise ValueError(f"the headers are too large: {len(head)} bytes")
    return code, head, length


def _check_status(status):
    if not isinstance(status, str):
        raise TypeError(f"the status must be a str, not {type(status).__name__}: {status!r}")
    match = _status(status)
    if match is None:
        raise ValueError(f"the status must look like '200 OK', not {status!r}")
    line = status if match[2] is not None else status + " "
    line.encode("latin-1")
    known = int(match[1]), line
    if len(_known_statuses) < _MAX_REMEMBERED:
        _known_statuses[status] = known
    return known


def _check_name(name):
    if not isinstance(name, str):
        raise TypeError(f"a header name must be a str, not {type(name).__name__}: {name!r}")
    if not _token(name):
        raise ValueError(f"not a header name: {name!r}")
    lower = name.lower()
    if lower in _HOP_BY_HOP:
        raise ValueError(f"an application may not set the hop-by-hop header {name!r}")
    kind = _CONTENT_LENGTH if lower == "content-length" else _ORDINARY
    if len(_known_names) < _MAX_REMEMBERED:
        _known_names[name] = kind
    return kind


def _check_length(value, before):
    if not isinstance(value, str) or not _digits(value):
        raise ValueError(f"Content-Length must be digits, not {value!r}")
    length = int(value)
    if before not in (-1, length):
        raise ValueError(f"two Content-Length headers: {before} and {length}")
    return length


def _problem_of(headers):
    """The error that names the header at fault."""
    if not isinstance(headers, (list, tuple)):
        return TypeError(f"the headers must be a list, not {type(headers).__name__}")
    for item in headers:
        if not isinstance(item, tuple) or len(item) != 2:
            return TypeError(f"each header must be a tuple (name, value), not {item!r}")
        name, value = item
        try:
            _check_name(name)
        except (TypeError, ValueError) as error:
            return error
        if not isinstance(value, str):
            kind = type(value).__name__
            return TypeError(f"the value of header {name!r} must be a str, not {kind}: {value!r}")
        if _control_character(value):
            return ValueError(f"the value of header {name!r} has a control character: {value!r}")
        if not value.isascii() and max(value) > "\xff":
            return ValueError(f"the value of header {name!r} is not latin-1: {value!r}")
    return None
