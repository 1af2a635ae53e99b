"""One exchange after the other: heads, bodies, PEP 3333's rules."""

import os
import signal
import unittest

from stack_worker import frames

from .harness import WorkerTest, block, eventually, frame

HELLO = """
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"Hello\\n"]
"""

# Every route is one way of answering.
ROUTES = """
    import io, os, sys
    closed = []

    class Pieces:
        def __init__(self, *pieces):
            self.pieces = iter(pieces)
        def __iter__(self):
            return self
        def __next__(self):
            piece = next(self.pieces)
            if isinstance(piece, BaseException):
                raise piece
            return piece
        def close(self):
            closed.append("yes")

    def app(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/closed":
            start_response("200 OK", [])
            seen = ",".join(closed).encode()
            closed.clear()
            return [seen]
        return globals()[path[1:]](environ, start_response)

    def empty_list(environ, start):
        start("200 OK", []); return []
    def several(environ, start):
        start("200 OK", []); return [b"a", b"", b"bc"]
    def a_tuple(environ, start):
        start("200 OK", []); return (b"abc",)
    def own_length(environ, start):
        start("200 OK", [("Content-Length", "3")]); return [b"abc"]
    def pieces(environ, start):
        start("200 OK", []); return Pieces(b"", b"a", b"", b"b")
    def known_pieces(environ, start):
        start("200 OK", [("Content-Length", "3")]); return Pieces(b"a", b"bc")
    def generator(environ, start):
        yield b""
        start("201 Created", [("X", "late")])
        yield b""
        yield b"x"
    def lazy(environ, start):
        start("200 OK", [])
        yield b"only"
    def no_pieces(environ, start):
        start("200 OK", []); return Pieces()
    def written(environ, start):
        write = start("200 OK", []); write(b"a"); write(b""); write(b"b"); return [b"c"]
    def written_only(environ, start):
        write = start("200 OK", [("Content-Length", "2")]); write(b"ab"); return []
    def written_and_pieces(environ, start):
        write = start("200 OK", []); write(b"a"); return Pieces(b"b")
    def no_content(environ, start):
        start("204 No Content", []); return Pieces(b"must not be sent")
    def not_modified(environ, start):
        start("304 Not Modified", [("Content-Length", "10")]); return [b"0123456789"]
    def file(environ, start):
        start("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"f" * 150_000))
    def path_file(environ, start):
        start("200 OK", [("Content-Length", str(os.path.getsize(__file__)))])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"), 1000)
    def too_long(environ, start):
        start("200 OK", [("Content-Length", "3")]); return [b"abcdef"]
    def too_long_pieces(environ, start):
        start("200 OK", [("Content-Length", "3")]); return Pieces(b"ab", b"cd", b"ef")
    def endless(environ, start):
        start("200 OK", [("Content-Length", environ["QUERY_STRING"])])
        while True:
            yield b"abcd"
    def too_short(environ, start):
        start("200 OK", [("Content-Length", "3")]); return [b"ab"]
    def too_short_pieces(environ, start):
        start("200 OK", [("Content-Length", "3")]); return Pieces(b"ab")
    def too_short_written(environ, start):
        write = start("200 OK", [("Content-Length", "3")]); write(b"ab"); return []
    def raises(environ, start):
        raise KeyError("on purpose")
    def raises_after_start(environ, start):
        start("200 OK", []); raise KeyError("on purpose")
    def raises_first(environ, start):
        start("200 OK", []); return Pieces(KeyError("on purpose"))
    def raises_late(environ, start):
        start("200 OK", []); return Pieces(b"a", KeyError("on purpose"))
    def raises_in_close(environ, start):
        class Bad(Pieces):
            def close(self):
                raise KeyError("in close")
        start("200 OK", []); return Bad(b"whole")
    def exits(environ, start):
        sys.exit(3)
    def no_start(environ, start):
        return [b"x"]
    def no_start_empty(environ, start):
        return []
    def no_start_pieces(environ, start):
        return Pieces(b"x")
    def twice(environ, start):
        start("200 OK", []); start("200 OK", []); return [b"x"]
    def replaced(environ, start):
        start("200 OK", [("A", "b")])
        try:
            raise KeyError("gone")
        except KeyError:
            start("500 Sorry", [("C", "d")], sys.exc_info())
        return [b"sorry"]
    def too_late(environ, start):
        write = start("200 OK", [])
        write(b"half")
        try:
            raise KeyError("the first error")
        except KeyError:
            start("500 Sorry", [], sys.exc_info())
        return [b"never"]
    def is_str(environ, start):
        start("200 OK", []); return ["text"]
    def is_bytes(environ, start):
        start("200 OK", []); return b"text"
    def is_none(environ, start):
        start("200 OK", []); return None
    def split_header(environ, start):
        start("200 OK", [("A", environ["QUERY_STRING"] + "\\r\\nSet-Cookie: a=b")]); return [b""]
    def show(environ, start):
        start("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        keep = {k: v for k, v in environ.items() if isinstance(v, (str, bool, tuple))}
        return [repr(sorted(keep.items())).encode()]
    def remember_write(environ, start):
        globals()["old_write"] = start("200 OK", []); return [b"x"]
    def use_old_write(environ, start):
        start("200 OK", [])
        try:
            old_write(b"smuggled")
        except OSError as error:
            return [str(error).encode()]
        return [b"it worked"]
"""


class Hello(WorkerTest):
    def test_a_hello_is_answered_again_and_again(self):
        edge = self.edge(self.worker(HELLO))
        for _ in range(3):
            head, body = edge.get("/")
            self.assertEqual(head, "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n")
            self.assertEqual(body, b"Hello\n")

    def test_a_small_answer_and_the_next_ready_are_one_write(self):
        edge = self.edge(self.worker(HELLO))
        edge.send(frame(frames.REQUEST, block()))
        head = b"200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
        self.assertEqual(
            edge.socket.recv(65536),
            frame(frames.HEAD, head)
            + frame(frames.BODY, b"Hello\n")
            + frame(frames.END)
            + frame(frames.READY, b"\x01"),
        )


class Answers(WorkerTest):
    def setUp(self):
        super().setUp()
        self.instance = self.worker(ROUTES)
        self.connection = self.edge(self.instance)

    def get(self, name, **extra):
        return self.connection.get("/" + name, **extra)

    def closed(self):
        return self.get("closed")[1]

    def send(self, name, **extra):
        self.connection.send(frame(frames.REQUEST, block(path="/" + name, **extra)))

    def fails(self, name, text, **extra):
        """The app fails before its head: FAIL, the connection goes on, and the log says why."""
        self.send(name, **extra)
        self.connection.expect(frames.FAIL, frames.READY)
        log = self.instance.zygote.wait_log(text)
        self.assertIn(f"Error in GET /{name}\n", log)
        self.assertNotIn("stack_worker", log.replace("\x01", ""))

    def cut(self, name, text, body):
        """The app fails after its head: what came, then the connection ends; another works."""
        self.send(name)
        self.connection.expect(frames.HEAD)
        self.assertEqual(self.connection.expect(frames.BODY), body)
        self.assertIsNone(self.connection.next())
        self.instance.zygote.wait_log(text)
        self.connection = self.edge(self.instance)
        self.assertEqual(self.get("own_length")[1], b"abc")

    def test_bodies(self):
        long = 150_000 * b"f"
        cases = [
            ("empty_list", "200 OK\r\nContent-Length: 0\r\n", b""),
            ("several", "200 OK\r\nContent-Length: 3\r\n", b"abc"),
            ("a_tuple", "200 OK\r\nContent-Length: 3\r\n", b"abc"),
            ("own_length", "200 OK\r\nContent-Length: 3\r\n", b"abc"),
            ("pieces", "200 OK\r\n", b"ab"),
            ("known_pieces", "200 OK\r\nContent-Length: 3\r\n", b"abc"),
            ("generator", "201 Created\r\nX: late\r\n", b"x"),
            ("lazy", "200 OK\r\n", b"only"),
            ("no_pieces", "200 OK\r\n", b""),
            ("written", "200 OK\r\n", b"abc"),
            ("written_only", "200 OK\r\nContent-Length: 2\r\n", b"ab"),
            ("written_and_pieces", "200 OK\r\n", b"ab"),
            ("no_content", "204 No Content\r\n", b""),
            ("not_modified", "304 Not Modified\r\nContent-Length: 10\r\n", b""),
            ("file", "200 OK\r\n", long),
            ("replaced", "500 Sorry\r\nC: d\r\nContent-Length: 5\r\n", b"sorry"),
        ]
        for name, head, body in cases:
            with self.subTest(name):
                self.assertEqual(self.get(name), (head, body))

    def test_head_has_the_headers_of_get_and_no_body(self):
        cases = [
            ("own_length", "200 OK\r\nContent-Length: 3\r\n"),
            ("a_tuple", "200 OK\r\nContent-Length: 3\r\n"),
            ("empty_list", "200 OK\r\n"),
            ("pieces", "200 OK\r\n"),
            ("generator", "201 Created\r\nX: late\r\n"),
            ("written", "200 OK\r\n"),
            ("too_short", "200 OK\r\nContent-Length: 3\r\n"),
            ("no_content", "204 No Content\r\n"),
        ]
        for name, head in cases:
            with self.subTest(name):
                self.assertEqual(self.get(name, REQUEST_METHOD="HEAD"), (head, b""))

    def test_the_iterable_is_closed_once_whatever_happens(self):
        for name in ("pieces", "known_pieces", "no_pieces", "no_content", "written_and_pieces"):
            with self.subTest(name):
                self.get(name)
                self.assertEqual(self.closed(), b"yes")
        with self.subTest("HEAD"):
            self.get("pieces", REQUEST_METHOD="HEAD")
            self.assertEqual(self.closed(), b"yes")
        with self.subTest("error"):
            self.fails("raises_first", "on purpose")
            self.assertEqual(self.closed(), b"yes")
        with self.subTest("error in the middle"):
            self.cut("raises_late", "on purpose", b"a")
            self.assertEqual(self.closed(), b"yes")

    def test_a_file_is_served_and_closed(self):
        with open(self.folder + "/site_app.py", "rb") as file:
            self.assertEqual(self.get("path_file")[1], file.read())

    def test_a_body_longer_than_announced_is_cut_there(self):
        self.assertEqual(self.get("too_long")[1], b"abc")
        self.assertEqual(self.get("too_long_pieces")[1], b"abc")
        self.assertEqual(self.closed(), b"yes")
        self.instance.zygote.wait_log("longer than its Content-Length of 3: cut there\n")
        for length in (0, 3, 4, 8, 9):
            body = self.get("endless", QUERY_STRING=str(length))[1]
            self.assertEqual(body, (b"abcd" * 3)[:length])

    def test_a_body_shorter_than_announced_ends_the_connection(self):
        text = "Content-Length is 3, the body has 2 bytes"
        self.cut("too_short_pieces", text, b"ab")
        self.cut("too_short_written", text, b"ab")

    def test_a_body_known_to_be_shorter_fails_before_its_head(self):
        self.fails("too_short", "Content-Length is 3, the body has 2 bytes")

    def test_an_error_before_the_head_fails_and_is_logged_with_its_request(self):
        self.fails("raises", "KeyError: 'on purpose'")
        self.fails("raises_after_start", "KeyError: 'on purpose'")
        self.fails("exits", "SystemExit: 3")
        self.fails("no_start", "answered without having called start_response")
        self.fails("no_start_empty", "answered without having called start_response")
        self.fails("no_start_pieces", "answered without having called start_response")
        self.fails("twice", "start_response was called a second time, without exc_info")
        self.fails("is_str", "the body must be bytes, not str: 'text'")
        self.fails("is_bytes", "the app returned bytes, not an iterable of bytes")
        self.fails("is_none", "TypeError")
        self.fails("split_header", "the value of header 'A' has a control character")

    def test_an_error_after_the_head_ends_the_connection(self):
        self.cut("raises_late", "KeyError: 'on purpose'", b"a")

    def test_exc_info_after_the_head_raises_the_apps_error_again(self):
        self.cut("too_late", "KeyError: 'the first error'", b"half")

    def test_an_error_in_close_is_logged_and_the_answer_stands(self):
        self.assertEqual(self.get("raises_in_close")[1], b"whole")
        self.instance.zygote.wait_log("KeyError: 'in close'")

    def test_the_log_of_an_error_cannot_be_forged_by_the_target(self):
        self.send("raises", REQUEST_URI="/raises\nError in GET /fake\x01other\x01")
        self.connection.expect(frames.FAIL, frames.READY)
        log = self.instance.zygote.wait_log("on purpose")
        self.assertIn("Error in GET /raises\\nError in GET /fake\\x01other\\x01\n", log)

    def test_write_after_the_end_reaches_no_other_request(self):
        self.get("remember_write")
        self.assertEqual(
            self.get("use_old_write")[1], b"write() was called after its request had ended"
        )

    def test_the_environ_is_the_block_and_the_wsgi_keys(self):
        shown = self.get("show", HTTP_X_NAME="\xc3\xa9", CONTENT_TYPE="a/b", QUERY_STRING="q=1")[1]
        environ = dict(eval(shown.decode()))
        self.assertEqual(
            environ,
            {
                "CONTENT_TYPE": "a/b",
                "HTTP_HOST": "localhost",
                "HTTP_X_NAME": "\xc3\xa9",
                "PATH_INFO": "/show",
                "QUERY_STRING": "q=1",
                "REMOTE_ADDR": "127.0.0.1",
                "REMOTE_PORT": "40000",
                "REQUEST_METHOD": "GET",
                "REQUEST_URI": "/show",
                "SCRIPT_NAME": "",
                "SERVER_NAME": "localhost",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "SERVER_SOFTWARE": "stack",
                "wsgi.input_terminated": True,
                "wsgi.multiprocess": True,
                "wsgi.multithread": False,
                "wsgi.run_once": False,
                "wsgi.url_scheme": "http",
                "wsgi.version": (1, 0),
            },
        )


class AheadTest(WorkerTest):
    """Requests that come while another runs wait in the kernel."""

    APP = """
        import os, time
        served = []

        def app(environ, start_response):
            path = environ["PATH_INFO"]
            served.append(path)
            if path == "/held":
                open("held", "w").close()
                time.sleep(0.005)  # longer than what was seen at once counts for
                while not os.path.exists("go"):
                    time.sleep(0.005)
            start_response("200 OK", [])
            return [",".join(served).encode()]
    """

    def test_served_in_turn_unless_the_edge_has_closed_its_connection(self):
        worker = self.worker(self.APP)
        first, kept, taken_back = self.edge(worker), self.edge(worker), self.edge(worker)
        first.send(frame(frames.REQUEST, block(path="/held")))
        self.wait_until_held()
        taken_back.send(frame(frames.REQUEST, block(path="/taken-back")))
        kept.send(frame(frames.REQUEST, block(path="/kept")))
        self.take_back_and_go_on(first, kept, taken_back)

    def test_what_was_seen_at_once_is_looked_at_again_after_a_long_one(self):
        worker = self.worker(self.APP)
        first, kept, taken_back = self.edge(worker), self.edge(worker), self.edge(worker)
        os.kill(worker.pid, signal.SIGSTOP)
        first.send(frame(frames.REQUEST, block(path="/held")))
        taken_back.send(frame(frames.REQUEST, block(path="/taken-back")))
        kept.send(frame(frames.REQUEST, block(path="/kept")))
        os.kill(worker.pid, signal.SIGCONT)
        self.wait_until_held()
        self.take_back_and_go_on(first, kept, taken_back)

    def wait_until_held(self):
        eventually("the first to run", lambda: os.path.exists(os.path.join(self.folder, "held")))

    def take_back_and_go_on(self, first, kept, taken_back):
        taken_back.close()
        self.write("go", "")
        self.assertEqual(first.answer()[1], b"/held")
        self.assertEqual(kept.answer()[1], b"/held,/kept")

    def test_a_worker_that_wakes_does_not_interrupt_the_edge(self):
        worker = self.worker(self.APP)
        self.edge(worker).get()
        self.assertEqual(os.sched_getscheduler(worker.pid), os.SCHED_BATCH)


if __name__ == "__main__":
    unittest.main()
