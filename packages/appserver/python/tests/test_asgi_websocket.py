"""WebSockets through the tunnel of the worker protocol: handshake, messages, windows, every way to end."""

import unittest

from stack_worker import frames
from stack_worker.asgi.websocket_frames import BINARY, CLOSE, PING, PONG, TEXT, FrameReader

from .harness import SharedWorkerTest, WorkerTest, block, frame
from .test_websocket_frames import client_frame

APP = """
    import asyncio

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"Hello"})
            return
        assert (await receive())["type"] == "websocket.connect"
        await globals()[scope["path"][1:]](scope, receive, send)

    async def echo(scope, receive, send):
        offered = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None,
                    "headers": [(b"x-app", b"yes")]})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                print("disconnect", message["code"], message["reason"], flush=True)
                try:
                    await send({"type": "websocket.send", "text": "late"})
                except OSError as error:
                    print("late:", type(error).__name__, flush=True)
                return
            await send({**message, "type": "websocket.send"})

    async def reject(scope, receive, send):
        await send({"type": "websocket.close"})

    async def deny(scope, receive, send):
        await send({"type": "websocket.http.response.start", "status": 401,
                    "headers": [(b"www-authenticate", b"Basic")]})
        await send({"type": "websocket.http.response.body", "body": b"who ",
                    "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"are you"})

    async def leave(scope, receive, send):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4000, "reason": "that is all"})
        print("after close:", (await receive())["type"], flush=True)

    async def returns(scope, receive, send):
        await send({"type": "websocket.accept"})

    async def raises(scope, receive, send):
        await send({"type": "websocket.accept"})
        raise ValueError("a fault of the app")

    async def raises_early(scope, receive, send):
        raise ValueError("an early fault")

    async def lazy(scope, receive, send):
        await send({"type": "websocket.accept"})
        await asyncio.sleep(0.3)
        total = 0
        while total < 3_000_000:
            total += len((await receive())["bytes"])
        await send({"type": "websocket.send", "text": str(total)})

    async def listen(scope, receive, send):
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            print("heard", message["text"], flush=True)
        print("heard", message["code"], flush=True)

    async def asleep(scope, receive, send):
        await send({"type": "websocket.accept"})
        await asyncio.sleep(60)

    async def flood(scope, receive, send):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": b"f" * 2_500_000})
        await send({"type": "websocket.send", "text": "done"})
"""
UPGRADE = {
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "upgrade",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
}


class ServerFrames(FrameReader):
    """Reads what the server sends, by way of a mask of zeros."""

    def read(self, data):
        out = b""
        while data:
            size = data[1] & 0x7F
            at = 2
            if size >= 126:
                width = 2 if size == 126 else 8
                size = int.from_bytes(data[2 : 2 + width], "big")
                at += width
            out += bytes((data[0], data[1] | 0x80)) + data[2:at] + b"\0\0\0\0" + data[at : at + size]
            data = data[at + size :]
        return self.feed(out)


class Socket:
    """A client at the other end of an edge."""

    def __init__(self, edge, path, **extra):
        self.edge = edge
        self.messages = []
        self.waiting = b""
        edge.send(frame(frames.REQUEST, block(path=path, **{**UPGRADE, **extra})))

    def send(self, opcode, payload, **options):
        data = client_frame(opcode, payload, **options)
        for start in range(0, len(data), 60_000):
            self.edge.send(frame(frames.BODY, data[start : start + 60_000]))

    def next(self):
        """(opcode, payload), or the type of a frame that is no BODY."""
        while not self.messages:
            kind, payload = self.edge.next()
            if kind == frames.WINDOW:
                continue
            if kind != frames.BODY:
                return kind
            self.waiting += payload
            self.edge.send(frames.window_frame(len(payload)))
            self._split()
        return self.messages.pop(0)

    def _split(self):
        while len(self.waiting) >= 2:
            size, at = self.waiting[1] & 0x7F, 2
            if size >= 126:
                at += 2 if size == 126 else 8
                size = int.from_bytes(self.waiting[2:at], "big")
            if len(self.waiting) < at + size:
                return
            whole, self.waiting = self.waiting[: at + size], self.waiting[at + size :]
            self.messages += ServerFrames(1 << 24).read(whole)


class Sockets(WorkerTest):
    def open(self, path, **extra):
        socket = Socket(self.edge(self.asgi), path, **extra)
        self.head = socket.edge.expect(frames.HEAD).decode()
        return socket

    def closes(self, socket, code, reason=""):
        """Both halves end; the connection takes the next request."""
        socket.edge.send(frame(frames.END))
        self.assertEqual(socket.next(), frames.READY)
        self.assertEqual(socket.edge.get("/")[1], b"Hello")


class WebSockets(SharedWorkerTest, Sockets):
    source = APP
    options = {"model": {"kind": "asgi"}}

    def setUp(self):
        super().setUp()
        self.asgi = self.shared

    def test_messages_both_ways_and_a_close_of_the_client(self):
        socket = self.open("/echo", HTTP_SEC_WEBSOCKET_PROTOCOL="one, two")
        self.assertEqual(
            self.head,
            "101 Switching Protocols\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: two\r\nx-app: yes\r\n",
        )
        socket.send(TEXT, "héllo".encode())
        self.assertEqual(socket.next(), (TEXT, "héllo"))
        socket.send(BINARY, b"fr", final=False)
        socket.send(PING, b"now")
        self.assertEqual(socket.next(), (PONG, b"now"))
        socket.send(0, b"agment")
        self.assertEqual(socket.next(), (BINARY, b"fragment"))
        socket.send(CLOSE, b"\x0f\xa1bye")
        self.assertEqual(socket.next(), (CLOSE, (4001, "bye")))
        self.assertEqual(socket.next(), frames.END)
        self.asgi.zygote.wait_log("disconnect 4001 bye")
        self.asgi.zygote.wait_log("late: ClientGone")
        self.closes(socket, 4001)

    def test_large_messages_both_ways(self):
        socket = self.open("/echo")
        payload = bytes(range(256)) * 2000
        socket.send(BINARY, payload)
        self.assertEqual(socket.next(), (BINARY, payload))

    def test_a_server_that_closes_waits_for_the_clients_answer(self):
        socket = self.open("/leave")
        self.assertEqual(socket.next(), (CLOSE, (4000, "that is all")))
        self.asgi.zygote.wait_log("after close: websocket.disconnect")
        socket.send(CLOSE, b"\x0f\xa0")
        self.assertEqual(socket.next(), frames.END)
        self.closes(socket, 4000)

    def test_a_close_before_the_accept_is_403(self):
        socket = self.open("/reject")
        self.assertEqual(self.head, "403 Forbidden\r\nContent-Length: 0\r\n")
        socket.edge.expect(frames.END, frames.READY)
        self.assertEqual(socket.edge.get("/")[1], b"Hello")

    def test_an_answer_in_place_of_the_accept(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/deny", **UPGRADE)))
        head, body = edge.answer()
        self.assertTrue(head.startswith("401 Unauthorized\r\nwww-authenticate: Basic\r\n"))
        self.assertEqual(body, b"who are you")
        self.assertEqual(edge.get("/")[1], b"Hello")

    def test_handshakes_that_are_none(self):
        for missing, status in (("VERSION", "426 Upgrade Required"), ("KEY", "400 Bad Request")):
            edge = self.edge(self.asgi)
            extra = {**UPGRADE, f"HTTP_SEC_WEBSOCKET_{missing}": ""}
            edge.send(frame(frames.REQUEST, block(path="/echo", **extra)))
            self.assertTrue(edge.answer()[0].startswith(status))
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/", HTTP_UPGRADE="h2c")))
        self.assertEqual(edge.answer()[1], b"Hello")

    def test_the_end_of_the_app_is_a_close(self):
        self.assertEqual(self.open("/returns").next(), (CLOSE, (1000, "")))
        self.assertEqual(self.open("/raises").next(), (CLOSE, (1011, "")))
        self.asgi.zygote.wait_log("a fault of the app")
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/raises_early", **UPGRADE)))
        edge.expect(frames.FAIL, frames.READY)
        self.asgi.zygote.wait_log("an early fault")

    def test_a_client_that_breaks_the_protocol_is_closed(self):
        socket = self.open("/echo")
        socket.send(TEXT, b"\xff")
        self.assertEqual(socket.next(), (CLOSE, (1007, "text that is not UTF-8")))
        self.assertEqual(socket.next(), frames.END)
        self.asgi.zygote.wait_log("disconnect 1007")
        self.closes(socket, 1007)

    def test_what_came_before_a_mistake_reaches_the_app(self):
        socket = self.open("/listen")
        socket.edge.send(
            frame(frames.BODY, client_frame(TEXT, b"the last word") + client_frame(3, b""))
        )
        self.assertEqual(socket.next(), (CLOSE, (1002, "unknown opcode 3")))
        self.asgi.zygote.wait_log("heard the last word")
        self.asgi.zygote.wait_log("heard 1002")

    def test_empty_messages_wait_in_a_bounded_queue_too(self):
        socket = self.open("/asleep")
        empty = client_frame(TEXT, b"") * 8_000
        for _ in range(12):
            socket.edge.send(frame(frames.BODY, empty))
        socket.send(PING, b"all read")
        self.assertEqual(socket.edge.next(), (frames.BODY, b"\x8a\x08all read"))

    def test_pings_of_a_client_that_reads_nothing_are_answered_by_one(self):
        socket = self.open("/asleep")
        edge = socket.edge
        got = 0
        for batch in range(30):
            pings = (client_frame(PING, b"%0125d" % (batch * 400 + number)) for number in range(400))
            edge.send(frame(frames.BODY, b"".join(pings)))
            while got < min((batch + 1) * 400 * 127, frames.INITIAL_WINDOW):
                kind, payload = edge.next()
                got += len(payload) if kind == frames.BODY else 0
        self.assertEqual(got, frames.INITIAL_WINDOW)
        edge.send(frames.window_frame(10_000))
        rest = b""
        while not rest.endswith(b"%0125d" % 11_999):
            kind, payload = edge.next()
            rest += payload if kind == frames.BODY else b""
        self.assertEqual(len(rest), 127 - frames.INITIAL_WINDOW % 127 + 127)

    def test_a_lost_client_is_1006(self):
        for end in (lambda edge: edge.close(), lambda edge: edge.send(frame(frames.END))):
            socket = self.open("/echo")
            end(socket.edge)
            self.asgi.zygote.wait_log("disconnect 1006")

    def test_a_reader_that_is_slow_is_sent_no_more_than_the_window(self):
        socket = self.open("/lazy")
        sent = granted = 0
        edge = socket.edge
        data = client_frame(BINARY, b"d" * 50_000)
        while sent + len(data) <= frames.INITIAL_WINDOW:
            edge.send(frame(frames.BODY, data))
            sent += len(data)
        while sent < 60 * len(data):
            kind, payload = edge.next()
            self.assertEqual(kind, frames.WINDOW)
            granted += frames.WORD.unpack(payload)[0]
            while sent < min(granted + frames.INITIAL_WINDOW - len(data), 60 * len(data)):
                edge.send(frame(frames.BODY, data))
                sent += len(data)
        self.assertEqual(socket.next(), (TEXT, "3000000"))

    def test_a_large_message_waits_for_its_window(self):
        socket = self.open("/flood")
        self.assertEqual(socket.next(), (BINARY, b"f" * 2_500_000))
        self.assertEqual(socket.next(), (TEXT, "done"))


class Drain(Sockets):
    def test_a_drain_closes_websockets_with_1012(self):
        self.asgi = self.worker(APP, model={"kind": "asgi"})
        socket = self.open("/echo")
        self.asgi.control.send({"type": "part"})
        self.assertEqual(socket.next(), (CLOSE, (1012, "service restart")))
        socket.send(CLOSE, b"\x03\xf4")
        self.assertEqual(socket.next(), frames.END)
        other = self.open("/echo")
        self.asgi.control.send({"type": "drain", "deadlineMs": 30_000})
        self.assertEqual(other.next(), (CLOSE, (1012, "service restart")))
        other.send(CLOSE, b"\x03\xf4")
        self.assertEqual(other.next(), frames.END)
        for one in (socket, other):
            one.edge.close()
        self.assertEqual(self.exit_of(self.asgi)["code"], 0)


if __name__ == "__main__":
    unittest.main()
