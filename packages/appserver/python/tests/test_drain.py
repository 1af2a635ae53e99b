"""The end of a worker: drained by the arbiter, by TERM, by the arbiter's death, or cut at the deadline."""

import os
import signal
import unittest

from stack_worker import frames

from .harness import Edge, WorkerTest, block, eventually, frame

APP = """
    import atexit, os, threading, time

    atexit.register(lambda: print("atexit ran"))
    forever = threading.Event()

    def app(environ, start_response):
        path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
        if path == "/wait":
            print("waiting")
            while not os.path.exists(query):
                time.sleep(0.005)
        if path == "/stuck":
            print("stuck")
            forever.wait()
        if path == "/thread":
            threading.Thread(target=forever.wait).start()
        start_response("200 OK", [])
        return [path.encode()]
"""


class Drain(WorkerTest):
    def setUp(self):
        super().setUp()
        self.instance = self.worker(APP)
        self.zygote_lines = self.instance.zygote.lines
        self.zygote_lines.next()  # forked

    def drain(self, deadline_ms=30_000):
        self.instance.control.send({"type": "drain", "deadlineMs": deadline_ms})

    def exited(self):
        message = self.zygote_lines.next()
        self.assertEqual(message["type"], "exited", self.instance.zygote.log())
        return message["code"], message["signal"]

    def test_an_idle_worker_says_goaway_and_exits_when_the_edges_close(self):
        edges = [self.edge(self.instance) for _ in range(3)]
        self.drain()
        self.assertEqual(self.instance.control.next(), {"type": "draining"})
        for edge in edges:
            edge.expect(frames.GOAWAY)
        self.assertFalse(os.path.exists(self.instance.path))
        with self.assertRaises(OSError):
            Edge(self.instance.path)
        for edge in edges:
            edge.close()
        self.assertEqual(self.exited(), (0, None))
        self.assertIn("atexit ran", self.instance.zygote.log())
        self.assertIsNone(self.instance.control.next())

    def test_a_worker_without_connections_exits_at_once(self):
        self.drain()
        self.assertEqual(self.exited(), (0, None))

    def test_the_running_request_and_one_that_crossed_are_served(self):
        busy, crossing = self.edge(self.instance), self.edge(self.instance)
        go = self.folder + "/go"
        busy.send(frame(frames.REQUEST, block(path="/wait", query=go)))
        self.instance.zygote.wait_log("waiting")
        self.drain()
        crossing.send(frame(frames.REQUEST, block(path="/crossed")))
        self.write("go", "")
        self.assertEqual(busy.answer(ready=False)[1], b"/wait")
        busy.expect(frames.GOAWAY)
        busy.close()
        got = [crossing.next(), crossing.next(), crossing.next(), crossing.next()]
        # GOAWAY is said before or after the answer, but once, and there is no READY.
        kinds = [kind for kind, _ in got]
        self.assertEqual(sorted(kinds), sorted([frames.HEAD, frames.BODY, frames.END, frames.GOAWAY]))
        crossing.close()
        self.assertEqual(self.exited(), (0, None))

    def test_a_request_that_crosses_goaway_is_served(self):
        edge = self.edge(self.instance)
        self.drain()
        edge.expect(frames.GOAWAY)
        edge.send(frame(frames.REQUEST, block(path="/crossed")))
        self.assertEqual(edge.answer(ready=False)[1], b"/crossed")
        edge.close()
        self.assertEqual(self.exited(), (0, None))

    def test_an_unread_body_is_still_dropped_in_a_drain(self):
        edge = self.edge(self.instance)
        edge.send(frame(frames.REQUEST_BODY, block(path="/x")))
        edge.answer(ready=False)
        self.drain()
        edge.expect(frames.GOAWAY)
        edge.send(frame(frames.BODY, b"x"), frame(frames.END))
        edge.close()
        self.assertEqual(self.exited(), (0, None))

    def test_the_end_of_the_arbiter_is_a_drain(self):
        edge = self.edge(self.instance)
        self.instance.control.close()
        edge.expect(frames.GOAWAY)
        edge.close()
        self.assertEqual(self.exited(), (0, None))

    def test_term_is_a_drain_and_int_is_nothing(self):
        edge = self.edge(self.instance)
        os.kill(self.instance.pid, signal.SIGINT)
        self.assertEqual(edge.get("/x")[1], b"/x")
        os.kill(self.instance.pid, signal.SIGTERM)
        edge.expect(frames.GOAWAY)
        self.assertEqual(self.instance.control.next(), {"type": "draining"})
        edge.close()
        self.assertEqual(self.exited(), (0, None))

    def test_the_deadline_ends_a_request_that_never_ends(self):
        edge = self.edge(self.instance)
        edge.send(frame(frames.REQUEST, block(path="/stuck")))
        self.instance.zygote.wait_log("stuck")
        self.drain(200)
        self.assertIsNone(edge.next())
        self.assertEqual(self.exited(), (1, None))
        # It says where it was.
        self.assertIn('site_app.py", line', self.instance.zygote.log())

    def test_the_deadline_ends_an_edge_that_does_not_close(self):
        edge = self.edge(self.instance)
        self.drain(200)
        edge.expect(frames.GOAWAY)
        self.assertIsNone(edge.next())
        self.assertEqual(self.exited(), (1, None))

    def test_the_deadline_ends_a_thread_that_never_ends(self):
        edge = self.edge(self.instance)
        edge.get("/thread")
        self.drain(300)
        edge.expect(frames.GOAWAY)
        edge.close()
        self.assertEqual(self.exited(), (1, None))

    def test_a_second_drain_brings_the_end_nearer(self):
        edge = self.edge(self.instance)
        edge.send(frame(frames.REQUEST, block(path="/stuck")))
        self.instance.zygote.wait_log("stuck")
        self.drain(60_000)
        self.drain(100)
        self.assertEqual(self.exited(), (1, None))

    def test_a_drain_during_a_request_is_noticed_before_it_ends(self):
        # The arbiter dies while the app is stuck: the deadline must run all the same.
        edge = self.edge(self.instance)
        edge.send(frame(frames.REQUEST, block(path="/stuck")))
        self.instance.zygote.wait_log("stuck")
        self.drain(150)
        self.instance.control.close()
        self.assertEqual(self.exited(), (1, None))


class Kill(WorkerTest):
    def test_kill_is_seen_by_the_edge_and_the_zygote(self):
        worker = self.worker(APP)
        lines = worker.zygote.lines
        lines.next()
        edge = self.edge(worker)
        worker.kill()
        self.assertIsNone(edge.next())
        self.assertEqual(
            lines.next(),
            {
                "type": "exited",
                "key": worker.hello["key"],
                "pid": worker.pid,
                "code": None,
                "signal": "SIGKILL",
            },
        )

    def test_the_death_of_the_zygote_ends_no_worker(self):
        worker = self.worker(APP)
        edge = self.edge(worker)
        worker.zygote.process.kill()
        worker.zygote.process.wait()
        self.assertEqual(edge.get("/x")[1], b"/x")
        worker.control.send({"type": "drain", "deadlineMs": 30_000})
        edge.expect(frames.GOAWAY)
        edge.close()
        eventually("the worker's end", lambda: not os.path.exists(f"/proc/{worker.pid}/fd/0"))


if __name__ == "__main__":
    unittest.main()
