"""One WebSocket of ASGI: the handshake, then messages both ways through the tunnel to the client.

What arrives waits in a bounded queue: while it is full the edge is granted nothing, and the client's
TCP connection slows down.
"""

import asyncio
from collections import deque

from ..connection import ClientGone
from ..frames import END_FRAME, FAIL_FRAME, HEAD, WORD
from .heads import format_head
from .http import HttpExchange, log_error, tells_of_abort
from .scope import websocket_scope
from .websocket_frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameReader,
    WebSocketError,
    accept_key,
    encode_close,
    encode_frame,
)

_pack = WORD.pack
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
# Received and not yet taken by the app; beyond it the edge is granted nothing.
_MAX_QUEUED_BYTES = 256 * 1024
# What a message costs besides its bytes: empty ones wait in a bounded queue too.
_MESSAGE_BYTES = 128
_PONG = 0x8A
# How long the client may take to answer a close frame.
_CLOSE_S = 10


class WebSocketExchange:
    __slots__ = (
        "connection", "scope", "task", "refusal", "denial", "key", "accepted", "answered", "queue", "queued_bytes",
        "ungranted", "changed", "reader", "lock", "control", "flusher", "close_sent", "close_got", "end_sent", "lost",
        "pinged", "timer", "worker", "connect_told",
    )  # fmt: skip

    def __init__(self, connection, wanted, headers, state):
        fields = dict(headers)
        self.connection = connection
        self.worker = connection.worker
        offered = fields.get(b"sec-websocket-protocol", b"").decode("latin-1")
        subprotocols = [name.strip() for name in offered.split(",") if name.strip()]
        self.scope = websocket_scope(wanted, headers, state, subprotocols)
        self.task = None
        self.key = fields.get(b"sec-websocket-key", b"")
        self.refusal = _refusal(fields)
        # What answers in place of the 101, where the app wants that.
        self.denial = None
        # 101 was sent; or any answer was.
        self.accepted = False
        self.answered = False
        self.connect_told = False
        # Events for the app, the bytes of the messages in it, and those not granted to the edge again.
        self.queue = deque()
        self.queued_bytes = 0
        self.ungranted = 0
        self.changed = None
        self.reader = FrameReader(_MAX_MESSAGE_BYTES)
        # Held while a message waits for its window; control frames then wait in `control`.
        self.lock = None
        self.control = []
        # The task that sends them when the window is used up.
        self.flusher = None
        # (code, reason) of the close frames.
        self.close_sent = None
        self.close_got = None
        self.end_sent = False
        self.lost = False
        self.pinged = False
        self.timer = None

    async def run(self, worker):
        try:
            if self.refusal is not None:
                self._refuse(*self.refusal)
                return
            await worker.application(self.scope, self.receive, self.send)
            if not self.answered and not self.lost:
                raise RuntimeError("the app returned without having accepted or closed the WebSocket")
            if self.denial is not None:
                self.denial.check_complete()
            self.close_from_here(1000, "")
        except BaseException as error:
            if not (self.lost and tells_of_abort(error)):
                log_error(self.scope, error)
            if self.denial is not None:
                self.denial.give_up()
            elif not self.answered and not self.lost:
                self.answered = True
                self.connection.write(FAIL_FRAME + self.connection.ready())
                self.connection.settle()
            else:
                self.close_from_here(1011, "")
        finally:
            worker.on_app_done(self)

    # ── for the app ──

    async def receive(self):
        if not self.connect_told:
            self.connect_told = True
            return {"type": "websocket.connect"}
        while not self.queue:
            if self._is_over():
                code, reason = self.close_got or self.close_sent or (1006, "")
                return {"type": "websocket.disconnect", "code": code, "reason": reason}
            if self.changed is None:
                self.changed = asyncio.Event()
            self.changed.clear()
            await self.changed.wait()
        kind, payload = self.queue.popleft()
        self._taken(len(payload))
        if kind == TEXT:
            return {"type": "websocket.receive", "text": payload}
        return {"type": "websocket.receive", "bytes": payload}

    def _is_over(self):
        if self.lost or self.close_got is not None or self.close_sent is not None:
            return True
        return self.answered and not self.accepted and (self.denial is None or self.denial.ended)

    async def send(self, message):
        kind = message["type"]
        if kind == "websocket.send" and self.accepted:
            if self.lost or self.close_sent is not None:
                raise ClientGone("the WebSocket is closed")
            text = message.get("text")
            if text is not None:
                await self._send_message(TEXT, text.encode())
            else:
                await self._send_message(BINARY, bytes(message["bytes"]))
        elif kind == "websocket.accept" and not self.answered:
            self._accept(message)
        elif kind == "websocket.close":
            if self.accepted:
                self.close_from_here(message.get("code", 1000), message.get("reason") or "")
            elif not self.answered:
                self._refuse(403, "Forbidden", [])
        elif kind in ("websocket.http.response.start", "websocket.http.response.body"):
            await self._deny({**message, "type": kind[len("websocket.") :]})
        else:
            raise RuntimeError(f"the app sent {kind!r}, which is not expected here")

    # ── the handshake ──

    def _accept(self, message):
        if self.lost:
            raise ClientGone("the client closed the connection before it was accepted")
        headers = [(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Accept", accept_key(self.key))]
        subprotocol = message.get("subprotocol")
        if subprotocol:
            headers.append((b"Sec-WebSocket-Protocol", subprotocol.encode("latin-1")))
        head, _ = format_head(101, message.get("headers") or (), lowest=101)
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        status, rest = head.split(b"\r\n", 1)
        head = status + b"\r\n" + lines + rest
        self.answered = self.accepted = True
        self.connection.open_body()
        self.connection.write(_pack(HEAD << 24 | len(head)) + head)
        self.worker.websockets.add(self)
        if self.worker.draining:
            self.close_from_here(1012, "service restart")

    def _refuse(self, status, reason, headers):
        self.answered = True
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = f"{status} {reason}\r\n{lines}Content-Length: 0\r\n".encode("latin-1")
        self.connection.write(_pack(HEAD << 24 | len(head)) + head + END_FRAME + self.connection.ready())
        self._wake()
        self.connection.settle()

    async def _deny(self, message):
        """`websocket.http.response`: an ordinary answer in place of the 101."""
        if self.accepted:
            raise RuntimeError("the WebSocket was accepted already")
        if self.denial is None:
            self.denial = HttpExchange(self.connection, self.scope)
            self.denial.lost = self.lost
        self.answered = True
        await self.denial.send(message)
        if self.denial.ended:
            self._wake()

    # ── from the connection ──

    def on_body(self, payload):
        self.pinged = False
        if self.close_got is not None:
            self.connection.consume(len(payload))
            return
        self.ungranted += len(payload)
        try:
            self._take(self.reader.feed(payload))
        except WebSocketError as error:
            self._take(error.messages)
            self._fail(error)
            return
        self._grant()
        self._wake()

    def _take(self, messages):
        for opcode, content in messages:
            if opcode == TEXT or opcode == BINARY:
                self.queue.append((opcode, content))
                self.queued_bytes += len(content) + _MESSAGE_BYTES
            elif opcode == PING:
                self._send_control(encode_frame(PONG, content) + content)
            elif opcode == CLOSE:
                self._on_close(*content)

    def on_body_end(self):
        """The client closed its half: nothing more will come, and nothing more is read."""
        if self.close_got is None:
            self.close_got = self.close_sent or (1006, "")
        self._finish()

    def on_lost(self):
        self.lost = True
        if self.denial is not None:
            self.denial.on_lost()
        self._over()

    # ── messages out ──

    async def _send_message(self, opcode, payload):
        data = encode_frame(opcode, payload) + payload
        if not self._is_sending():
            if self.connection.write_body(data):
                return
        if self.lock is None:
            self.lock = asyncio.Lock()
        async with self.lock:
            if self.lost or self.end_sent:
                raise ClientGone("the WebSocket is closed")
            await self.connection.send_body(data)
        self._flush_control()

    def _send_control(self, data):
        if self.end_sent or self.lost:
            return
        if self.control and data[0] == _PONG == self.control[-1][0]:
            self.control.pop()  # RFC 6455 §5.5.3: the last PING may be answered for all
        self.control.append(data)
        self._flush_control()

    def _flush_control(self):
        while self.control and not self.end_sent and not self._is_sending():
            if not self.connection.write_body(self.control[0]):
                if self.flusher is None:
                    self.flusher = asyncio.get_running_loop().create_task(self._flush_slowly())
                break
            self.control.pop(0)
        if not self.control and self.close_sent is not None and self.close_got is not None:
            self._finish()

    async def _flush_slowly(self):
        """The first of them, when the window lets it through; the others follow by themselves."""
        if self.lock is None:
            self.lock = asyncio.Lock()
        try:
            async with self.lock:
                if self.control and not self.lost:
                    await self.connection.send_body(self.control.pop(0))
        except ClientGone:
            return
        finally:
            self.flusher = None
        self._flush_control()

    def ping(self):
        """At intervals: a client that did not answer the last one is gone."""
        if self._is_sending():
            return  # a slow reader is no dead one; the edge sees to it
        if self.pinged:
            self.connection.abort()
            return
        self.pinged = True
        self._send_control(b"\x89\x00")

    def _is_sending(self):
        return self.lock is not None and self.lock.locked()

    # ── the close ──

    def close_from_here(self, code, reason):
        if not self.accepted or self.close_sent is not None or self.lost:
            return
        self.close_sent = (code, reason)
        self.worker.websockets.discard(self)
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(_CLOSE_S, self.connection.abort)
        self._send_control(encode_close(code, reason))
        self._wake()

    def _on_close(self, code, reason):
        self.close_got = (code, reason)
        if self.close_sent is None:
            self.close_from_here(code, reason)
        else:
            self._flush_control()

    def _fail(self, error):
        self.close_from_here(error.code, str(error))
        self.close_got = (error.code, str(error))
        self.connection.consume(self.ungranted)
        self.ungranted = 0
        self._flush_control()
        self._wake()

    def _finish(self):
        """Ends our half; the connection is free when both have ended."""
        if self.end_sent or self.lost:
            return
        self.end_sent = True
        self.connection.write(END_FRAME + self.connection.ready())
        self._over()
        self.connection.settle()
        if self.connection.body_open:
            asyncio.get_running_loop().call_later(_CLOSE_S, self.connection.abort_unless_ended)

    def _over(self):
        self.worker.websockets.discard(self)
        if self.timer is not None:
            self.timer.cancel()
        self._wake()

    # ── windows ──

    def _taken(self, size):
        self.queued_bytes -= size + _MESSAGE_BYTES
        self._grant()

    def _grant(self):
        if self.queued_bytes <= _MAX_QUEUED_BYTES and self.ungranted and not self.end_sent:
            size, self.ungranted = self.ungranted, 0
            self.connection.consume(size)

    def _wake(self):
        if self.changed is not None:
            self.changed.set()


def _refusal(fields):
    """(status, reason, headers) of a handshake that is none (RFC 6455 §4.2.1)."""
    if fields.get(b"sec-websocket-version") != b"13":
        return 426, "Upgrade Required", [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")]
    if not fields.get(b"sec-websocket-key"):
        return 400, "Bad Request", []
    return None
