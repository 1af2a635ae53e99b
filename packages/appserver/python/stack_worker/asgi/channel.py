"""Where one exchange is read from and written to: a connection of its own, or a stream of one that many
share. Windows both ways; nothing here waits but a send whose window is used up.
"""

import asyncio

from ..connection import ClientGone
from ..frames import BODY, INITIAL_WINDOW, MAX_BODY_PAYLOAD, WORD, ProtocolError, window_frame

_GRANT_BYTES = 256 * 1024
# An unread request body is read and dropped up to here; beyond it a new connection is cheaper.
_MAX_DISCARDED_BYTES = 10 * 1024 * 1024

_unpack = WORD.unpack_from
_pack = WORD.pack


class Channel:
    """Who is one has `write(data)`, `abort()`, `ready()` and `settle()`."""

    __slots__ = (
        "exchange", "window", "most", "granted", "body_open", "ungranted", "outstanding", "discarded", "lost",
    )  # fmt: skip

    def __init__(self, window):
        # What takes the body, and is told when the channel is gone; None between two.
        self.exchange = None
        # BODY bytes we may send, and at most; `granted` is waited for when there are none.
        self.window = self.most = window
        self.granted = None
        # Whether more body will come, what of it was read and not granted again, what was not read.
        self.body_open = False
        self.ungranted = 0
        self.outstanding = 0
        self.discarded = 0
        self.lost = False

    # ── frames in ──

    def take_body(self, payload):
        size = len(payload)
        if not self.body_open or not 0 < size <= MAX_BODY_PAYLOAD:
            raise ProtocolError(f"BODY of {size} bytes, body open: {self.body_open}")
        self.outstanding += size
        if self.outstanding > INITIAL_WINDOW:
            raise ProtocolError("more BODY than the window allows")
        if self.exchange is not None:
            self.exchange.on_body(payload)
            return
        self.discarded += size
        if self.discarded > _MAX_DISCARDED_BYTES:
            self.abort()
        else:
            self.consume(size)

    def take_end(self):
        if not self.body_open:
            raise ProtocolError("END where no body is open")
        self.body_open = False
        if self.exchange is not None:
            self.exchange.on_body_end()
        else:
            self.settle()

    def take_window(self, payload):
        if len(payload) != 4:
            raise ProtocolError("WINDOW without a number")
        # Between exchanges it belongs to the one that ended: the next begins with a full window.
        if self.exchange is not None:
            self.window = min(self.window + _unpack(payload)[0], self.most)
            self._wake_sender()

    def open_body(self, is_open=True):
        """Bytes may come from the edge: a request body, or what goes through a tunnel."""
        self.body_open = is_open
        self.ungranted = self.outstanding = 0

    def consume(self, size):
        """So much of the body was read: grants it again, in larger pieces."""
        self.ungranted += size
        if self.ungranted >= _GRANT_BYTES and self.body_open and not self.lost:
            self.outstanding -= self.ungranted
            self.write(window_frame(self.ungranted))
            self.ungranted = 0

    # ── frames out ──

    def write_body(self, data, before=b"", after=b""):
        """Sends it at once if the window allows; False if it does not."""
        size = len(data)
        if size > self.window or size > MAX_BODY_PAYLOAD:
            return False
        self.window -= size
        self.write(b"".join((before, _pack(BODY << 24 | size), data, after)))
        return True

    async def send_body(self, data, before=b"", after=b""):
        """Sends `before`, `data` in BODY frames as the window allows, and `after`. Raises ClientGone."""
        size = len(data)
        start = 0
        view = memoryview(data)
        while start < size:
            while self.window <= 0:
                if before:
                    self.write(before)
                    before = b""
                await self._until_granted()
            part = min(MAX_BODY_PAYLOAD, self.window, size - start)
            end = start + part
            last = after if end == size else b""
            self.write_body(view[start:end], before, last)
            before = b""
            start = end

    async def _until_granted(self):
        if self.granted is None:
            self.granted = asyncio.Event()
        self.granted.clear()
        await self.granted.wait()
        if self.lost:
            raise ClientGone("the client closed the connection before it had the answer")

    def _wake_sender(self):
        if self.granted is not None:
            self.granted.set()

    # ── its end ──

    def lose(self):
        """Nobody is at the other end any more."""
        self.lost = True
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.on_lost()
        self._wake_sender()
