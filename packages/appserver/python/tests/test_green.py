"""gevent and eventlet workers: patched before the import, many requests at once, drains."""

import importlib.util
import os
import signal
import subprocess
import sys
import unittest

from stack_worker import frames

from .harness import SharedWorkerTest, WorkerTest, block, frame

APP = """
    import socket, threading, time
    from wsgiref.validate import validator

    PATCHED = socket.socket.__module__ + " " + time.sleep.__module__
    gate = threading.Event()

    def inner(environ, start_response):
        path = environ["PATH_INFO"]
        headers = [("Content-Type", "text/plain")]
        if path == "/slow":
            time.sleep(0.5)
        elif path == "/gate":
            print("waits at the gate", flush=True)
            gate.wait(60)
        elif path == "/open":
            gate.set()
        elif path == "/echo":
            body = environ["wsgi.input"].read(1 << 22)
            start_response("200 OK", headers)
            return iter([body])
        start_response("200 OK", headers)
        if path == "/stream":
            return iter([b"pie", b"ces"])
        return [f"{PATCHED} {environ['wsgi.multithread']}".encode()]

    app = validator(inner)
"""


class GreenTests:
    library = ""

    source = APP

    @classmethod
    def setUpClass(cls):
        if importlib.util.find_spec(cls.library) is None:
            raise unittest.SkipTest(f"{cls.library} is not installed")
        model = {"kind": "wsgi", "worker": cls.library, "concurrency": 100}
        # Without it eventlet imports a DNS library of its own, in every worker.
        env = {"EVENTLET_NO_GREENDNS": "yes"}
        cls.options = {"preload": False, "model": model, "env": env}
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.green = self.shared

    def ask(self, path):
        edge = self.edge(self.green)
        edge.send(frame(frames.REQUEST, block(path=path)))
        return edge

    def test_the_library_was_patched_in_before_the_import(self):
        body = self.edge(self.green).get("/")[1].decode()
        sockets, sleep, multithread = body.split()
        self.assertTrue(sockets.startswith(self.library), body)
        self.assertTrue(sleep.startswith(self.library), body)
        self.assertEqual(multithread, "True")

    def test_a_hundred_slow_requests_run_side_by_side(self):
        edges = [self.ask("/slow") for _ in range(100)]
        for edge in edges:
            self.assertTrue(edge.answer()[1])

    def test_bodies_stream_both_ways(self):
        edge = self.edge(self.green)
        body = b"b" * 65536
        edge.send(frame(frames.REQUEST_BODY, block("POST", "/echo")))
        for _ in range(3):
            edge.send(frame(frames.BODY, body))
        edge.send(frame(frames.END))
        self.assertEqual(edge.answer()[1], body * 3)
        self.assertEqual(edge.get("/stream")[1], b"pieces")

    def test_a_drain_lets_requests_end(self):
        self.green = self.worker(APP, **self.options)
        busy, idle = self.ask("/gate"), self.edge(self.green)
        self.green.zygote.wait_log("waits at the gate")
        self.green.control.send({"type": "drain", "deadlineMs": 30_000})
        self.assertEqual(self.green.control.next(), {"type": "draining"})
        idle.expect(frames.GOAWAY)
        # One that crossed the GOAWAY.
        idle.send(frame(frames.REQUEST, block(path="/open")))
        self.assertTrue(idle.answer(ready=False)[1])
        self.assertTrue(busy.answer(ready=False)[1])
        busy.expect(frames.GOAWAY)
        for edge in (busy, idle):
            edge.close()
        self.assertEqual(self.exit_of(self.green)["code"], 0)

    def test_term_is_a_drain(self):
        self.green = self.worker(APP, **self.options)
        os.kill(self.green.pid, signal.SIGTERM)
        self.assertEqual(self.exit_of(self.green)["code"], 0)

    def test_the_deadline_ends_what_does_not(self):
        self.green = self.worker(APP, **self.options)
        self.ask("/gate")
        self.green.zygote.wait_log("waits at the gate")
        self.green.control.send({"type": "drain", "deadlineMs": 100})
        self.assertEqual(self.exit_of(self.green)["code"], 1)


class Gevent(GreenTests, SharedWorkerTest):
    library = "gevent"

    def test_a_lost_arbiter_is_a_drain(self):
        worker = self.worker(APP, **self.options)
        worker.control.close()
        self.assertEqual(self.exit_of(worker)["code"], 0)


class Eventlet(GreenTests, SharedWorkerTest):
    library = "eventlet"


class Missing(WorkerTest):
    def test_a_missing_library_is_told_before_any_worker_starts(self):
        self.write("site_app.py", APP)
        zygote = self.zygote(preload=False, model={"worker": "gevent"}, python=self.bare())
        facts = zygote.lines.next()
        self.assertEqual((facts["kind"], facts["module"]), ("library-missing", "gevent"))

    def bare(self):
        """A Python without what Debian has installed."""
        folder = os.path.join(self.folder, "venv")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        return os.path.join(folder, "bin", "python")


if __name__ == "__main__":
    unittest.main()
