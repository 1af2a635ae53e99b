"""Where a worker is, whatever it is stuck in; and whether its loop turns."""

import os
import socket

from .harness import WorkerTest, block, eventually, frame, frames

WSGI = """
    import ctypes, threading, time

    def held():
        # Through PyDLL the GIL stays with the caller.
        ctypes.PyDLL(None).sleep(60)

    def waits():
        threading.Event().wait(60)

    def app(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/held":
            held()
        elif path == "/waits":
            waits()
        elif path == "/streams":
            return streams(start_response)
        start_response("200 OK", [])
        return [b"ok"]

    def streams(start_response):
        start_response("200 OK", [])
        while True:
            time.sleep(0.05)
            yield b"more"
"""

ASGI = """
    import asyncio, time

    async def query():
        await asyncio.sleep(60)

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        if scope["path"] == "/blocks":
            time.sleep(60)
        await query()
"""


class _Asking(WorkerTest):
    def stacks(self, worker, *texts):
        """What the worker has written when it was asked until all of `texts` is in it: it writes line by line."""

        def ask():
            os.kill(worker.pid, worker.hello["stacksSignal"])
            with open(worker.path + ".stacks", encoding="utf-8") as file:
                written = file.read()
            return written if all(text in written for text in texts) else None

        return eventually(f"{texts!r} in the stacks", ask)

    def begin(self, worker, path):
        self.edge(worker).send(frame(frames.REQUEST, block(path=path)))


class StacksTest(_Asking):
    def test_a_c_call_that_holds_the_gil(self):
        worker = self.worker(WSGI)
        self.begin(worker, "/held")
        self.stacks(worker, "site_app.py", " in held\n", " in app\n")

    def test_threads_have_their_names(self):
        worker = self.worker(WSGI, model={"worker": "threads", "concurrency": 2})
        self.begin(worker, "/waits")
        self.stacks(worker, " in waits\n", "is 'request-1'", "is 'MainThread'")

    def test_requests_and_tasks_of_an_event_loop(self):
        worker = self.worker(ASGI, model={"kind": "asgi", "concurrency": 100})
        self.begin(worker, "/waits")
        self.stacks(worker, "Request GET /waits (most recent call last):\n  File ", " in query\n", " in sleep\n")

    def test_greenlets(self):
        model = {"worker": "gevent", "concurrency": 100}
        worker = self.worker(WSGI, preload=False, model=model)
        self.begin(worker, "/waits")
        self.stacks(worker, " in waits\n")

    def test_a_child_of_the_app_does_not_answer(self):
        worker = self.worker(
            """
            import os, signal

            def app(environ, start_response):
                told, tell = os.pipe()
                pid = os.fork()
                if pid == 0:
                    os.write(tell, b"x")
                    signal.pause()
                os.read(told, 1)
                start_response("200 OK", [])
                return [str(pid).encode()]
            """
        )
        _, body = self.edge(worker).get("/")
        os.kill(int(body), worker.hello["stacksSignal"])
        eventually("the child to die of it", lambda: is_zombie(int(body)))
        self.assertEqual(os.path.getsize(worker.path + ".stacks"), 0)


class PingTest(_Asking):
    def pong(self, worker):
        worker.control.send({"type": "ping"})
        self.assertEqual(worker.control.next(), {"type": "pong"})

    def test_each_loop_answers(self):
        models = [{}, {"worker": "threads", "concurrency": 2}]
        for model in models:
            with self.subTest(model):
                self.pong(self.worker(WSGI, model=model))
        self.pong(self.worker(ASGI, model={"kind": "asgi", "concurrency": 100}))

    def test_a_sync_worker_answers_within_a_long_answer(self):
        worker = self.worker(WSGI)
        edge = self.edge(worker)
        edge.send(frame(frames.REQUEST, block(path="/streams")))
        edge.expect(frames.HEAD, frames.BODY)
        self.pong(worker)

    def test_a_loop_that_does_not_turn_is_silent(self):
        worker = self.worker(ASGI, model={"kind": "asgi", "concurrency": 100})
        self.begin(worker, "/blocks")
        self.stacks(worker, " in app\n")
        worker.control.send({"type": "ping"})
        worker.control.socket.settimeout(1)
        with self.assertRaises(socket.timeout):
            worker.control.next()


def is_zombie(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "Z"
