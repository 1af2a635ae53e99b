"""A worker with threads: side by side, READY only when a thread is free, drains."""

import threading
import unittest

from stack_worker import frames

from .harness import DEADLINE_S, WorkerTest, block, eventually, frame

APP = """
    import threading, time
    from wsgiref.validate import validator

    barrier = threading.Barrier(3)
    gate = threading.Event()

    def inner(environ, start_response):
        path = environ["PATH_INFO"]
        headers = [("Content-Type", "text/plain")]
        if path == "/together":
            barrier.wait(30)
        elif path == "/gate":
            print("waits at the gate", flush=True)
            gate.wait(60)
        elif path == "/open":
            gate.set()
        elif path == "/echo":
            print("reads", flush=True)
            body = environ["wsgi.input"].read(1 << 22)
            start_response("200 OK", headers)
            return iter([body])
        elif path == "/exit":
            raise SystemExit
        start_response("200 OK", headers)
        if path == "/stream":
            return iter([b"pie", b"ces"])
        return [str(environ["wsgi.multithread"]).encode()]

    app = validator(inner)
"""
MODEL = {"kind": "wsgi", "worker": "threads", "concurrency": 3}


class Threads(WorkerTest):
    def setUp(self):
        super().setUp()
        self.threaded = self.worker(APP, model=MODEL)

    def ask(self, path):
        edge = self.edge(self.threaded)
        edge.send(frame(frames.REQUEST, block(path=path)))
        return edge

    def test_as_many_requests_run_at_once_as_there_are_threads(self):
        edges = [self.ask("/together") for _ in range(3)]
        for edge in edges:
            self.assertEqual(edge.answer()[1], b"True")

    def test_any_thread_serves_any_connection(self):
        edges = [self.edge(self.threaded) for _ in range(8)]

        def use(edge):
            for _ in range(50):
                self.assertEqual(edge.get("/")[1], b"True")

        threads = [threading.Thread(target=use, args=(edge,)) for edge in edges]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        self.assertFalse(any(thread.is_alive() for thread in threads))

    def test_bodies_stream_both_ways(self):
        edge = self.edge(self.threaded)
        body = b"b" * 65536
        edge.send(frame(frames.REQUEST_BODY, block("POST", "/echo")))
        for _ in range(3):
            edge.send(frame(frames.BODY, body))
        edge.send(frame(frames.END))
        self.assertEqual(edge.answer()[1], body * 3)
        self.assertEqual(edge.get("/stream")[1], b"pieces")

    def test_a_new_connection_is_greeted_when_a_thread_is_free(self):
        readers = [self.edge(self.threaded) for _ in range(3)]
        for edge in readers:
            edge.send(frame(frames.REQUEST_BODY, block("POST", "/echo")))
        eventually("three that read", lambda: self.threaded.zygote.log().count("reads") == 3)
        held = self.edge(self.threaded, greeted=False)
        held.socket.settimeout(0.2)
        self.assertRaises(TimeoutError, held.next)
        held.socket.settimeout(DEADLINE_S)
        readers[0].send(frame(frames.BODY, b"b"), frame(frames.END))
        self.assertEqual(readers[0].answer()[1], b"b")
        held.expect(frames.READY)
        self.assertEqual(held.get("/")[1], b"True")

    def test_an_aborted_request_keeps_its_thread_and_its_successor_ungreeted(self):
        aborted = self.ask("/gate")
        self.threaded.zygote.wait_log("waits at the gate")
        other = self.edge(self.threaded)
        aborted.close()
        successor = self.edge(self.threaded, greeted=False)
        self.assertEqual(other.get("/")[1], b"True")
        self.assertEqual(other.get("/open")[1], b"True")
        successor.expect(frames.READY)
        self.assertEqual(successor.get("/")[1], b"True")

    def test_an_app_that_exits_fails_its_request_alone(self):
        edge = self.ask("/exit")
        edge.expect(frames.FAIL, frames.READY)
        self.assertEqual(edge.get("/")[1], b"True")

    def test_a_drain_lets_every_thread_finish(self):
        busy = self.ask("/gate")
        self.threaded.zygote.wait_log("waits at the gate")
        last, idle = self.edge(self.threaded), self.edge(self.threaded)
        self.threaded.control.send({"type": "drain", "deadlineMs": 30_000})
        self.assertEqual(self.threaded.control.next(), {"type": "draining"})
        idle.expect(frames.GOAWAY)
        last.expect(frames.GOAWAY)
        # One that crossed the GOAWAY.
        last.send(frame(frames.REQUEST, block(path="/open")))
        self.assertEqual(last.answer(ready=False)[1], b"True")
        self.assertEqual(busy.answer(ready=False)[1], b"True")
        busy.expect(frames.GOAWAY)
        for edge in (busy, last, idle):
            edge.close()
        self.assertEqual(self.exit_of(self.threaded)["code"], 0)

    def test_the_deadline_says_where_each_thread_is(self):
        self.ask("/gate")
        self.threaded.zygote.wait_log("waits at the gate")
        self.threaded.control.send({"type": "drain", "deadlineMs": 100})
        self.assertEqual(self.exit_of(self.threaded)["code"], 1)
        self.assertIn("in inner", self.threaded.zygote.log())


if __name__ == "__main__":
    unittest.main()
