"""Answers larger than the window, slow readers, and clients that go away."""

import unittest

from stack_worker import frames

from .harness import WorkerTest, block, frame

BIG = """
    SIZE = 8 * 1024 * 1024
    events = []

    class Pieces:
        def __iter__(self):
            for number in range(128):
                yield bytes([number]) * 65536
        def close(self):
            events.append("closed")

    def app(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/events":
            start_response("200 OK", [])
            return [",".join(events).encode()]
        write = start_response("200 OK", [])
        if path == "/list":
            return [b"x" * SIZE]
        if path == "/write":
            try:
                for _ in range(128):
                    write(b"x" * 65536)
            except OSError as error:
                events.append(type(error).__name__)
                raise
            return []
        return Pieces()
"""


class AnswerWindows(WorkerTest):
    def ask(self, edge, path):
        edge.send(frame(frames.REQUEST, block(path=path)))
        edge.expect(frames.HEAD)

    def read(self, edge, size):
        """Exactly `size` bytes of body: a byte beyond would be a frame that crosses the border."""
        total = 0
        while total < size:
            kind, payload = edge.next()
            self.assertEqual(kind, frames.BODY)
            self.assertLessEqual(len(payload), frames.MAX_BODY_PAYLOAD)
            total += len(payload)
        self.assertEqual(total, size)

    def test_the_worker_stops_at_the_window_and_goes_on_when_granted(self):
        worker = self.worker(BIG)
        for path in ("/list", "/pieces", "/write"):
            with self.subTest(path):
                edge = self.edge(worker)
                self.ask(edge, path)
                left = 8 * 1024 * 1024
                self.read(edge, frames.INITIAL_WINDOW)
                left -= frames.INITIAL_WINDOW
                for grant in (1, 100_000, 1_000_000):
                    edge.send(frames.window_frame(grant))
                    self.read(edge, grant)
                    left -= grant
                while left:
                    grant = min(left, 500_000)
                    edge.send(frames.window_frame(grant))
                    self.read(edge, grant)
                    left -= grant
                edge.expect(frames.END, frames.READY)

    def test_each_answer_begins_with_a_full_window(self):
        edge = self.edge(self.worker(BIG))
        for _ in range(3):
            self.ask(edge, "/list")
            for _ in range(7):
                self.read(edge, frames.INITIAL_WINDOW)
                edge.send(frames.window_frame(frames.INITIAL_WINDOW))
            self.read(edge, frames.INITIAL_WINDOW)
            edge.expect(frames.END, frames.READY)

    def test_a_body_beyond_its_window_ends_the_connection(self):
        worker = self.worker(BIG)
        edge = self.edge(worker)
        edge.send(frame(frames.REQUEST_BODY, block(path="/list")))
        edge.expect(frames.HEAD)
        self.read(edge, frames.INITIAL_WINDOW)
        # The app does not read, so nothing is granted.
        with self.assertRaises(OSError):
            for _ in range(40):
                edge.send(frame(frames.BODY, b"x" * 65536))
        self.assertEqual(self.edge(worker).get("/events")[1], b"")

    def test_an_abort_closes_the_iterable_and_ends_write(self):
        worker = self.worker(BIG)
        for path in ("/pieces", "/write", "/list"):
            edge = self.edge(worker)
            self.ask(edge, path)
            edge.close()
        other = self.edge(worker)
        self.assertEqual(other.get("/events")[1], b"closed,ClientGone")
        self.assertNotIn("Traceback", worker.zygote.log())


if __name__ == "__main__":
    unittest.main()
