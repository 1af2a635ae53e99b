"""`hooks`: which function is called when, and what becomes of one that raises."""

import os

from stack_worker import frames

from .harness import WorkerTest, block, frame

HOOKS = """
    import os
    import sys

    def on_boot():
        print("on_boot, app there:", "site_app" in sys.modules, flush=True)

    def post_fork(worker):
        print("post_fork", worker.id, worker.pid == os.getpid(), flush=True)

    def worker_exit(worker):
        print("worker_exit", worker.id, flush=True)

    def pre_request(worker, environ):
        if environ["PATH_INFO"] == "/refused":
            raise PermissionError("not with me")
        print("pre_request", environ["PATH_INFO"], flush=True)

    def post_request(worker, environ, status):
        print("post_request", environ["PATH_INFO"], status, flush=True)
        if environ["PATH_INFO"] == "/after":
            raise KeyError("after the answer")
"""

APP = """
    print("app is imported", flush=True)

    def app(environ, start_response):
        start_response("201 Created", [("Content-Length", "2")])
        return [b"ok"]
"""

ASGI_APP = """
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
"""

ASGI_HOOKS = """
    def pre_request(worker, scope):
        if scope["path"] == "/refused":
            raise PermissionError("not with me")
        print("pre_request", scope["path"], flush=True)

    def post_request(worker, scope, status):
        print("post_request", scope["path"], status, flush=True)
"""


class HooksTest(WorkerTest):
    def hooked(self, hooks, app=APP, **model):
        path = self.write("hooks.py", hooks)
        preload = model.pop("preload", True)
        return self.worker(app, preload=preload, model={"hooks": path, **model})

    def refuse(self, edge):
        edge.send(frame(frames.REQUEST, block(path="/refused")))
        edge.expect(frames.FAIL, frames.READY)

    def order(self, log, *texts):
        places = [log.find(text) for text in texts]
        self.assertNotIn(-1, places, f"{texts}\n{log}")
        self.assertEqual(places, sorted(places), log)

    def test_each_is_called_in_its_turn(self):
        worker = self.hooked(HOOKS)
        edge = self.edge(worker)
        head, body = edge.get("/a")
        self.assertEqual((head.split("\n")[0][:3], body), ("201", b"ok"))
        worker.zygote.wait_log("post_request /a 201")
        edge.close()
        worker.control.send({"type": "drain", "deadlineMs": 30_000})
        log = worker.zygote.wait_log("worker_exit")
        self.order(
            log,
            "on_boot, app there: False",
            "app is imported",
            f"post_fork {worker.id} True",
            "pre_request /a",
            "post_request /a 201",
            f"worker_exit {worker.id}",
        )
        self.assertEqual(log.count("on_boot"), 1)

    def test_without_preload_a_worker_calls_them_before_it_imports(self):
        worker = self.hooked(HOOKS, preload=False)
        log = worker.zygote.wait_log("app is imported")
        self.order(log, "on_boot", "post_fork", "app is imported")

    def test_pre_request_that_raises_fails_its_request_alone(self):
        worker = self.hooked(HOOKS)
        edge = self.edge(worker)
        self.refuse(edge)
        worker.zygote.wait_log("PermissionError: not with me")
        self.assertTrue(edge.get("/b")[0].startswith("201"))

    def test_post_request_that_raises_is_logged_and_changes_nothing(self):
        worker = self.hooked(HOOKS)
        edge = self.edge(worker)
        self.assertTrue(edge.get("/after")[0].startswith("201"))
        worker.zygote.wait_log("post_request of the hooks raised an error")
        self.assertTrue(edge.get("/b")[0].startswith("201"))

    def test_asgi_gets_its_scope(self):
        worker = self.hooked(ASGI_HOOKS, ASGI_APP, kind="asgi", concurrency=10)
        edge = self.edge(worker)
        self.assertTrue(edge.get("/a")[0].startswith("202"))
        self.order(worker.zygote.wait_log("post_request /a 202"), "pre_request /a", "post_request /a 202")
        self.refuse(edge)
        worker.zygote.wait_log("PermissionError: not with me")

    def refused(self, hooks, **model):
        self.write("site_app.py", APP)
        path = self.write("hooks.py", hooks) if hooks is not None else os.path.join(self.folder, "none.py")
        zygote = self.zygote(model={"hooks": path, **model})
        return zygote.lines.next(), path

    def test_a_boot_hook_that_raises_stops_the_boot(self):
        failure, path = self.refused("def on_boot():\n    raise RuntimeError('no licence')\n")
        self.assertEqual(failure["type"], "import-failed")
        self.assertEqual((failure["kind"], failure["key"], failure["target"]), ("error", "hooks", f"{path}:on_boot"))
        self.assertIn("RuntimeError: no licence", failure["traceback"])

    def test_so_does_a_file_that_is_not_there_or_cannot_be_read(self):
        failure, path = self.refused(None)
        self.assertEqual((failure["key"], failure["target"]), ("hooks", path))
        self.assertIn("there is no file", failure["traceback"])
        failure, _ = self.refused("def on_boot(:\n")
        self.assertIn("SyntaxError", failure["traceback"])

    def test_post_fork_that_raises_stops_its_worker(self):
        self.write("site_app.py", APP)
        path = self.write("hooks.py", "def post_fork(worker):\n    raise RuntimeError('no database')\n")
        zygote = self.zygote(model={"hooks": path})
        self.assertEqual(zygote.lines.next()["type"], "imported")
        worker = zygote.fork()
        self.assertEqual((worker.first["type"], worker.first["key"]), ("import-failed", "hooks"))
        self.assertIn("no database", worker.first["traceback"])

    def test_nothing_of_it_is_loaded_where_there_are_none(self):
        worker = self.worker(
            """
            import sys

            def app(environ, start_response):
                start_response("200 OK", [])
                return [repr("stack_worker.hooks" in sys.modules).encode()]
            """
        )
        self.assertEqual(self.edge(worker).get("/")[1], b"False")
