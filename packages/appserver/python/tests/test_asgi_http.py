"""ASGI requests: the scope, streaming both ways, windows, disconnects, what fails."""

import json
import os
import signal
import unittest

from stack_worker import frames

from .harness import SharedWorkerTest, WorkerTest, block, frame

APP = """
    import asyncio, json, os

    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            scope["state"]["shared"] = ["one"]
            await send({"type": "lifespan.startup.complete"})
            assert (await receive())["type"] == "lifespan.shutdown"
            print("shut down", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        await globals()[scope["path"].strip("/").split("/")[-1]](scope, receive, send)

    async def answer(send, body, headers=(), status=200):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def hello(scope, receive, send):
        await answer(send, b"Hello", [(b"Content-Type", b"text/plain")])

    async def scope(scope, receive, send):
        shown = {key: value for key, value in scope.items()}
        scope["state"]["mine"] = scope["state"].get("mine", 0) + 1
        text = json.dumps(shown, default=lambda b: b.decode("latin-1"))
        await answer(send, text.encode())

    async def echo(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})
            if not more:
                return

    async def large(scope, receive, send):
        size = int(scope["query_string"])
        await answer(send, b"x" * size)

    async def late(scope, receive, send):
        await answer(send, b"early")
        await asyncio.sleep(0.2)
        print("background done", flush=True)

    async def wait(scope, receive, send):
        message = await receive()
        message = await receive()
        seen.append(message["type"])
        print("saw", message["type"], flush=True)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        except OSError as error:
            print("ended by", type(error).__name__, flush=True)
            raise

    async def slow(scope, receive, send):
        await asyncio.sleep(0.5)
        await answer(send, b"slow")

    async def held(scope, receive, send):
        print("is held", flush=True)
        while not os.path.exists(scope["query_string"].decode()):
            await asyncio.sleep(0.005)
        await answer(send, b"held")

    async def raises(scope, receive, send):
        raise ValueError("a fault of the app")

    async def raises_late(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("a late fault")

    async def silent(scope, receive, send):
        pass

    async def hints(scope, receive, send):
        await send({"type": "http.response.early_hint", "links": [b"</s.css>; rel=preload"]})
        await answer(send, b"hinted")

    async def file(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": scope["query_string"].decode()})

    async def headers(scope, receive, send):
        await answer(send, b"", [(b"Connection", b"close"), (b"transfer-encoding", b"chunked"),
                                 (b"x-a", b"1"), (b"X-A", b"2")], 201)

    async def bad_header(scope, receive, send):
        await answer(send, b"", [(b"x-a", b"1\\r\\nx-b: 2")])

    async def short(scope, receive, send):
        await answer(send, b"abc", [(b"content-length", b"5")])

    async def long(scope, receive, send):
        await answer(send, b"abcdef", [(b"content-length", b"3")])

    async def no_body(scope, receive, send):
        await answer(send, b"", [], 204)
"""


class AsgiTest(SharedWorkerTest):
    source = APP
    options = {"model": {"kind": "asgi"}}

    def setUp(self):
        super().setUp()
        self.asgi = self.shared

    def get(self, path, **extra):
        return self.edge(self.asgi).get(path, **extra)


class Requests(AsgiTest):
    def test_a_short_answer_is_one_write_with_its_length(self):
        head, body = self.get("/hello")
        self.assertEqual(head, "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n")
        self.assertEqual(body, b"Hello")

    def test_the_scope_is_what_the_block_says(self):
        extra = {
            "HTTP_X_A_B": "c",
            "CONTENT_TYPE": "text/x",
            "SCRIPT_NAME": "/mounted",
            "PATH_INFO": "/caf\xc3\xa9/scope",
            "REQUEST_URI": "/mounted/caf%C3%A9/scope?a=b",
            "QUERY_STRING": "a=b",
            "wsgi.url_scheme": "https",
        }
        _, body = self.get("/", **extra)
        scope = json.loads(body)
        self.assertEqual(scope["path"], "/mounted/café/scope")
        self.assertEqual(scope["root_path"], "/mounted")
        self.assertEqual(scope["raw_path"], "/mounted/caf%C3%A9/scope")
        self.assertEqual(scope["query_string"], "a=b")
        self.assertEqual(scope["scheme"], "https")
        self.assertEqual(scope["http_version"], "1.1")
        self.assertEqual(scope["client"], ["127.0.0.1", 40000])
        self.assertEqual(scope["server"], ["localhost", 80])
        self.assertEqual(
            scope["headers"], [["host", "localhost"], ["x-a-b", "c"], ["content-type", "text/x"]]
        )
        self.assertEqual(scope["asgi"], {"version": "3.0", "spec_version": "2.4"})

    def test_state_of_lifespan_is_copied_for_each_request(self):
        edge = self.edge(self.asgi)
        for _ in range(2):
            _, body = edge.get("/scope")
            self.assertEqual(json.loads(body)["state"], {"shared": ["one"], "mine": 1})

    def test_bodies_stream_both_ways(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST_BODY, block("POST", "/echo")))
        edge.send(frame(frames.BODY, b"one"))
        self.assertEqual(edge.expect(frames.HEAD, frames.BODY), b"one")
        edge.send(frame(frames.BODY, b"two"))
        self.assertEqual(edge.expect(frames.BODY), b"two")
        edge.send(frame(frames.END))
        edge.expect(frames.END, frames.READY)

    def test_a_large_body_is_granted_as_it_is_read(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST_BODY, block("POST", "/echo")))
        got = granted = sent = 0
        while got < 4 * frames.INITIAL_WINDOW:
            if sent < min(frames.INITIAL_WINDOW + granted, 4 * frames.INITIAL_WINDOW):
                edge.send(frame(frames.BODY, b"b" * 65536))
                sent += 65536
            kind, payload = edge.next()
            if kind == frames.WINDOW:
                granted += frames.WORD.unpack(payload)[0]
            elif kind == frames.BODY:
                got += len(payload)
                edge.send(frames.window_frame(len(payload)))
        edge.send(frame(frames.END))
        self.assertGreaterEqual(granted, 3 * frames.INITIAL_WINDOW)

    def test_an_answer_waits_for_its_window(self):
        edge = self.edge(self.asgi)
        size = frames.INITIAL_WINDOW + 100_000
        edge.send(frame(frames.REQUEST, block(path="/large", query=str(size))))
        edge.expect(frames.HEAD)
        got = 0
        while got < frames.INITIAL_WINDOW:
            got += len(edge.expect(frames.BODY))
        self.assertEqual(got, frames.INITIAL_WINDOW)
        # Another connection is served meanwhile.
        self.assertEqual(self.get("/hello")[1], b"Hello")
        edge.send(frames.window_frame(got))
        while got < size:
            got += len(edge.expect(frames.BODY))
        edge.expect(frames.END, frames.READY)

    def test_slow_requests_run_side_by_side(self):
        edges = [self.edge(self.asgi) for _ in range(20)]
        for edge in edges:
            edge.send(frame(frames.REQUEST, block(path="/slow")))
        for edge in edges:
            self.assertEqual(edge.answer()[1], b"slow")

    def test_the_app_may_go_on_after_its_answer(self):
        edge = self.edge(self.asgi)
        self.assertEqual(edge.get("/late")[1], b"early")
        self.assertEqual(edge.get("/hello")[1], b"Hello")
        self.asgi.zygote.wait_log("background done")

    def test_a_body_that_nobody_read_is_dropped_before_ready(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST_BODY, block("POST", "/hello")))
        self.assertEqual(edge.answer(ready=False)[1], b"Hello")
        edge.send(frame(frames.BODY, b"late"), frame(frames.END))
        edge.expect(frames.READY)
        self.assertEqual(edge.get("/hello")[1], b"Hello")

    def test_early_hints_and_files(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/hints")))
        self.assertEqual(
            edge.expect(frames.INFORM), b"103 Early Hints\r\nlink: </s.css>; rel=preload\r\n"
        )
        self.assertEqual(edge.answer()[1], b"hinted")
        path = self.write("big.bin", "0123456789" * 50_000)
        head, body = edge.get("/file", QUERY_STRING=path)
        self.assertEqual(head, "200 OK\r\nContent-Length: 500000\r\n")
        self.assertEqual(body, b"0123456789" * 50_000)

    def test_hop_by_hop_headers_are_the_edges(self):
        head, _ = self.get("/headers")
        self.assertEqual(head, "201 Created\r\nx-a: 1\r\nX-A: 2\r\nContent-Length: 0\r\n")

    def test_head_and_204_have_no_body(self):
        edge = self.edge(self.asgi)
        head, body = edge.get("/hello", REQUEST_METHOD="HEAD")
        self.assertEqual(body, b"")
        head, body = edge.get("/no_body")
        self.assertEqual((head, body), ("204 No Content\r\n", b""))


class Faults(AsgiTest):
    def fails(self, path, text):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path=path)))
        edge.expect(frames.FAIL, frames.READY)
        self.asgi.zygote.wait_log(text)
        self.assertEqual(edge.get("/hello")[1], b"Hello")

    def test_an_exception_before_the_answer_fails_the_request(self):
        self.fails("/raises", "a fault of the app")
        self.assertIn("Error in GET /raises\n", self.log())
        self.assertNotIn("stack_worker", self.log())

    def test_no_answer_at_all_fails_the_request(self):
        self.fails("/silent", "without having sent http.response.start")

    def test_a_header_that_would_be_two_fails_the_request(self):
        self.fails("/bad_header", "control character")

    def test_a_body_shorter_than_announced_fails_the_request(self):
        self.fails("/short", "Content-Length is 5, the body has 3 bytes")

    def test_a_body_longer_than_announced_is_cut(self):
        self.assertEqual(self.get("/long")[1], b"abc")
        self.asgi.zygote.wait_log("cut there")

    def test_an_exception_within_the_answer_ends_the_connection(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/raises_late")))
        edge.expect(frames.HEAD, frames.BODY)
        self.assertIsNone(edge.next())
        self.asgi.zygote.wait_log("a late fault")

    def test_a_client_that_leaves_is_told_to_receive(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/wait")))
        edge.close()
        self.asgi.zygote.wait_log("saw http.disconnect")
        self.assertEqual(self.get("/hello")[1], b"Hello")

    def test_send_raises_oserror_once_the_client_has_left_and_nothing_is_logged(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/endless")))
        edge.expect(frames.HEAD, frames.BODY)
        edge.close()
        self.asgi.zygote.wait_log("ended by ClientGone")
        self.assertEqual(self.get("/hello")[1], b"Hello")
        self.assertNotIn("Error in", self.log())


class Drains(WorkerTest):
    def setUp(self):
        super().setUp()
        self.asgi = self.worker(APP, model={"kind": "asgi"})

    def test_a_drain_lets_requests_end_and_runs_the_shutdown(self):
        busy, idle = self.edge(self.asgi), self.edge(self.asgi)
        busy.send(frame(frames.REQUEST, block(path="/held", query=self.folder + "/go")))
        self.asgi.zygote.wait_log("is held")
        self.asgi.control.send({"type": "drain", "deadlineMs": 30_000})
        self.assertEqual(self.asgi.control.next(), {"type": "draining"})
        idle.expect(frames.GOAWAY)
        self.write("go", "")
        self.assertEqual(busy.answer(ready=False)[1], b"held")
        busy.expect(frames.GOAWAY)
        idle.close()
        busy.close()
        self.asgi.zygote.wait_log("shut down")
        exited = self.exit_of(self.asgi)
        self.assertEqual((exited["code"], exited["signal"]), (0, None))
        self.assertFalse(os.path.exists(self.asgi.path))

    def test_term_and_a_lost_arbiter_are_a_drain(self):
        other = self.asgi.zygote.fork()
        self.assertEqual(other.first, {"type": "ready"})
        os.kill(self.asgi.pid, signal.SIGTERM)
        other.control.close()
        codes = sorted(self.exit_of(worker)["code"] for worker in (self.asgi, other))
        self.assertEqual(codes, [0, 0])

    def test_the_deadline_ends_a_request_that_does_not(self):
        edge = self.edge(self.asgi)
        edge.send(frame(frames.REQUEST, block(path="/endless")))
        edge.expect(frames.HEAD)
        self.asgi.control.send({"type": "drain", "deadlineMs": 100})
        self.assertEqual(self.exit_of(self.asgi)["code"], 1)


class Startup(WorkerTest):
    def first(self, source, **options):
        self.write("site_app.py", source)
        zygote = self.zygote("site_app:app", model={"kind": "asgi"}, **options)
        imported = zygote.lines.next()
        if imported["type"] != "imported":
            return zygote, imported
        worker = zygote.fork()
        self.addCleanup(self.end, worker)
        return zygote, worker.first

    def test_a_failed_startup_is_told_in_the_apps_own_words(self):
        source = """
            async def app(scope, receive, send):
                await receive()
                await send({"type": "lifespan.startup.failed", "message": "no database"})
        """
        _, first = self.first(source)
        self.assertEqual(first, {"type": "startup-failed", "message": "no database"})

    def test_an_exception_in_the_startup_is_a_failure(self):
        source = """
            async def app(scope, receive, send):
                await receive()
                raise OSError("no cache")
        """
        _, first = self.first(source)
        self.assertEqual(first["type"], "startup-failed")
        self.assertIn("OSError: no cache", first["message"])

    def test_an_app_that_refuses_lifespan_takes_no_part_in_it(self):
        source = """
            async def app(scope, receive, send):
                assert scope["type"] == "http"
        """
        self.assertEqual(self.first(source)[1], {"type": "ready"})

    def test_without_preload_the_import_runs_within_the_loop(self):
        source = """
            import asyncio
            asyncio.get_running_loop()
            async def app(scope, receive, send):
                pass
        """
        self.assertEqual(self.first(source, preload=False)[1], {"type": "ready"})

    def test_a_wsgi_app_is_refused(self):
        source = """
            from flask import Flask
            app = Flask(__name__)
        """
        _, first = self.first(source)
        self.assertEqual((first["type"], first["kind"]), ("import-failed", "other-kind"))
        self.assertEqual(first["found"], ["wsgi"])


if __name__ == "__main__":
    unittest.main()
