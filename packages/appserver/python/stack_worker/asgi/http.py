"""One HTTP exchange of ASGI: `receive` and `send`, and what becomes of an app that breaks off.

A short answer leaves in one write, head, body, end and the READY for the next request.
"""

import asyncio
import os
import sys

from ..connection import ClientGone
from ..frames import BODY, END_FRAME, FAIL_FRAME, HEAD, INFORM, MAX_BODY_PAYLOAD, WORD
from ..importing import app_traceback
from .heads import format_head

_pack = WORD.pack
_PIECE_BYTES = 256 * 1024


class HttpExchange:
    __slots__ = (
        "connection", "scope", "task", "pieces", "was_read", "changed", "head", "bodyless", "length",
        "count", "sent", "ended", "lost",
    )  # fmt: skip

    def __init__(self, connection, scope, is_head=False):
        self.connection = connection
        self.scope = scope
        self.task = None
        # Body that arrived and was not received; all of it was.
        self.pieces = []
        self.was_read = False
        # What `receive` waits for.
        self.changed = None
        self.head = None
        self.bodyless = is_head
        self.length = -1
        self.count = 0
        # A byte of the head has left: the answer can no longer be replaced by an error.
        self.sent = False
        self.ended = False
        self.lost = False

    async def run(self, worker):
        try:
            await worker.application(self.scope, self.receive, self.send)
            self.check_complete()
        except BaseException as error:
            self.fail(error)
        finally:
            worker.on_app_done(self)

    # ── from the connection ──

    def on_body(self, payload):
        self.pieces.append(payload)
        self._wake()

    def on_body_end(self):
        self._wake()

    def on_lost(self):
        self.lost = True
        self._wake()

    def _wake(self):
        if self.changed is not None:
            self.changed.set()

    async def _until_changed(self):
        if self.changed is None:
            self.changed = asyncio.Event()
        self.changed.clear()
        await self.changed.wait()

    # ── for the app ──

    async def receive(self):
        connection = self.connection
        while not (self.lost or self.ended):
            if self.was_read:
                await self._until_changed()
            elif self.pieces or not connection.body_open:
                pieces, self.pieces = self.pieces, []
                body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                more = connection.body_open
                if more:
                    connection.consume(len(body))
                self.was_read = not more
                return {"type": "http.request", "body": body, "more_body": more}
            else:
                await self._until_changed()
        return {"type": "http.disconnect"}

    async def send(self, message):
        kind = message["type"]
        if self.lost:
            raise ClientGone("the client closed the connection before it had the answer")
        if kind == "http.response.body":
            if self.head is None or self.ended:
                raise _unexpected(kind, self.ended)
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = _as_bytes(body)
            if message.get("more_body", False):
                await self._send_piece(body)
            elif self.sent:
                if body:
                    await self._send_piece(body)
                self._finish()
            else:
                await self._send_whole(body)
        elif kind == "http.response.start":
            if self.head is not None:
                raise _unexpected(kind, self.ended)
            status = message["status"]
            head, self.length = format_head(status, message.get("headers", ()))
            self.bodyless = self.bodyless or status == 204 or status == 304
            self.head = head
        elif kind == "http.response.pathsend" and self.head is not None and not self.ended:
            await self._send_file(message["path"])
        elif kind == "http.response.early_hint" and self.head is None:
            links = [(b"link", link) for link in message["links"]]
            self._inform(103, links)
        else:
            raise _unexpected(kind, self.ended)

    def _inform(self, status, headers):
        head, _ = format_head(status, headers, lowest=100)
        self.connection.write(_pack(INFORM << 24 | len(head)) + head)

    # ── the answer ──

    async def _send_whole(self, body):
        """The body is known: one write, with its Content-Length."""
        size = len(body)
        head = self.head
        connection = self.connection
        if self.length < 0:
            # An empty answer to HEAD says nothing of what GET would have answered.
            if not self.bodyless:
                head += b"Content-Length: %d\r\n" % size
        elif size != self.length and not self.bodyless:
            if size < self.length:
                raise _too_short(self.length, size)
            self._complain()
            size = self.length
            body = body[:size]
        self.count = size
        self.sent = self.ended = True
        before = _pack(HEAD << 24 | len(head)) + head
        if size == 0 or self.bodyless:
            connection.write(before + END_FRAME + connection.ready())
        elif size <= MAX_BODY_PAYLOAD:
            connection.write(
                b"".join((before, _pack(BODY << 24 | size), body, END_FRAME, connection.ready()))
            )
        else:
            await connection.send_body(body, before)
            connection.write(END_FRAME + connection.ready())
        self._settle()

    async def _send_piece(self, body):
        before = b""
        if not self.sent:
            before = _pack(HEAD << 24 | len(self.head)) + self.head
            self.sent = True
        size = len(body)
        already = self.count
        self.count += size
        if 0 <= self.length < self.count and not self.bodyless:
            if already <= self.length:
                self._complain()
            body = body[: max(self.length - already, 0)]
            size = len(body)
        if size == 0 or self.bodyless:
            if before:
                self.connection.write(before)
        elif not self.connection.write_body(body, before):
            await self.connection.send_body(body, before)

    def _finish(self):
        if self.count < self.length and not self.bodyless:
            raise _too_short(self.length, self.count)
        self.ended = True
        self.connection.write(END_FRAME + self.connection.ready())
        self._settle()

    async def _send_file(self, path):
        """`pathsend`: reads wait for the disk on another thread, at most one piece ahead of the client."""
        loop = asyncio.get_running_loop()
        fd = await loop.run_in_executor(None, os.open, path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self.length < 0:
                self.length = os.fstat(fd).st_size
                self.head += b"Content-Length: %d\r\n" % self.length
            if self.bodyless:
                await self._send_piece(b"")
            while not self.bodyless and self.count < self.length:
                size = min(_PIECE_BYTES, self.length - self.count)
                piece = await loop.run_in_executor(None, os.pread, fd, size, self.count)
                if self.lost:
                    raise ClientGone("the client closed the connection before it had the file")
                if not piece:
                    break
                await self._send_piece(piece)
            if not self.sent:
                await self._send_piece(b"")
        finally:
            os.close(fd)
        self._finish()

    def _settle(self):
        self.connection.settle()
        self._wake()

    # ── its end ──

    def check_complete(self):
        if self.ended or self.lost:
            return
        if self.head is None:
            raise RuntimeError("the app returned without having sent http.response.start")
        raise RuntimeError("the app returned before its answer was complete")

    def fail(self, error):
        """Logs what the app raised, and ends the answer as honestly as is still possible."""
        if not (self.lost and tells_of_abort(error)):
            log_error(self.scope, error)
        self.give_up()

    def give_up(self):
        if self.lost or self.ended:
            return
        connection = self.connection
        if self.sent:
            connection.abort()
            return
        self.ended = True
        connection.write(FAIL_FRAME + connection.ready())
        self._settle()

    def _complain(self):
        sys.stderr.write(f"The body is longer than its Content-Length of {self.length}: cut there\n")


def log_error(scope, error):
    method = scope.get("method", "WEBSOCKET")
    path = scope["raw_path"].decode("latin-1").encode("unicode_escape").decode()
    try:
        sys.stderr.write(f"Error in {method} {path}\n{app_traceback(error)}")
    except Exception:
        pass  # an app that broke sys.stderr still gets its answer


def tells_of_abort(error, depth=0):
    """Whether ClientGone, or the end of the task, is at the bottom of it: frameworks wrap it."""
    if error is None or depth > 20:
        return False
    if isinstance(error, (ClientGone, asyncio.CancelledError)):
        return True
    inner = getattr(error, "exceptions", ())
    return any(tells_of_abort(part, depth + 1) for part in inner) or tells_of_abort(
        error.__cause__ or error.__context__, depth + 1
    )


def _unexpected(kind, ended):
    when = "after the answer was complete" if ended else "here"
    return RuntimeError(f"the app sent {kind!r}, which is not expected {when}")


def _too_short(length, size):
    return ValueError(f"Content-Length is {length}, the body has {size} bytes")


def _as_bytes(body):
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)
    raise TypeError(f"the body must be bytes, not {type(body).__name__}: {body!r:.80}")
