"""The numbers of the worker protocol, twin of `packages/protocols/src/worker/frames.ts`, and its reader.

A frame is a 32-bit little-endian word, `type << 24 | payload length`, then the payload.
"""

from struct import Struct

VERSION = 1

REQUEST = 1
REQUEST_BODY = 2
BODY = 3
END = 4
WINDOW = 5
STREAM = 6
ABORT = 7
READY = 16
HEAD = 17
FAIL = 18
INFORM = 19
GOAWAY = 20

HEADER_BYTES = 4
MAX_BODY_PAYLOAD = 64 * 1024
MAX_FRAME_PAYLOAD = 1024 * 1024
INITIAL_WINDOW = 1024 * 1024
STREAM_WINDOW = 256 * 1024

WORD = Struct("<I")
_TWO_WORDS = Struct("<II")

END_FRAME = WORD.pack(END << 24)
FAIL_FRAME = WORD.pack(FAIL << 24)
GOAWAY_FRAME = WORD.pack(GOAWAY << 24)
READY_FRAME = WORD.pack(READY << 24 | 1) + bytes([VERSION])


def window_frame(size):
    """Grants `size` more bytes of BODY."""
    return _TWO_WORDS.pack(WINDOW << 24 | 4, size)


class ProtocolError(Exception):
    """The edge sent what the protocol does not allow. Ends the connection."""


class FrameReader:
    """Finds the frames in what arrives. The class it is part of has `_take(kind, payload)` for each of them,
    `pending`, a bytearray, and `lost`, after which nothing more is taken.
    """

    __slots__ = ()

    def feed(self, data):
        """Takes in what has arrived. Raises ProtocolError."""
        pending = self.pending
        pending += data
        have = len(pending)
        start = 0
        while have - start >= HEADER_BYTES and not self.lost:
            (word,) = WORD.unpack_from(pending, start)
            size = word & 0xFFFFFF
            if size > MAX_FRAME_PAYLOAD:
                raise ProtocolError(f"a frame of {size} bytes")
            end = start + HEADER_BYTES + size
            if end > have:
                break
            self._take(word >> 24, bytes(pending[start + HEADER_BYTES : end]))
            start = end
        if start:
            del pending[:start]
