"""Many exchanges on one connection of an asgi worker: each is answered, stopped and ended alone."""

import unittest

from stack_worker import frames

from .harness import SharedWorkerTest, WorkerTest, block, eventually, frame, stream

APP = """
    import asyncio

    events = {}

    def event(scope):
        return events.setdefault(scope["query_string"], asyncio.Event())

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await globals()[scope["path"].strip("/")](scope, receive, send)

    async def answer(send, body, more=False):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body, "more_body": more})

    async def hello(scope, receive, send):
        await answer(send, b"Hello " + scope["query_string"])

    async def hold(scope, receive, send):
        print("holds", scope["query_string"].decode(), flush=True)
        await event(scope).wait()
        await answer(send, b"held " + scope["query_string"])

    async def release(scope, receive, send):
        event(scope).set()
        await answer(send, b"released")

    async def pieces(scope, receive, send):
        await answer(send, b"first ", True)
        await event(scope).wait()
        await send({"type": "http.response.body", "body": b"second"})

    async def later(scope, receive, send):
        await answer(send, b"early")
        await event(scope).wait()
        print("background done", flush=True)

    async def echo(scope, receive, send):
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        await answer(send, body)

    async def large(scope, receive, send):
        await answer(send, b"x" * int(scope["query_string"]))

    async def wait(scope, receive, send):
        await receive()
        print("waits", scope["query_string"].decode(), flush=True)
        message = await receive()
        print("saw", message["type"], scope["query_string"].decode(), flush=True)
        try:
            await answer(send, b"for nobody")
        except OSError as error:
            print("send raised", type(error).__name__, flush=True)
            raise

    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        except OSError as error:
            print("ended by", type(error).__name__, flush=True)
            raise

    async def raises(scope, receive, send):
        raise ValueError("a fault of the app")

    async def raises_late(scope, receive, send):
        await answer(send, b"half", True)
        raise ValueError("a late fault")
"""


class StreamTest(SharedWorkerTest):
    source = APP
    options = {"model": {"kind": "asgi"}}

    def setUp(self):
        super().setUp()
        self.one = self.shared_edge(self.shared)

    def logged(self, text):
        """Waits for it; what other tests made it write does not count."""
        eventually(f"{text!r} in the log", lambda: text in self.log())

    def hello(self, number, edge=None):
        """It is served as if nothing had happened."""
        edge = edge or self.one
        edge.ask(number, "/hello", str(number))
        self.assertEqual(edge.answer_of(number)[1], b"Hello %d" % number)


class Answers(StreamTest):
    def test_they_come_in_the_order_of_their_ends(self):
        for number, name in ((1, "order-a"), (2, "order-b"), (3, "order-c")):
            self.one.ask(number, "/hold", name)
        order = []
        for number, name in ((2, "order-b"), (3, "order-c"), (1, "order-a")):
            self.one.ask(10 + number, "/release", name)
            self.assertEqual(self.one.answer_of(number)[1], b"held " + name.encode())
            self.assertEqual(self.one.answer_of(10 + number)[1], b"released")
            order.append(number)
            for other in {1, 2, 3} - set(order):
                self.assertEqual(self.one.kept(other), [])

    def test_they_may_mingle(self):
        for number in (1, 2):
            self.one.ask(number, "/pieces", f"mingle-{number}")
        for number in (1, 2):
            self.assertEqual(self.one.expect_of(number, frames.HEAD, frames.BODY), b"first ")
        for number in (2, 1):
            self.one.ask(10 + number, "/release", f"mingle-{number}")
            self.assertEqual(self.one.expect_of(number, frames.BODY), b"second")
            self.one.expect_of(number, frames.END)

    def test_those_of_one_turn_of_the_loop_are_one_write(self):
        before = self.one.reads
        self.one.send(*(self.one.request(number, "/hello", str(number)) for number in range(1, 21)))
        for number in range(1, 21):
            self.assertEqual(self.one.answer_of(number)[1], b"Hello %d" % number)
        self.assertEqual(self.one.reads, before + 1)

    def test_a_head_alone(self):
        self.one.ask(1, "/hello", "head", method="HEAD")
        self.assertEqual(self.one.answer_of(1), ("200 OK\r\n", b""))

    def test_the_app_may_go_on_after_its_answer(self):
        self.one.ask(1, "/later", "later")
        self.assertEqual(self.one.answer_of(1)[1], b"early")
        self.hello(2)
        self.assertNotIn("background done", self.log())
        self.one.ask(3, "/release", "later")
        self.one.answer_of(3)
        self.logged("background done")

    def test_a_connection_of_single_exchanges_may_come_to_be_shared(self):
        self.one.send(frame(frames.REQUEST, block(path="/hello", query="alone")))
        self.assertEqual(self.one.answer()[1], b"Hello alone")
        self.hello(1)


class Bodies(StreamTest):
    def test_a_small_body_comes_in_the_same_write(self):
        for number, body in ((1, b""), (2, b"small"), (3, b"s" * 16_000)):
            self.one.ask(number, "/echo", body=body, method="POST")
            self.assertEqual(self.one.answer_of(number)[1], body)

    def test_it_may_be_split_over_several_writes(self):
        requests = self.one.request(1, "/echo", body=b"one", method="POST")
        requests += self.one.request(2, "/hello", "two")
        requests += self.one.request(3, "/echo", body=b"three", method="POST")
        for at in range(len(requests)):
            self.one.send(requests[at : at + 1])
        self.assertEqual(self.one.answer_of(1)[1], b"one")
        self.assertEqual(self.one.answer_of(2)[1], b"Hello two")
        self.assertEqual(self.one.answer_of(3)[1], b"three")

    def test_the_rest_of_a_request_follows_many_whole_ones(self):
        whole = b"".join(self.one.request(number, "/hello", str(number)) for number in range(1, 6))
        last = self.one.request(6, "/echo", body=b"six", method="POST")
        self.one.send(whole, last[:30])
        for number in range(1, 6):
            self.assertEqual(self.one.answer_of(number)[1], b"Hello %d" % number)
        self.one.send(last[30:])
        self.assertEqual(self.one.answer_of(6)[1], b"six")

    def test_one_that_the_app_does_not_read_holds_up_nobody(self):
        parts = self.one.request(1, "/hello", "unread", body=b"unread", method="POST")
        self.one.send(parts[:-4])
        self.assertEqual(self.one.answer_of(1)[1], b"Hello unread")
        self.hello(2)
        self.one.send(stream(1), parts[-4:])
        self.hello(3)


class Windows(StreamTest):
    def read(self, number, size):
        """Exactly so much of a body, and no byte more before something else is answered."""
        got = 0
        while got < size:
            got += len(self.one.expect_of(number, frames.BODY))
        self.assertEqual(got, size)

    def grant(self, number, size):
        self.one.send(stream(number), frames.window_frame(size))

    def test_an_answer_stops_at_its_own_and_others_go_on(self):
        size = 1024 * 1024
        for number in (1, 2):
            self.one.ask(number, "/large", str(size))
            self.one.expect_of(number, frames.HEAD)
        for number in (1, 2):
            self.read(number, frames.STREAM_WINDOW)
        self.hello(3)
        self.assertEqual((self.one.kept(1), self.one.kept(2)), ([], []))

        self.grant(2, 100)
        self.read(2, 100)
        self.hello(4)
        self.assertEqual((self.one.kept(1), self.one.kept(2)), ([], []))

        self.grant(1, frames.STREAM_WINDOW)
        self.read(1, frames.STREAM_WINDOW)
        left = size - frames.STREAM_WINDOW - 100
        while left:
            part = min(left, frames.STREAM_WINDOW)
            self.grant(2, part)
            self.read(2, part)
            left -= part
        self.one.expect_of(2, frames.END)
        self.assertEqual(self.one.kept(1), [])

    def test_more_than_all_of_it_is_never_granted(self):
        self.one.ask(1, "/large", str(1024 * 1024))
        self.one.expect_of(1, frames.HEAD)
        self.read(1, frames.STREAM_WINDOW)
        self.grant(1, 100 * frames.STREAM_WINDOW)
        self.read(1, frames.STREAM_WINDOW)
        self.hello(2)
        self.assertEqual(self.one.kept(1), [])


class Aborts(StreamTest):
    def test_the_app_is_told_and_may_send_no_more(self):
        self.one.ask(1, "/wait", "aborted")
        self.one.ask(2, "/hold", "beside-abort")
        self.logged("waits aborted")
        self.one.abort(1)
        self.logged("saw http.disconnect aborted")
        self.logged("send raised ClientGone")
        self.one.ask(3, "/release", "beside-abort")
        self.assertEqual(self.one.answer_of(2)[1], b"held beside-abort")
        self.assertEqual(self.one.kept(1), [])
        self.assertNotIn("Error in", self.log())

    def test_an_answer_that_waits_for_its_window_ends(self):
        self.one.ask(1, "/endless")
        self.one.expect_of(1, frames.HEAD, frames.BODY)
        self.one.abort(1)
        self.logged("ended by ClientGone")
        self.hello(2)
        self.assertNotIn("Error in", self.log())

    def test_what_is_not_there_is_no_matter(self):
        self.one.send(stream(7))
        self.one.abort(99)
        self.hello(1)
        self.one.abort(1)
        # What crossed the end of its exchange.
        self.one.send(stream(1), frames.window_frame(10), frame(frames.BODY, b"x"), frame(frames.END))
        self.one.abort(1)
        self.hello(2)

    def test_an_exception_before_the_head_fails_its_stream_only(self):
        self.one.ask(1, "/hold", "beside-fail")
        self.one.ask(2, "/raises")
        self.one.expect_of(2, frames.FAIL)
        self.logged("a fault of the app")
        self.one.ask(3, "/release", "beside-fail")
        self.assertEqual(self.one.answer_of(1)[1], b"held beside-fail")
        self.assertEqual(self.one.kept(2), [])

    def test_an_exception_within_the_answer_aborts_its_stream_only(self):
        self.one.ask(1, "/hold", "beside-late")
        self.one.ask(2, "/raises_late")
        self.one.expect_of(2, frames.HEAD, frames.BODY, frames.ABORT)
        self.logged("a late fault")
        self.one.ask(3, "/release", "beside-late")
        self.assertEqual(self.one.answer_of(1)[1], b"held beside-late")

    def test_the_end_of_the_connection_is_told_to_all(self):
        for number in (1, 2, 3):
            self.one.ask(number, "/wait", f"end-{number}")
            self.logged(f"waits end-{number}")
        self.one.close()
        for number in (1, 2, 3):
            self.logged(f"saw http.disconnect end-{number}")
        self.hello(1, self.shared_edge(self.shared))


class Breaches(StreamTest):
    """Each ends the connection, and the log says why."""

    def ends(self, why, *parts):
        self.one.send(*parts)
        while self.one.next() is not None:
            pass
        self.logged(f"An edge broke the worker protocol: {why}")
        self.assertNotIn("Traceback", self.log())
        self.hello(1, self.shared_edge(self.shared))

    def test_a_stream_before_ready(self):
        self.one.send(frame(frames.REQUEST, block(path="/hold", query="before-ready")))
        self.logged("holds before-ready")
        self.ends("frame type 6 before READY", stream(1))

    def test_a_second_request_on_an_open_stream(self):
        self.one.ask(1, "/wait", "second")
        self.logged("waits second")
        self.ends("a second request on stream 1", self.one.request(1, "/hello"))
        self.logged("saw http.disconnect second")

    def test_a_second_request_on_an_open_stream_with_a_body(self):
        self.one.ask(1, "/wait", "second-body")
        self.logged("waits second-body")
        self.ends("a second request on stream 1", self.one.request(1, "/echo", body=b"x"))

    def test_a_stream_without_a_number(self):
        self.hello(1)
        self.ends("a stream without a number", frame(frames.STREAM, b"abc"))

    def test_an_abort_without_a_number(self):
        self.hello(1)
        self.ends("a stream without a number", frame(frames.ABORT, b"abcde"))

    def test_a_body_where_none_is_open(self):
        self.one.ask(1, "/wait", "no-body")
        self.logged("waits no-body")
        self.ends("BODY of 1 bytes, body open: False", frame(frames.BODY, b"x"))

    def test_what_only_a_worker_may_say(self):
        self.hello(1)
        self.ends("frame type 16", frames.READY_FRAME)

    def test_garbage(self):
        self.one.ask(1, "/wait", "garbage")
        self.logged("waits garbage")
        self.ends("a frame of 16777215 bytes", b"\xff" * 64)
        self.logged("saw http.disconnect garbage")


class Drains(WorkerTest):
    def test_goaway_comes_at_once_and_what_crossed_it_is_served(self):
        worker = self.worker(APP, model={"kind": "asgi"})
        edge = self.shared_edge(worker)
        edge.ask(1, "/hold", "drained")
        worker.zygote.wait_log("holds drained")
        worker.control.send({"type": "drain", "deadlineMs": 60_000})
        edge.expect_of(0, frames.GOAWAY)
        self.assertEqual(edge.kept(1), [])
        edge.ask(2, "/hello", "crossed")
        self.assertEqual(edge.answer_of(2)[1], b"Hello crossed")
        edge.ask(3, "/release", "drained")
        self.assertEqual(edge.answer_of(1)[1], b"held drained")
        edge.answer_of(3)
        edge.close()
        exited = self.exit_of(worker)
        self.assertEqual((exited["code"], exited["signal"]), (0, None))
        self.assertNotIn("Error in", worker.zygote.log())


if __name__ == "__main__":
    unittest.main()
