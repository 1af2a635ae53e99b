"""Apps that start processes of their own: none of them keeps our connections, or our signals."""

import os
import signal
import unittest

from stack_worker.descriptors import keep_from_children, release

from .harness import WorkerTest, eventually

FORKER = """
    import multiprocessing, os, signal, subprocess, sys, time

    def sleep():
        print("child says hello")
        time.sleep(60)

    def fork_and_kill():
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        os.kill(pid, signal.SIGTERM)
        os._exit(os.WTERMSIG(os.waitpid(pid, 0)[1]))

    def app(environ, start_response):
        path = environ["PATH_INFO"]
        start_response("200 OK", [])
        if path == "/multiprocessing":
            child = multiprocessing.get_context("fork").Process(target=sleep, daemon=False)
            child.start()
            return [str(child.pid).encode()]
        if path == "/subprocess":
            return [str(subprocess.Popen(["sleep", "60"]).pid).encode()]
        if path == "/fork":
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            return [str(pid).encode()]
        if path == "/terminate":
            child = multiprocessing.get_context("fork").Process(target=sleep)
            child.start()
            child.terminate()
            child.join(30)
            return [str(child.exitcode).encode()]
        if path == "/deep":
            # A child that forks in its turn, and ends its own child.
            child = multiprocessing.get_context("fork").Process(target=fork_and_kill)
            child.start()
            child.join(30)
            return [str(child.exitcode).encode()]
        if path == "/pool":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return [repr(pool.map(abs, [-1, -2])).encode()]
        if path == "/spawn":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return [repr(pool.map(abs, [-1, -2])).encode()]
        if path == "/run":
            environment = subprocess.run([sys.executable, "-c", "import os; print(os.environ.get('PYTHONPATH'))"],
                                         stdout=subprocess.PIPE, check=True)
            return [environment.stdout.strip()]
        return [b"fine"]
"""


class Telling:
    """Something of ours that says when it is closed."""

    def __init__(self, name, pipe):
        self.name = name
        self.pipe = pipe

    def close(self):
        os.write(self.pipe, f"{self.name} ".encode())


class Order(unittest.TestCase):
    def test_a_child_closes_the_socket_that_listens_before_the_connections_it_accepted(self):
        said, say = os.pipe()
        kept = [keep_from_children(Telling(name, say)) for name in ("listener", *map(str, range(30)))]
        gone = kept.pop(7)
        release(gone)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        for thing in kept:
            release(thing)
        os.close(say)
        with os.fdopen(said) as pipe:
            self.assertEqual(pipe.read().split(), [thing.name for thing in kept])


class Children(WorkerTest):
    def test_the_death_of_a_worker_is_seen_though_its_child_lives(self):
        for path in ("/multiprocessing", "/fork", "/subprocess"):
            with self.subTest(path):
                worker = self.worker(FORKER)
                edge, other = self.edge(worker), self.edge(worker)
                child = int(edge.get(path)[1])
                worker.kill()
                self.assertIsNone(edge.next())
                self.assertIsNone(other.next())
                self.assertIsNone(worker.control.next())
                with self.assertRaises(ConnectionRefusedError):
                    worker.edge()
                os.kill(child, 0)  # it lives
                os.kill(child, signal.SIGKILL)

    def test_a_child_that_lives_does_not_hold_the_worker_in_a_drain(self):
        worker = self.worker(FORKER)
        edge = self.edge(worker)
        child = int(edge.get("/fork")[1])
        worker.control.close()
        edge.expect(20)
        edge.close()
        eventually("the worker's end", lambda: not os.path.exists(f"/proc/{worker.pid}"))
        os.kill(child, signal.SIGKILL)

    def test_a_child_dies_of_term(self):
        edge = self.edge(self.worker(FORKER))
        for _ in range(5):
            self.assertEqual(edge.get("/terminate")[1], b"-15")
        self.assertEqual(edge.get("/deep")[1], b"15")

    def test_pools_and_subprocesses_work(self):
        edge = self.edge(self.worker(FORKER))
        self.assertEqual(edge.get("/pool")[1], b"[1, 2]")
        self.assertEqual(edge.get("/spawn")[1], b"[1, 2]")
        self.assertEqual(edge.get("/run")[1], b"None")
        self.assertEqual(edge.get("/")[1], b"fine")

    def test_the_output_of_a_child_has_the_workers_mark(self):
        worker = self.worker(FORKER)
        child = int(self.edge(worker).get("/multiprocessing")[1])
        worker.zygote.wait_log(f"\x01{worker.id}\x01child says hello\n")
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
