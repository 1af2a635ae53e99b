"""A connection that many exchanges share: which stream a frame belongs to, and one write for all that
several of them say in one turn of the loop.
"""

import asyncio
from struct import Struct

from ..frames import (
    ABORT,
    BODY,
    END,
    REQUEST,
    REQUEST_BODY,
    STREAM,
    STREAM_WINDOW,
    WINDOW,
    WORD,
    ProtocolError,
)
from .channel import Channel

_STREAM_WORD = STREAM << 24 | 4
_ABORT_WORD = ABORT << 24 | 4
_two_words = Struct("<II").pack
_three_words = Struct("<III").unpack_from


class Stream(Channel):
    __slots__ = ("streams", "id")

    def __init__(self, streams, number):
        Channel.__init__(self, STREAM_WINDOW)
        self.streams = streams
        self.id = number

    def write(self, data):
        self.streams.put(self.id, data)

    def ready(self):
        """The exchange is over: there is nothing to say, it ends with its END."""
        self.exchange = None
        self.settle()
        return b""

    def settle(self):
        if self.exchange is None and not self.body_open:
            self.streams.open.pop(self.id, None)

    def abort(self):
        if self.streams.open.pop(self.id, None) is not None:
            self.streams.put(0, _two_words(_ABORT_WORD, self.id))
        self.lose()


class Streams:
    __slots__ = ("open", "_worker", "_transport", "_id", "_pending", "_pending_id", "_scheduled")

    def __init__(self, worker, transport):
        self.open = {}
        self._worker = worker
        self._transport = transport
        # Whose frames arrive.
        self._id = 0
        # What is to be written, and the stream its last frame belongs to.
        self._pending = []
        self._pending_id = 0
        self._scheduled = False

    def feed_requests(self, data):
        """Nearly all there is: STREAM and one whole request, and again. Returns how much that was."""
        start = 0
        have = len(data)
        while have - start >= 12:
            word, number, request = _three_words(data, start)
            end = start + 12 + (request & 0xFFFFFF)
            if word != _STREAM_WORD or request >> 24 != REQUEST or end > have:
                break
            self._id = number
            self._begin(data[start + 12 : end], False)
            start = end
        return start

    def take(self, kind, payload):
        if kind == STREAM:
            self._id = _number(payload)
        elif kind == REQUEST or kind == REQUEST_BODY:
            self._begin(payload, kind == REQUEST_BODY)
        elif kind == ABORT:
            stream = self.open.pop(_number(payload), None)
            if stream is not None:
                stream.lose()
        elif kind == BODY or kind == END or kind == WINDOW:
            stream = self.open.get(self._id)
            if stream is None:
                return  # it crossed the end of its exchange
            if kind == BODY:
                stream.take_body(payload)
            elif kind == END:
                stream.take_end()
            else:
                stream.take_window(payload)
        else:
            raise ProtocolError(f"frame type {kind}")

    def _begin(self, block, has_body):
        number = self._id
        if number in self.open:
            raise ProtocolError(f"a second request on stream {number}")
        stream = self.open[number] = Stream(self, number)
        stream.body_open = has_body
        self._worker.begin(stream, block)

    def put(self, number, data):
        """Frames of a stream, or of none (0), to be written with those of the others."""
        pending = self._pending
        if number and number != self._pending_id:
            self._pending_id = number
            pending.append(_two_words(_STREAM_WORD, number))
        pending.append(data)
        # While others are open they will probably say something in this turn too.
        if not self.open:
            self._flush()
        elif not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_scheduled)

    def _flush_scheduled(self):
        self._scheduled = False
        self._flush()

    def _flush(self):
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            self._transport.write(data)

    def lose(self):
        """The connection is gone."""
        self._pending.clear()
        streams = list(self.open.values())
        self.open.clear()
        for stream in streams:
            stream.lose()


def _number(payload):
    if len(payload) != 4:
        raise ProtocolError("a stream without a number")
    return WORD.unpack(payload)[0]
