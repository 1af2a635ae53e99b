"""A worker's last steps: what interpreter exit does for an app is done, though memory is not taken apart."""

import gzip
import os
import unittest

from stack_worker import frames

from .harness import WorkerTest, block, eventually, frame

APP = """
    import atexit, gzip, logging, logging.handlers, multiprocessing, os, tempfile, threading, time, weakref

    folder = os.path.dirname(__file__)

    def note(name, text="done"):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)

    class Thing:
        pass

    thing = Thing()
    early = open(os.path.join(folder, "early"), "w")
    atexit.register(lambda: note(f"atexit-{os.getpid()}"))
    weakref.finalize(thing, lambda: note(f"finalize-{os.getpid()}"))

    def last_words():
        while not os.path.exists(os.path.join(folder, "go")):
            time.sleep(0.005)
        note("thread")

    def app(environ, start_response):
        global late, packed, temporary, child
        early.write("early")
        late = open(os.path.join(folder, "late"), "wb")
        late.write(b"late")
        packed = gzip.open(os.path.join(folder, "packed"), "wt")
        packed.write("packed")
        temporary = tempfile.NamedTemporaryFile(dir=folder, prefix="temporary")
        file = logging.FileHandler(os.path.join(folder, "log"))
        logging.getLogger().addHandler(logging.handlers.MemoryHandler(100, target=file))
        logging.warning("logged")
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True)
        child.start()
        threading.Thread(target=last_words).start()
        print("no line end", end="")
        start_response("200 OK", [])
        return [str(child.pid).encode()]
"""

SPEAKS_IN_A_PROXY = """
    class Proxy:
        __slots__ = ()
        @property
        def __class__(self):
            raise RuntimeError("asked outside of a request")

    proxy = Proxy()

    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"served"]
"""

EXITS_IN_A_TASK = """
    import asyncio, sys

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError

        async def leave():
            sys.exit(9)

        asyncio.get_running_loop().create_task(leave())
        await asyncio.Event().wait()
"""


class Leaving(WorkerTest):
    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def test_nothing_is_lost(self):
        worker = self.worker(APP)
        edge = self.edge(worker)
        child = int(edge.get()[1])
        self.assertTrue([name for name in os.listdir(self.folder) if name.startswith("temporary")])
        worker.control.send({"type": "drain", "deadlineMs": 30_000})
        edge.close()
        self.assertEqual(worker.control.next(), {"type": "draining"})
        self.write("go", "")

        gone = self.exit_of(worker)

        self.assertEqual((gone["code"], gone["signal"]), (0, None), worker.zygote.log())
        for name in ("thread", f"atexit-{worker.pid}", f"finalize-{worker.pid}"):
            self.assertEqual(self.read(name), "done")
        self.assertEqual(self.read("early"), "early")
        self.assertEqual(self.read("late"), "late")
        with gzip.open(os.path.join(self.folder, "packed"), "rt") as file:
            self.assertEqual(file.read(), "packed")
        self.assertEqual(self.read("log"), "logged\n")
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith("temporary")])
        self.assertIn("no line end", worker.zygote.log())
        eventually("the child to end", lambda: not os.path.exists(f"/proc/{child}"))

    def test_the_zygote_runs_what_was_registered_with_it(self):
        worker = self.worker(APP)
        zygote = worker.zygote
        worker.control.close()
        self.exit_of(worker)
        zygote.lines.close()
        self.assertEqual(zygote.process.wait(30), 0)
        self.assertEqual(self.read(f"atexit-{zygote.process.pid}"), "done")

    def test_no_proxy_of_the_app_is_asked_what_it_is(self):
        worker = self.worker(SPEAKS_IN_A_PROXY)
        edge = self.edge(worker)
        self.assertEqual(edge.get()[1], b"served")
        edge.close()
        worker.control.send({"type": "drain", "deadlineMs": 30_000})
        self.assertEqual(self.exit_of(worker)["code"], 0, worker.zygote.log())

    def test_the_exit_code_of_an_app_that_leaves_is_told(self):
        worker = self.worker(EXITS_IN_A_TASK, model={"kind": "asgi", "concurrency": 10})
        edge = self.edge(worker)
        edge.send(frame(frames.REQUEST, block()))

        gone = self.exit_of(worker)

        self.assertEqual((gone["code"], gone["signal"]), (9, None), worker.zygote.log())
        edge.close()


if __name__ == "__main__":
    unittest.main()
