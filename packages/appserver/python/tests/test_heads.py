"""Heads: what start_response accepts, and what it says when it does not."""

import unittest

from stack_worker.heads import format_head


class Heads(unittest.TestCase):
    def test_a_head_is_status_and_lines(self):
        self.assertEqual(
            format_head("200 OK", [("A", "b"), ("C", "d \xe9\tx")]),
            (200, b"200 OK\r\nA: b\r\nC: d \xe9\tx\r\n", -1),
        )
        self.assertEqual(format_head("204", []), (204, b"204 \r\n", -1))
        self.assertEqual(format_head("200 ", []), (200, b"200 \r\n", -1))
        self.assertEqual(format_head("418 I\xe9m", []), (418, b"418 I\xe9m\r\n", -1))

    def test_a_content_length_is_read_whatever_its_case(self):
        for name in ("Content-Length", "content-length", "CONTENT-LENGTH"):
            self.assertEqual(format_head("200 OK", [(name, "12")])[2], 12)
        self.assertEqual(format_head("200 OK", [("Content-Length", "7")] * 2)[2], 7)

    def test_a_204_has_no_content_length(self):
        self.assertEqual(
            format_head("204 No Content", [("Content-Length", "0"), ("A", "b")])[1],
            b"204 No Content\r\nA: b\r\n",
        )

    def test_what_is_refused_is_named(self):
        cases = [
            (b"200 OK", [], TypeError, "the status must be a str, not bytes: b'200 OK'"),
            ("OK", [], ValueError, "the status must look like '200 OK', not 'OK'"),
            ("20 OK", [], ValueError, "must look like"),
            ("100 Continue", [], ValueError, "must look like"),
            ("200 O\r\nK", [], ValueError, "must look like"),
            ("200OK", [], ValueError, "must look like"),
            ("200 OK", [("A", "b\r\nSet-Cookie: x")], ValueError, "header 'A' has a control"),
            ("200 OK", [("A", "b\nc")], ValueError, "header 'A' has a control"),
            ("200 OK", [("Fine", "1"), ("B", "\0")], ValueError, "header 'B' has a control"),
            ("200 OK", [("A", "\x7f")], ValueError, "header 'A' has a control"),
            ("200 OK", [("A\r\nB", "x")], ValueError, "not a header name: 'A\\r\\nB'"),
            ("200 OK", [("A B", "x")], ValueError, "not a header name"),
            ("200 OK", [("A:", "x")], ValueError, "not a header name"),
            ("200 OK", [("\xc4", "x")], ValueError, "not a header name"),
            ("200 OK", [("", "x")], ValueError, "not a header name"),
            ("200 OK", [(b"A", "x")], TypeError, "a header name must be a str, not bytes"),
            ("200 OK", [("A", b"x")], TypeError, "the value of header 'A' must be a str, not bytes"),
            ("200 OK", [("A", 5)], TypeError, "the value of header 'A' must be a str, not int: 5"),
            ("200 OK", [("A", None)], TypeError, "must be a str, not NoneType"),
            ("200 OK", [("A", "\u20ac")], ValueError, "header 'A' is not latin-1"),
            ("200 OK", [("A", "x", "y")], (TypeError, ValueError), "must be a tuple"),
            ("200 OK", ["A: b"], (TypeError, ValueError), "must be a tuple"),
            ("200 OK", None, TypeError, "the headers must be a list, not NoneType"),
            ("200 OK", [("Connection", "close")], ValueError, "hop-by-hop header 'Connection'"),
            ("200 OK", [("transfer-encoding", "chunked")], ValueError, "hop-by-hop"),
            ("200 OK", [("Upgrade", "x")], ValueError, "hop-by-hop"),
            ("200 OK", [("Content-Length", "-1")], ValueError, "must be digits, not '-1'"),
            ("200 OK", [("Content-Length", "1_0")], ValueError, "must be digits"),
            ("200 OK", [("Content-Length", "\xb2")], ValueError, "must be digits"),
            ("200 OK", [("Content-Length", 5)], TypeError, "must be a str, not int: 5"),
            ("200 OK", [("Content-Length", "1"), ("content-length", "2")], ValueError, "two"),
            ("200 OK", [("A", "x" * 2**20)], ValueError, "too large"),
        ]
        for status, headers, kind, text in cases:
            with self.subTest(status=status, headers=repr(headers)[:60]):
                with self.assertRaises(kind) as caught:
                    format_head(status, headers)
                self.assertIn(text, str(caught.exception))
                # Asked again, the same: nothing wrong was remembered.
                with self.assertRaises(kind):
                    format_head(status, headers)


if __name__ == "__main__":
    unittest.main()
