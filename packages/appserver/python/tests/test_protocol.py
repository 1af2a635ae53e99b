"""The connection side: splits, several connections, order, what is refused."""

import unittest
from random import Random

from stack_worker import frames

from .harness import DEADLINE_S, WorkerTest, block, frame

ECHO = """
    import os, time

    def app(environ, start_response):
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/wait":
            # Held until the test makes the file.
            print("waits", flush=True)
            while not os.path.exists(environ["QUERY_STRING"]):
                time.sleep(0.005)
        return [environ["PATH_INFO"].encode("latin-1") + b" " + body]
"""


class Splits(WorkerTest):
    def test_a_request_split_at_any_byte_is_the_same_request(self):
        edge = self.edge(self.worker(ECHO))
        whole = (
            frame(frames.REQUEST_BODY, block(method="POST", path="/x"))
            + frame(frames.BODY, b"one ")
            + frame(frames.BODY, b"two")
            + frame(frames.END)
        )
        for at in range(1, len(whole)):
            edge.send(whole[:at])
            edge.send(whole[at:])
            self.assertEqual(edge.answer()[1], b"/x one two", f"split at {at}")

    def test_any_splits_of_several_exchanges_give_the_same_answers(self):
        edge = self.edge(self.worker(ECHO))
        random = Random(7)
        for number in range(60):
            pieces = [bytes([65 + n]) * random.choice((1, 2, 700, 65536)) for n in range(5)]
            whole = b"".join(
                [frame(frames.REQUEST_BODY, block(method="POST", path=f"/{number}"))]
                + [frame(frames.BODY, piece) for piece in pieces]
                + [frame(frames.END)]
            )
            cuts = sorted(random.randrange(len(whole)) for _ in range(6))
            for start, end in zip([0, *cuts], [*cuts, len(whole)]):
                edge.send(whole[start:end])
            body = edge.answer()[1]
            self.assertEqual(body, f"/{number} ".encode() + b"".join(pieces))

    def test_a_request_byte_by_byte_is_the_same_request(self):
        edge = self.edge(self.worker(ECHO))
        for byte in frame(frames.REQUEST, block(path="/slow")):
            edge.send(bytes([byte]))
        self.assertEqual(edge.answer()[1], b"/slow ")

    def test_half_a_request_holds_no_other_connection(self):
        worker = self.worker(ECHO)
        slow, quick = self.edge(worker), self.edge(worker)
        whole = frame(frames.REQUEST, block(path="/slow"))
        slow.send(whole[:30])
        for _ in range(3):
            self.assertEqual(quick.get("/quick")[1], b"/quick ")
        slow.send(whole[30:])
        self.assertEqual(slow.answer()[1], b"/slow ")


class Connections(WorkerTest):
    def test_two_connections_take_turns(self):
        worker = self.worker(ECHO)
        first, second = self.edge(worker), self.edge(worker)
        for _ in range(20):
            self.assertEqual(first.get("/1")[1], b"/1 ")
            self.assertEqual(second.get("/2")[1], b"/2 ")

    def test_requests_that_wait_are_served_in_order(self):
        worker = self.worker(ECHO)
        busy = self.edge(worker)
        others = [self.edge(worker) for _ in range(5)]
        go = self.folder + "/go"
        busy.send(frame(frames.REQUEST, block(path="/wait", query=go)))
        order = [3, 0, 4, 1, 2]
        for index in order:
            others[index].send(frame(frames.REQUEST, block(path=f"/{index}")))
        self.write("go", "")
        busy.answer()
        for index in order:
            self.assertEqual(others[index].answer()[1], f"/{index} ".encode())

    def test_a_new_connection_is_greeted_only_when_no_request_runs(self):
        worker = self.worker(ECHO)
        busy = self.edge(worker)
        go = self.folder + "/go"
        busy.send(frame(frames.REQUEST, block(path="/wait", query=go)))
        worker.zygote.wait_log("waits")
        late = self.edge(worker, greeted=False)
        late.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            late.socket.recv(1)
        late.socket.settimeout(DEADLINE_S)
        self.write("go", "")
        busy.answer()
        late.expect(frames.READY)
        self.assertEqual(late.get("/late")[1], b"/late ")

    def test_many_connections_come_and_go(self):
        worker = self.worker(ECHO)
        for _ in range(100):
            edge = worker.edge()
            edge.get("/x")
            edge.close()
        self.assertEqual(self.edge(worker).get("/end")[1], b"/end ")


class Refused(WorkerTest):
    def test_a_breach_ends_its_connection_and_no_other(self):
        worker = self.worker(ECHO)
        good = self.edge(worker)
        request = frame(frames.REQUEST, block())
        breaches = {
            "an unknown frame": frame(99),
            "an END from nowhere": frame(frames.END),
            "a BODY from nowhere": frame(frames.BODY, b"x"),
            "a READY from the edge": frame(frames.READY, b"\x01"),
            "a WINDOW without a number": frame(frames.WINDOW, b"x"),
            "a frame too long": frames.WORD.pack(frames.REQUEST << 24 | 1024 * 1024 + 1),
            "two requests at once": request + request,
            "an empty BODY": frame(frames.REQUEST_BODY, block()) + frame(frames.BODY),
        }
        for name, sent in breaches.items():
            with self.subTest(name):
                bad = self.edge(worker)
                bad.send(sent)
                while bad.next() is not None:
                    pass
                self.assertEqual(good.get("/fine")[1], b"/fine ")
        worker.zygote.wait_log("An edge broke the worker protocol: frame type 99\n")

    def test_a_window_between_exchanges_counts_for_nothing(self):
        edge = self.edge(self.worker(ECHO))
        edge.send(frames.window_frame(1000))
        self.assertEqual(edge.get("/x")[1], b"/x ")


if __name__ == "__main__":
    unittest.main()
