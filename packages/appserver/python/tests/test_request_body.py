"""wsgi.input: how it reads, its window, and what becomes of bodies nobody reads."""

import hashlib
import threading
import unittest

from stack_worker import frames

from .harness import WorkerTest, block, frame

READER = """
    import hashlib

    def app(environ, start_response):
        stream = environ["wsgi.input"]
        path = environ["PATH_INFO"][1:]
        start_response("200 OK", [])
        if path == "ignore":
            return [b"ignored"]
        if path == "hash":
            digest = hashlib.sha256()
            while True:
                piece = stream.read(100_000)
                if not piece:
                    break
                digest.update(piece)
            return [digest.hexdigest().encode()]
        if path in ("aborted", "wrapped"):
            print("reads for", path)
        if path == "aborted":
            try:
                stream.read()
            except OSError as error:
                print("seen:", type(error).__name__, error)
                raise
        if path == "wrapped":
            try:
                stream.read()
            except OSError as error:
                raise RuntimeError("unreadable") from error
        if path == "both":
            return (piece.upper() for piece in iter(lambda: stream.read(50_000), b""))
        if path == "keep":
            globals()["kept"] = stream
            return [b"kept"]
        if path == "use-kept":
            try:
                return [b"got " + kept.read()]
            except OSError as error:
                return [str(error).encode()]
        return [repr(eval(environ["QUERY_STRING"], {"s": stream})).encode()]
"""


def post(path, *pieces, end=True, **extra):
    parts = [frame(frames.REQUEST_BODY, block(method="POST", path=path, **extra))]
    parts += [frame(frames.BODY, piece) for piece in pieces]
    if end:
        parts.append(frame(frames.END))
    return b"".join(parts)


class Reading(WorkerTest):
    def test_every_way_of_reading_gives_what_a_file_gives(self):
        edge = self.edge(self.worker(READER))
        pieces = [b"one\ntw", b"o\n\nthr", b"ee"]
        whole = b"".join(pieces)
        cases = {
            "s.read()": whole,
            "s.read(-1)": whole,
            "s.read(None)": whole,
            "(s.read(2), s.read(9), s.read(99), s.read(1))": (b"on", b"e\ntwo\n\nth", b"ree", b""),
            "(s.read(0), s.read())": (b"", whole),
            "(s.readline(), s.readline(2), s.readline(), s.read())":
                (b"one\n", b"tw", b"o\n", b"\nthree"),
            "s.readlines()": [b"one\n", b"two\n", b"\n", b"three"],
            "s.readlines(5)": [b"one\n", b"two\n"],
            "list(s)": [b"one\n", b"two\n", b"\n", b"three"],
            "(s.read(), s.read(), s.readline(), list(s))": (whole, b"", b"", []),
        }  # fmt: skip
        for expression, expected in cases.items():
            for split in (True, False):
                with self.subTest(expression, split=split):
                    if split:
                        # The head alone first: the body is then read as a stream.
                        edge.send(post("/eval", end=False, QUERY_STRING=expression))
                        for piece in pieces:
                            edge.send(frame(frames.BODY, piece))
                        edge.send(frame(frames.END))
                    else:
                        edge.send(post("/eval", *pieces, QUERY_STRING=expression))
                    self.assertEqual(edge.answer()[1], repr(expected).encode())

    def test_no_body_reads_as_nothing(self):
        edge = self.edge(self.worker(READER))
        for sent in (
            frame(frames.REQUEST, block(path="/eval", QUERY_STRING="(s.read(), list(s))")),
            post("/eval", QUERY_STRING="(s.read(), list(s))"),
        ):
            edge.send(sent)
            self.assertEqual(edge.answer()[1], b"(b'', [])")

    def test_a_body_kept_beyond_its_request_cannot_read_the_next(self):
        edge = self.edge(self.worker(READER))
        edge.send(post("/keep", end=False))
        self.assertEqual(edge.answer(ready=False)[1], b"kept")
        edge.send(frame(frames.END))
        edge.expect(frames.READY)
        edge.send(post("/use-kept", b"secret"))
        self.assertEqual(edge.answer()[1], b"wsgi.input was read after its request had ended")


class Windows(WorkerTest):
    def test_a_big_upload_arrives_whole_and_within_its_window(self):
        edge = self.edge(self.worker(READER))
        data = bytes(range(256)) * 4 * 1024 * 20  # 20 MB
        edge.send(post("/hash", end=False))
        window, start = frames.INITIAL_WINDOW, 0
        granted = 0
        while start < len(data):
            while window <= 0:
                size = int.from_bytes(edge.expect(frames.WINDOW), "little")
                granted += size
                window += size
            piece = data[start : start + min(window, frames.MAX_BODY_PAYLOAD)]
            edge.send(frame(frames.BODY, piece))
            start += len(piece)
            window -= len(piece)
        edge.send(frame(frames.END))
        self.assertEqual(edge.answer()[1].decode(), hashlib.sha256(data).hexdigest())
        self.assertLessEqual(granted, len(data))

    def test_request_and_answer_stream_at_once(self):
        edge = self.edge(self.worker(READER))
        piece, count = b"abcdefgh" * 8192, 60
        edge.send(post("/both", end=False))
        may = threading.Condition()
        state = {"window": frames.INITIAL_WINDOW, "grants": b"", "done": False}

        # All sending is this thread's, so that the other always reads, as a real edge does.
        def upload():
            sent = 0
            while True:
                with may:
                    has_room = lambda: sent < count and state["window"] >= len(piece)  # noqa: E731
                    if not may.wait_for(lambda: state["grants"] or state["done"] or has_room(), 30):
                        return
                    if state["done"]:
                        return
                    out, state["grants"] = state["grants"], b""
                    if has_room():
                        sent += 1
                        state["window"] -= len(piece)
                        out += frame(frames.BODY, piece)
                        if sent == count:
                            out += frame(frames.END)
                edge.send(out)

        sender = threading.Thread(target=upload, daemon=True)
        sender.start()
        edge.expect(frames.HEAD)
        received, pending = 0, 0
        while True:
            kind, payload = edge.next()
            if kind == frames.END:
                break
            if kind == frames.WINDOW:
                with may:
                    state["window"] += int.from_bytes(payload, "little")
                    may.notify()
                continue
            self.assertEqual(kind, frames.BODY)
            received += len(payload)
            pending += len(payload)
            if pending >= 256 * 1024:
                with may:
                    state["grants"] += frames.window_frame(pending)
                    may.notify()
                pending = 0
        with may:
            state["done"] = True
            may.notify()
        sender.join()
        self.assertEqual(received, len(piece) * count)
        edge.expect(frames.READY)


class Unread(WorkerTest):
    def test_a_small_unread_body_is_dropped_before_ready(self):
        edge = self.edge(self.worker(READER))
        edge.send(post("/ignore", b"x" * 1000))
        self.assertEqual(edge.answer()[1], b"ignored")
        edge.send(post("/ignore", b"x" * 1000, end=False))
        self.assertEqual(edge.answer(ready=False)[1], b"ignored")
        edge.send(frame(frames.BODY, b"y" * 1000), frame(frames.END))
        edge.expect(frames.READY)
        self.assertEqual(edge.get("/ignore")[1], b"ignored")

    def test_an_unread_body_is_granted_as_it_is_dropped(self):
        edge = self.edge(self.worker(READER))
        edge.send(post("/ignore", end=False))
        self.assertEqual(edge.answer(ready=False)[1], b"ignored")
        window = frames.INITIAL_WINDOW
        for _ in range(5 * 16):  # 5 MB
            while window <= 0:
                window += int.from_bytes(edge.expect(frames.WINDOW), "little")
            edge.send(frame(frames.BODY, b"x" * 65536))
            window -= 65536
        edge.send(frame(frames.END))
        got = edge.next()
        while got[0] == frames.WINDOW:
            got = edge.next()
        self.assertEqual(got[0], frames.READY)
        self.assertEqual(edge.get("/ignore")[1], b"ignored")

    def test_other_connections_are_served_while_a_body_is_dropped(self):
        worker = self.worker(READER)
        dropping, other = self.edge(worker), self.edge(worker)
        dropping.send(post("/ignore", end=False))
        dropping.answer(ready=False)
        self.assertEqual(other.get("/ignore")[1], b"ignored")
        dropping.send(frame(frames.END))
        dropping.expect(frames.READY)

    def test_a_body_too_big_to_drop_costs_its_connection(self):
        worker = self.worker(READER)
        edge = self.edge(worker)
        edge.send(post("/ignore", end=False))
        edge.answer(ready=False)
        with self.assertRaises(OSError):
            for _ in range(20 * 16):  # 20 MB
                edge.send(frame(frames.BODY, b"x" * 65536))
        self.assertEqual(self.edge(worker).get("/ignore")[1], b"ignored")


class Aborts(WorkerTest):
    def test_an_abort_while_the_app_reads_is_an_oserror_and_no_traceback(self):
        worker = self.worker(READER)
        for path in ("/aborted", "/wrapped"):
            edge = self.edge(worker)
            edge.send(post(path, b"some", end=False))
            # What comes on a closed connection is not begun.
            worker.zygote.wait_log(f"reads for {path[1:]}")
            edge.close()
            self.assertEqual(self.edge(worker).get("/ignore")[1], b"ignored")
        log = worker.zygote.wait_log("seen: ClientGone the client closed the connection")
        self.assertNotIn("Traceback", log)


if __name__ == "__main__":
    unittest.main()
