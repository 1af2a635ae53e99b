"""One connection of an edge thread: frames in, frames out, windows both ways.

Between exchanges the loop feeds it what has arrived, so a slow or split writer holds nobody up. During an
exchange the worker has nothing else to do and may wait on this connection alone.
"""

import sys
from collections import deque

from .frames import (
    BODY,
    END,
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

# Of a body; an idle connection is read in smaller pieces, which cost less to allocate.
RECEIVE_BYTES = 64 * 1024
# The receiver grants in pieces of this size: often enough that the sender never waits for it.
_GRANT_BYTES = 256 * 1024
# An unread request body is read and dropped up to here; beyond it a new connection is cheaper.
_MAX_DISCARDED_BYTES = 10 * 1024 * 1024

_unpack = WORD.unpack_from
_pack = WORD.pack


class ClientGone(ConnectionError):
    """The client (or the edge) closed the connection before the exchange was complete."""


class Connection(FrameReader):
    __slots__ = (
        "socket", "fd", "pending", "request", "greeted", "exchange", "window", "body", "body_open",
        "body_bytes", "consumed", "discarding", "discarded", "lost", "goaway_sent",
    )  # fmt: skip

    def __init__(self, socket):
        self.socket = socket
        self.fd = socket.fileno()
        self.pending = bytearray()
        # The CGI block of a request that waits to be served.
        self.request = None
        # READY was sent, and no request came since.
        self.greeted = False
        # A request is being answered.
        self.exchange = False
        # BODY bytes we may send.
        self.window = INITIAL_WINDOW
        # The request body: pieces that arrived and were not read, their sum, whether more will come.
        self.body = deque()
        self.body_open = False
        self.body_bytes = 0
        # Read, and not yet granted again.
        self.consumed = 0
        # The answer is complete, the rest of the request body is dropped as it arrives.
        self.discarding = False
        self.discarded = 0
        self.lost = False
        self.goaway_sent = False

    def _take(self, kind, payload):
        if kind == BODY:
            self._take_body(payload)
        elif kind == END:
            if not self.body_open:
                raise ProtocolError("END where no body is open")
            self.body_open = False
        elif kind == WINDOW:
            if len(payload) != 4:
                raise ProtocolError("WINDOW without a number")
            # Between exchanges it belongs to the one that ended: the next begins with a full window.
            if self.exchange:
                self.window = min(self.window + _unpack(payload)[0], INITIAL_WINDOW)
        elif kind == REQUEST or kind == REQUEST_BODY:
            if not self.greeted:
                raise ProtocolError("a request before READY")
            self.request = payload
            self.begin(kind == REQUEST_BODY)
        else:
            raise ProtocolError(f"frame type {kind}")

    def _take_body(self, payload):
        size = len(payload)
        if not self.body_open or not 0 < size <= MAX_BODY_PAYLOAD:
            raise ProtocolError(f"BODY of {size} bytes, body open: {self.body_open}")
        if self.discarding:
            self._discard(size)
            return
        self.body_bytes += size
        if self.body_bytes + self.consumed > INITIAL_WINDOW:
            raise ProtocolError("more BODY than the window allows")
        self.body.append(payload)

    def begin(self, has_body):
        """A request arrived: the state of a new exchange."""
        self.greeted = False
        self.body_open = has_body
        self.window = INITIAL_WINDOW
        if has_body:
            self.body_bytes = 0
            self.consumed = 0

    def receive(self):
        """Waits for the edge. Raises ClientGone at the end of the connection."""
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except OSError:
            data = b""
        if not data:
            self.lost = True
            raise ClientGone("the client closed the connection before the exchange was complete")
        try:
            self.feed(data)
        except ProtocolError as error:
            self.lost = True
            sys.stderr.write(f"An edge broke the worker protocol: {error}\n")
            raise ClientGone("the edge broke the worker protocol") from None

    def read_into(self, target):
        """Fills `target` with request body, waiting for at least one byte; 0 at its end."""
        while not self.body:
            if not self.body_open:
                return 0
            self.receive()
        piece = self.body.popleft()
        size = min(len(piece), len(target))
        target[:size] = piece[:size]
        if size < len(piece):
            self.body.appendleft(memoryview(piece)[size:])
        self.body_bytes -= size
        self._consume(size)
        return size

    def start_discarding(self):
        """The answer is complete: what is left of the request body has no reader any more."""
        size = self.body_bytes
        self.body.clear()
        self.body_bytes = 0
        if self.body_open:
            self.discarding = True
            self.discarded = 0
            self._discard(size)

    def _discard(self, size):
        self.discarded += size
        if self.discarded > _MAX_DISCARDED_BYTES:
            self.lost = True
            return
        try:
            self._consume(size)
        except ClientGone:
            pass

    def _consume(self, size):
        self.consumed += size
        if self.consumed >= _GRANT_BYTES and self.body_open:
            granted, self.consumed = self.consumed, 0
            self.send(window_frame(granted))

    def send(self, data):
        """Raises ClientGone."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.lost = True
            raise ClientGone("the client closed the connection before it had the answer") from None

    def send_body(self, data, before=b"", after=b""):
        """Sends `before`, `data` in BODY frames as the window allows, and `after`."""
        size = len(data)
        if size <= MAX_BODY_PAYLOAD and size <= self.window:
            self.window -= size
            self.send(b"".join((before, _pack(BODY << 24 | size), data, after)))
            return
        view = memoryview(data)
        start = 0
        while start < size:
            while self.window <= 0:
                if before:
                    self.send(before)
                    before = b""
                self.receive()
            part = min(MAX_BODY_PAYLOAD, self.window, size - start)
            self.window -= part
            end = start + part
            last = after if end == size else b""
            self.send(b"".join((before, _pack(BODY << 24 | part), view[start:end], last)))
            before = b""
            start = end

    def greet(self):
        """Says READY. A failure shows as the end of the connection."""
        self.greeted = True
        try:
            self.socket.sendall(READY_FRAME)
        except OSError:
            self.lost = True
