"""One connection of an edge thread on the asyncio loop: frames in, frames out, windows both ways.

What arrives is given to the exchange at once; nothing here waits but a send whose window is used up.
"""

import asyncio
import os
import sys

from ..connection import ClientGone
from ..descriptors import keep_from_children, release
from ..frames import (
    BODY,
    END,
    GOAWAY_FRAME,
    HEADER_BYTES,
    INITIAL_WINDOW,
    MAX_BODY_PAYLOAD,
    READY_FRAME,
    REQUEST,
    REQUEST_BODY,
    WINDOW,
    WORD,
    FrameReader,
    ProtocolError,
    window_frame,
)

_GRANT_BYTES = 256 * 1024
# An unread request body is read and dropped up to here; beyond it a new connection is cheaper.
_MAX_DISCARDED_BYTES = 10 * 1024 * 1024

_unpack = WORD.unpack_from
_pack = WORD.pack


class AsgiConnection(FrameReader, asyncio.Protocol):
    __slots__ = (
        "worker", "transport", "pending", "greeted", "exchange", "window", "granted", "body_open",
        "ungranted", "outstanding", "discarded", "lost", "goaway_sent", "_descriptor",
    )  # fmt: skip

    def __init__(self, worker):
        self.worker = worker
        self.transport = None
        self.pending = bytearray()
        # READY was sent, and no request came since.
        self.greeted = False
        # What takes the body, and is told when the connection is gone; None between two.
        self.exchange = None
        # BODY bytes we may send; `granted` is waited for when there are none.
        self.window = INITIAL_WINDOW
        self.granted = None
        # Whether more body will come, what of it was read and not granted again, what was not read.
        self.body_open = False
        self.ungranted = 0
        self.outstanding = 0
        self.discarded = 0
        self.lost = False
        self.goaway_sent = False
        self._descriptor = None

    # ── the transport ──

    def connection_made(self, transport):
        self.transport = transport
        self._descriptor = keep_from_children(_Descriptor(transport))
        self.worker.connections.add(self)
        self.settle()

    def connection_lost(self, _error):
        self.lost = True
        release(self._descriptor)
        self.worker.on_closed(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.on_lost()
        self._wake_sender()

    def data_received(self, data):
        size = len(data) - HEADER_BYTES
        if size > 0 and self.greeted and not self.pending and _unpack(data)[0] == REQUEST << 24 | size:
            # One whole request without a body: nearly all there is.
            self._begin(data[HEADER_BYTES:], False)
            return
        try:
            self.feed(data)
        except ProtocolError as error:
            sys.stderr.write(f"An edge broke the worker protocol: {error}\n")
            self.abort()

    def abort(self):
        self.lost = True
        self.transport.abort()

    def abort_unless_ended(self):
        """Some time after the answer: an edge that has not ended its half by now never will."""
        if self.body_open and self.exchange is None:
            self.abort()

    # ── frames in ──

    def _take(self, kind, payload):
        if kind == BODY:
            self._take_body(payload)
        elif kind == END:
            if not self.body_open:
                raise ProtocolError("END where no body is open")
            self.body_open = False
            if self.exchange is not None:
                self.exchange.on_body_end()
            else:
                self.settle()
        elif kind == WINDOW:
            if len(payload) != 4:
                raise ProtocolError("WINDOW without a number")
            # Between exchanges it belongs to the one that ended: the next begins with a full window.
            if self.exchange is not None:
                self.window = min(self.window + _unpack(payload)[0], INITIAL_WINDOW)
                self._wake_sender()
        elif kind == REQUEST or kind == REQUEST_BODY:
            if not self.greeted:
                raise ProtocolError("a request before READY")
            self._begin(payload, kind == REQUEST_BODY)
        else:
            raise ProtocolError(f"frame type {kind}")

    def _take_body(self, payload):
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

    def _begin(self, block, has_body):
        self.greeted = False
        self.window = INITIAL_WINDOW
        self.open_body(has_body)
        self.worker.begin(self, block)

    def open_body(self, is_open=True):
        """Bytes may come from the edge: a request body, or what goes through a tunnel."""
        self.body_open = is_open
        self.ungranted = self.outstanding = 0

    def consume(self, size):
        """So much of the body was read: grants it again, in larger pieces."""
        self.ungranted += size
        if self.ungranted >= _GRANT_BYTES and self.body_open and not self.lost:
            self.outstanding -= self.ungranted
            self.transport.write(window_frame(self.ungranted))
            self.ungranted = 0

    # ── frames out ──

    def write(self, data):
        self.transport.write(data)

    def write_body(self, data, before=b"", after=b""):
        """Sends it at once if the window allows; False if it does not."""
        size = len(data)
        if size > self.window or size > MAX_BODY_PAYLOAD:
            return False
        self.window -= size
        self.transport.write(b"".join((before, _pack(BODY << 24 | size), data, after)))
        return True

    async def send_body(self, data, before=b"", after=b""):
        """Sends `before`, `data` in BODY frames as the window allows, and `after`. Raises ClientGone."""
        size = len(data)
        start = 0
        view = memoryview(data)
        while start < size:
            while self.window <= 0:
                if before:
                    self.transport.write(before)
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

    def ready(self):
        """The exchange is over. READY, to be sent with its END, if nothing is left to be done."""
        self.exchange = None
        if self.body_open:
            self.discarded = 0
            self.consume(self.outstanding - self.ungranted)
            return b""
        if self.worker.draining:
            return b""
        self.greeted = True
        return READY_FRAME

    def settle(self):
        """Between exchanges: what is to be said?"""
        if self.lost or self.exchange is not None:
            return
        if self.worker.draining:
            if not self.goaway_sent:
                self.goaway_sent = True
                self.transport.write(GOAWAY_FRAME)
        elif not self.greeted and not self.body_open:
            self.greeted = True
            self.transport.write(READY_FRAME)


class _Descriptor:
    """Of a transport, to be given up in forked children without closing a number somebody still holds."""

    __slots__ = ("_fd",)

    def __init__(self, transport):
        self._fd = transport.get_extra_info("socket").fileno()

    def close(self):
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, self._fd, inheritable=False)
        os.close(null)
