"""One request after the other: heads, bodies, PEP 3333's rules."""

import unittest

from stack_worker import frames

from .harness import WorkerTest, block, frame

HELLO = """
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"Hello\\n"]
"""


class Exchange(WorkerTest):
    def test_a_hello_is_answered_again_and_again(self):
        edge = self.edge(self.worker(HELLO))
        for _ in range(3):
            head, body = edge.get("/")
            self.assertEqual(
                head, "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
            )
            self.assertEqual(body, b"Hello\n")


if __name__ == "__main__":
    unittest.main()
