"""One WSGI exchange (PEP 3333): call the app, send what it answers, say what went wrong.

Most answers are a list of one string: they leave in one write, head, body, end and the READY for the next
request. Everything else streams piece by piece.
"""

import io
import sys
from types import GeneratorType

from .connection import ClientGone
from .frames import BODY, END_FRAME, FAIL_FRAME, HEAD, MAX_BODY_PAYLOAD, READY_FRAME, WORD
from .heads import format_head
from .importing import app_traceback
from .request_body import RequestBody

_pack = WORD.pack


def serve(worker, connection, block):
    """Answers one request. What fails is logged and costs this request alone."""
    parts = str(block, "latin-1").split("\0")
    environ = worker.base_environ.copy()
    environ.update(zip(parts[::2], parts[1::2]))
    stream = None
    if connection.body_open:
        environ["wsgi.input"] = stream = RequestBody(connection)
    elif connection.body:
        environ["wsgi.input"] = io.BytesIO(b"".join(connection.body))
        connection.body.clear()
    else:
        environ["wsgi.input"] = io.BytesIO()
    exchange = Exchange(worker, connection, environ.get("REQUEST_METHOD") == "HEAD")
    connection.exchange = True
    try:
        result = worker.application(environ, exchange.start_response)
        kind = type(result)
        if kind is list or kind is tuple:
            exchange.send_whole(result)
        else:
            exchange.send_stream(result)
    except BaseException as error:
        exchange.fail(error, block)
    finally:
        connection.exchange = False
        exchange.over = True
        if stream is not None:
            stream.end()


class Exchange:
    __slots__ = (
        "worker", "connection", "is_head", "code", "head", "bodyless", "length", "sent", "count", "ended",
        "over",
    )  # fmt: skip

    def __init__(self, worker, connection, is_head):
        self.worker = worker
        self.connection = connection
        self.is_head = is_head
        self.code = 0
        # As bytes, once the app has called start_response.
        self.head = None
        self.bodyless = False
        self.length = -1
        # A byte of the head has left: the answer can no longer be replaced by an error.
        self.sent = False
        self.count = 0
        self.ended = False
        self.over = False

    def start_response(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise AssertionError("start_response was called a second time, without exc_info")
        self.code, self.head, self.length = format_head(status, headers)
        self.bodyless = self.is_head or self.code == 204 or self.code == 304
        return self.write

    def write(self, data):
        """The `write` callable of PEP 3333: `data` has been sent when it returns."""
        if self.over:
            raise OSError("write() was called after its request had ended")
        data = self._checked(data)
        if data:
            self._send(data, b"")

    def send_whole(self, pieces):
        """The body is known: one write, with its Content-Length."""
        body = self._checked(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        size = len(body)
        head = self.head
        if self.sent:
            if size:
                self._send(body, b"")
            self._finish(self._ready())
            return
        if self.length < 0:
            # An empty answer to HEAD says nothing of what GET would have answered.
            if not self.bodyless or (size and self.code != 204 and self.code != 304):
                head += b"Content-Length: %d\r\n" % size
        elif size != self.length and not self.bodyless:
            if size < self.length:
                raise ValueError(f"Content-Length is {self.length}, the body has {size} bytes")
            self._complain()
            body = body[: self.length]
            size = self.length
        before = _pack(HEAD << 24 | len(head)) + head
        self.sent = self.ended = True
        if size == 0 or self.bodyless:
            self.connection.send(before + END_FRAME + self._ready())
        elif size <= MAX_BODY_PAYLOAD:
            self.connection.send(
                b"".join((before, _pack(BODY << 24 | size), body, END_FRAME, self._ready()))
            )
        else:
            # READY at the end belongs to the state after the body: windows move while it is sent.
            self.connection.send_body(body, before)
            self.connection.send(END_FRAME + self._ready())

    def send_stream(self, result):
        """Any iterable: each piece is sent as it comes; `close()` is called whatever happens."""
        close = getattr(result, "close", None)
        try:
            if isinstance(result, (bytes, str)):
                raise TypeError(f"the app returned {type(result).__name__}, not an iterable of bytes")
            for piece in result:
                # An empty piece is a sign of life, and says nothing yet.
                if piece or not isinstance(piece, bytes):
                    piece = self._checked(piece)
                    if self.bodyless:
                        break
                    self._send(piece, END_FRAME)
                    if 0 <= self.length < self.count:
                        break
            else:
                if type(result) is GeneratorType:
                    close = None  # it has run to its end
            self._finish(b"" if close else self._ready())
        finally:
            if close:
                close()

    def fail(self, error, block):
        """Logs what the app raised, and ends the answer as honestly as is still possible."""
        connection = self.connection
        if not (connection.lost and _tells_of_abort(error)):
            method, target = _request_line(block)
            try:
                sys.stderr.write(f"Error in {method} {target}\n{app_traceback(error)}")
            except Exception:
                pass  # an app that broke sys.stderr, or took all memory, still gets its answer
        if connection.lost or self.ended:
            return
        if self.sent:
            connection.lost = True
            return
        try:
            connection.send(FAIL_FRAME + self._ready())
        except ClientGone:
            pass

    def _checked(self, data):
        if not isinstance(data, bytes):
            raise TypeError(f"the body must be bytes, not {type(data).__name__}: {data!r:.80}")
        if self.head is None:
            raise AssertionError("the app answered without having called start_response")
        return data

    def _send(self, data, end):
        """Sends a piece; with `end` the END too, where it completes the announced length."""
        before = b"" if self.sent else _pack(HEAD << 24 | len(self.head)) + self.head
        if self.bodyless:
            if before:
                self.sent = True
                self.connection.send(before)
            return
        already = self.count
        self.count += len(data)
        if self.length < 0:
            end = b""
        elif self.count < self.length:
            end = b""
        elif self.count > self.length:
            if already <= self.length:
                self._complain()
            data = data[: max(self.length - already, 0)]
            if not data:
                return
        self.sent = True
        self.connection.send_body(data, before, end)
        if end:
            self.ended = True

    def _finish(self, ready):
        """The body is over. Raises where it is shorter than announced."""
        if self.head is None:
            raise AssertionError("the app answered without having called start_response")
        if self.ended:
            if ready:
                self.connection.send(ready)
            return
        if self.count < self.length and not self.bodyless:
            raise ValueError(f"Content-Length is {self.length}, the body has {self.count} bytes")
        before = b"" if self.sent else _pack(HEAD << 24 | len(self.head)) + self.head
        self.sent = self.ended = True
        self.connection.send(before + END_FRAME + ready)

    def _ready(self):
        """READY, when after this answer nothing is left to be done on the connection."""
        if self.connection.body_open or self.worker.draining:
            return b""
        self.connection.greeted = True
        return READY_FRAME

    def _complain(self):
        sys.stderr.write(f"The body is longer than its Content-Length of {self.length}: cut there\n")


def _tells_of_abort(error):
    """Whether ClientGone is at the bottom of it: frameworks wrap it in errors of their own."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, ClientGone):
            return True
        error = error.__cause__ or error.__context__
        seen += 1
    return False


def _request_line(block):
    parts = str(block, "latin-1").split("\0")
    variables = dict(zip(parts[::2], parts[1::2]))
    target = variables.get("REQUEST_URI") or variables.get("PATH_INFO", "")
    # Nothing a client sends may begin a line of the log.
    return tuple(
        text.encode("unicode_escape").decode()
        for text in (variables.get("REQUEST_METHOD", "-"), target)
    )
