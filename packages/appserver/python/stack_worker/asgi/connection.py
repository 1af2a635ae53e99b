"""One connection of an edge thread on the asyncio loop: frames in, frames out.

It carries one exchange at a time, or, once the edge has named a stream, any number of them.
What arrives is given to the exchange at once.
"""

import asyncio
import os
import sys

from ..descriptors import keep_from_children, release
from ..frames import (
    BODY,
    END,
    GOAWAY_FRAME,
    HEADER_BYTES,
    INITIAL_WINDOW,
    READY_FRAME,
    REQUEST,
    REQUEST_BODY,
    STREAM,
    WINDOW,
    WORD,
    FrameReader,
    ProtocolError,
)
from .channel import Channel
from .streams import Streams

_unpack = WORD.unpack_from


class AsgiConnection(Channel, FrameReader, asyncio.Protocol):
    __slots__ = (
        "worker", "transport", "write", "pending", "greeted", "goaway_sent", "streams", "_descriptor",
    )  # fmt: skip

    def __init__(self, worker):
        Channel.__init__(self, INITIAL_WINDOW)
        self.worker = worker
        self.transport = None
        self.write = None
        self.pending = bytearray()
        # READY was sent, and no request came since.
        self.greeted = False
        self.goaway_sent = False
        # None as long as it is for one exchange at a time.
        self.streams = None
        self._descriptor = None

    # ── the transport ──

    def connection_made(self, transport):
        self.transport = transport
        self.write = transport.write
        self._descriptor = keep_from_children(_Descriptor(transport))
        self.worker.connections.add(self)
        self.settle()

    def connection_lost(self, _error):
        release(self._descriptor)
        self.worker.on_closed(self)
        self.lose()
        if self.streams is not None:
            self.streams.lose()

    def data_received(self, data):
        try:
            if not self.pending and self.greeted:
                if self.streams is not None:
                    done = self.streams.feed_requests(data)
                    if done == len(data):
                        return
                    data = data[done:]
                else:
                    size = len(data) - HEADER_BYTES
                    if size > 0 and _unpack(data)[0] == REQUEST << 24 | size:
                        # One whole request without a body: nearly all there is.
                        self._begin(data[HEADER_BYTES:], False)
                        return
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
        if self.streams is not None:
            self.streams.take(kind, payload)
        elif kind == BODY:
            self.take_body(payload)
        elif kind == END:
            self.take_end()
        elif kind == WINDOW:
            self.take_window(payload)
        elif not self.greeted:
            raise ProtocolError(f"frame type {kind} before READY")
        elif kind == REQUEST or kind == REQUEST_BODY:
            self._begin(payload, kind == REQUEST_BODY)
        elif kind == STREAM:
            self.streams = Streams(self.worker, self.transport)
            self.streams.take(kind, payload)
        else:
            raise ProtocolError(f"frame type {kind}")

    def _begin(self, block, has_body):
        self.greeted = False
        self.window = INITIAL_WINDOW
        self.open_body(has_body)
        self.worker.begin(self, block)

    # ── frames out ──

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
                self.write(GOAWAY_FRAME)
        elif not self.greeted and not self.body_open:
            self.greeted = True
            self.write(READY_FRAME)


class _Descriptor:
    """Of a transport, to be given up in forked children without closing a number somebody still holds."""

    __slots__ = ("_fd",)

    def __init__(self, transport):
        self._fd = transport.get_extra_info("socket").fileno()

    def close(self):
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, self._fd, inheritable=False)
        os.close(null)
