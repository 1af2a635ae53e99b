"""What apps print: whole lines with the worker's mark, promptly, even when nobody reads any more."""

import os
import signal
import unittest

from stack_worker import frames

from .harness import WorkerTest, block, frame

SPEAKER = """
    import logging, os, subprocess, sys, threading, warnings
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    print("from the import")

    def app(environ, start_response):
        start_response("200 OK", [])
        exec(environ["QUERY_STRING"], dict(globals(), environ=environ))
        return [b"said"]
"""


class Lines(WorkerTest):
    def setUp(self):
        super().setUp()
        self.instance = self.worker(SPEAKER)
        self.connection = self.edge(self.instance)

    def say(self, code, last):
        """The lines that came of it, once the last of them is there."""
        before = len(self.instance.zygote.log())
        self.assertEqual(self.connection.get("/", QUERY_STRING=code)[1], b"said")
        self.instance.zygote.wait_log(last)
        return self.instance.zygote.log()[before:].splitlines()

    def test_the_zygotes_lines_have_no_mark(self):
        self.assertIn("from the import\n", self.instance.zygote.log())
        self.assertNotIn("\x01", self.instance.zygote.log())

    def test_every_way_of_printing_is_marked_line_by_line(self):
        mark = f"\x01{self.instance.id}\x01"
        cases = {
            "print('a', 1)": ["a 1"],
            "print('two\\nlines')": ["two", "lines"],
            "sys.stdout.write('x'); sys.stdout.write('y\\n')": ["xy"],
            "sys.stderr.write('to stderr\\n')": ["to stderr"],
            "print('error', file=sys.stderr)": ["error"],
            "sys.stdout.buffer.write(b'bytes\\n')": ["bytes"],
            "sys.__stderr__.write('dunder\\n')": ["dunder"],
            "logging.info('logged %d', 5)": ["INFO logged 5"],
            "environ['wsgi.errors'].write('wsgi\\n')": ["wsgi"],
            "environ['wsgi.errors'].writelines(['w1\\n', 'w2\\n'])": ["w1", "w2"],
            "print('\\u20ac \\ud800')": ["€ \\ud800"],
            "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()": ["thread"],
        }
        for code, lines in cases.items():
            with self.subTest(code):
                self.assertEqual(self.say(code, lines[-1]), [mark + line for line in lines])

    def test_a_traceback_of_a_thread_is_marked_too(self):
        code = "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()"
        lines = self.say(code, "ZeroDivisionError")
        self.assertTrue(all(line.startswith(f"\x01{self.instance.id}\x01") for line in lines))

    def test_a_line_without_end_waits_for_it(self):
        mark = f"\x01{self.instance.id}\x01"
        self.say("print('begun', end='', flush=True); print('other', file=sys.stderr)", "other")
        self.assertNotIn("begun", self.instance.zygote.log())
        self.assertEqual(self.say("print(' and ended')", "ended"), [mark + "begun and ended"])

    def test_the_last_words_come_out_without_a_line_end(self):
        self.connection.get("/", QUERY_STRING="print('last words', end='')")
        self.connection.close()
        self.instance.control.send({"type": "drain", "deadlineMs": 30_000})
        self.instance.zygote.wait_log(f"\x01{self.instance.id}\x01last words\n")

    def test_lines_of_several_workers_are_never_mixed(self):
        others = [self.instance.zygote.fork() for _ in range(2)]
        for other in others:
            self.addCleanup(self.end, other)
        code = "for n in range(300): print('abcdefghij' * 20)"
        edges = [self.connection] + [self.edge(other) for other in others]
        for edge in edges:
            edge.send(frame(frames.REQUEST, block(QUERY_STRING=code)))
        log = self.instance.zygote
        lines = []
        while len(lines) < 900:
            log.wait_log("abcdefghij")
            whole_lines = log.log().split("\n")[:-1]
            lines = [line for line in whole_lines if "abc" in line]
        for edge in edges:
            edge.answer()
        whole = {f"\x01{w.id}\x01{'abcdefghij' * 20}" for w in [self.instance, *others]}
        self.assertEqual(set(lines), whole)

    def test_a_nonblocking_pipe_loses_nothing(self):
        # A Node parent that shares the pipe may set this on it.
        code = "os.set_blocking(1, False); [print('x' * 4000, n) for n in range(100)]"
        self.connection.send(frame(frames.REQUEST, block(QUERY_STRING=code)))
        self.instance.zygote.wait_log("x 99\n")
        self.connection.answer()
        self.assertEqual(self.instance.zygote.log().count("x\n"), 0)
        numbers = [line.rsplit(" ", 1)[1] for line in self.instance.zygote.log().splitlines()
                   if "xxx" in line]  # fmt: skip
        self.assertEqual(numbers, [str(n) for n in range(100)])


class Broken(WorkerTest):
    def test_a_broken_pipe_ends_nothing(self):
        worker = self.worker(SPEAKER)
        edge = self.edge(worker)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, worker.zygote.log_pipe)  # the keeper is gone
        os.close(null)
        for code in (
            "print('into the void')",
            "sys.stderr.write('into the void\\n')",
            "logging.error('into the void')",
            "print('again')",
        ):
            self.assertEqual(edge.get("/", QUERY_STRING=code)[1], b"said")
        self.assertEqual(os.readlink(f"/proc/{worker.pid}/fd/1"), os.devnull)
        self.assertEqual(os.readlink(f"/proc/{worker.pid}/fd/2"), os.devnull)
        os.kill(worker.pid, signal.SIGTERM)
        edge.expect(frames.GOAWAY)
        edge.close()
        self.assertEqual(worker.zygote.lines.next()["type"], "forked")
        self.assertEqual(worker.zygote.lines.next()["code"], 0)


if __name__ == "__main__":
    unittest.main()
