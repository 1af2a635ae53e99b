"""RFC 6455 in pure Python: client frames to messages, messages to server frames. No I/O.

Masking is one exclusive-or of two large integers: about a nanosecond a byte, without a loop.
"""

import base64
import hashlib

TEXT = 1
BINARY = 2
CLOSE = 8
PING = 9
PONG = 10

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION = 0
# Large frames are unmasked piece by piece, in bounded extra memory; a multiple of four.
_UNMASK_BYTES = 64 * 1024
_NORMAL, _PROTOCOL_ERROR, _NO_STATUS, _BAD_DATA, _TOO_LARGE = 1000, 1002, 1005, 1007, 1009


class WebSocketError(Exception):
    """The client broke the protocol; `code` is for the close frame, `messages` came before."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code
        self.messages = []


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def encode_frame(opcode, payload):
    """A whole unmasked frame's header; the payload goes after it."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size))
    if size < 65536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")


def encode_close(code, reason=""):
    if code == _NO_STATUS:
        return b"\x88\x00"
    payload = code.to_bytes(2, "big") + reason.encode()[:123]
    # A reason that is cut stays UTF-8.
    payload = payload[:2] + payload[2:].decode("utf-8", "ignore").encode()
    return encode_frame(CLOSE, payload) + payload


def unmask(data, mask):
    size = len(data)
    if size <= _UNMASK_BYTES:
        key = int.from_bytes((mask * ((size + 3) // 4))[:size], "little")
        return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")
    view = memoryview(data)
    return b"".join(
        unmask(view[start : start + _UNMASK_BYTES], mask) for start in range(0, size, _UNMASK_BYTES)
    )


class FrameReader:
    """Joins fragments to messages of at most `limit` bytes."""

    __slots__ = ("_limit", "_pending", "_opcode", "_joined")

    def __init__(self, limit):
        self._limit = limit
        self._pending = bytearray()
        # Of the message whose fragments are coming in; in one piece, however small they are.
        self._opcode = 0
        self._joined = bytearray()

    def feed(self, data):
        """
        [(opcode, payload)]: TEXT as str, BINARY as bytes, CLOSE as (code, reason), which is the last.
        Raises WebSocketError.
        """
        messages = []
        try:
            self._read(data, messages)
        except WebSocketError as error:
            error.messages = messages
            raise
        return messages

    def _read(self, data, messages):
        pending = self._pending
        pending += data
        start = 0
        have = len(pending)
        while have - start >= 2:
            first, second = pending[start], pending[start + 1]
            if first & 0x70:
                raise WebSocketError(_PROTOCOL_ERROR, "reserved bits are set")
            if not second & 0x80:
                raise WebSocketError(_PROTOCOL_ERROR, "a frame of the client is not masked")
            size = second & 0x7F
            at = start + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                if have - at < width:
                    break
                size = int.from_bytes(pending[at : at + width], "big")
                at += width
            opcode = first & 0x0F
            self._check(opcode, first & 0x80, size)
            end = at + 4 + size
            if end > have:
                break
            payload = unmask(pending[at + 4 : end], bytes(pending[at : at + 4])) if size else b""
            start = end
            message = self._take(opcode, first & 0x80, payload)
            if message is None:
                continue
            messages.append(message)
            if message[0] == CLOSE:  # RFC 6455 §5.5.1: nothing comes after it
                break
        if start:
            del pending[:start]

    def _check(self, opcode, is_final, size):
        if opcode >= CLOSE:
            if opcode > PONG or size > 125 or not is_final:
                raise WebSocketError(_PROTOCOL_ERROR, "not a control frame")
        elif opcode > BINARY:
            raise WebSocketError(_PROTOCOL_ERROR, f"unknown opcode {opcode}")
        elif (opcode == _CONTINUATION) != bool(self._opcode):
            raise WebSocketError(_PROTOCOL_ERROR, "fragments out of order")
        elif len(self._joined) + size > self._limit:
            raise WebSocketError(_TOO_LARGE, f"a message of more than {self._limit} bytes")

    def _take(self, opcode, is_final, payload):
        if opcode >= CLOSE:
            return (opcode, _close_of(payload) if opcode == CLOSE else payload)
        if is_final and not self._opcode:
            return _message(opcode, payload)
        self._opcode = self._opcode or opcode
        self._joined += payload
        if not is_final:
            return None
        opcode, self._opcode = self._opcode, 0
        joined, self._joined = self._joined, bytearray()
        return _message(opcode, bytes(joined))


def _message(opcode, payload):
    if opcode == BINARY:
        return (BINARY, payload)
    try:
        return (TEXT, payload.decode())
    except UnicodeDecodeError:
        raise WebSocketError(_BAD_DATA, "text that is not UTF-8") from None


def _close_of(payload):
    if not payload:
        return (_NO_STATUS, "")
    if len(payload) == 1:
        raise WebSocketError(_PROTOCOL_ERROR, "a close frame of one byte")
    code = int.from_bytes(payload[:2], "big")
    if not (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) and not 3000 <= code <= 4999:
        raise WebSocketError(_PROTOCOL_ERROR, f"close code {code}")
    try:
        return (code, payload[2:].decode())
    except UnicodeDecodeError:
        raise WebSocketError(_BAD_DATA, "a close reason that is not UTF-8") from None
