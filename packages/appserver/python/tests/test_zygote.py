"""The zygote: imports, what it says when one fails, forks, exits."""

import json
import os
import signal
import unittest

from stack_worker import frames

from stack_worker.stacks import SIGNAL

from .harness import WorkerTest

FLASKY = """
    class Flask:
        def wsgi_app(self, environ, start_response):
            return []
        def __call__(self, environ, start_response):
            return self.wsgi_app(environ, start_response)

    app = Flask()
    number = 5

    def create_app():
        return app

    def create_nothing():
        return None

    def helper(one):
        pass

    def plain(environ, start_response):
        start_response("200 OK", [])
        return [b"plain"]

    class Api:
        wsgi = staticmethod(plain)

    api = Api()
"""

LOOK = """
    import json, os, sys

    def app(environ, start_response):
        start_response("200 OK", [])
        facts = {
            "cwd": os.getcwd(),
            "path0": sys.path[0],
            "path": sys.path,
            "argv": sys.argv,
            "main": sorted(vars(sys.modules["__main__"])),
            "PYTHONPATH": os.environ.get("PYTHONPATH"),
            "STACK_WORKER": os.environ.get("STACK_WORKER"),
            "STACK_APP": os.environ.get("STACK_APP"),
            "pid": os.getpid(),
            "ppid": os.getppid(),
            "descriptors": sorted(
                os.readlink("/proc/self/fd/" + fd).split(":")[0]
                for fd in os.listdir("/proc/self/fd")
                if os.path.exists("/proc/self/fd/" + fd) or os.path.islink("/proc/self/fd/" + fd)
            ),
            "gc": __import__("gc").isenabled(),
            "frozen": __import__("gc").get_freeze_count(),
        }
        return [json.dumps(facts).encode()]
"""


class ImportFailures(WorkerTest):
    def failure(self, spec, preload=True, **options):
        zygote = self.zygote(spec, preload=preload, **options)
        message = zygote.lines.next()
        if not preload:
            self.assertEqual(message, {"type": "imported", "ms": 0, "threads": []})
            zygote.ask_fork()
            control = zygote.accept_control()
            self.addCleanup(control.close)
            hello = control.next()
            self.assertEqual(hello["type"], "hello")
            message = control.next()
            self.assertEqual(zygote.lines.next()["type"], "forked")
            exited = zygote.lines.next()
            self.assertEqual((exited["type"], exited["code"]), ("exited", 3))
        else:
            self.assertEqual(zygote.process.wait(30), 3)
        self.assertEqual(message["type"], "import-failed")
        return message

    def both_ways(self, spec, expected):
        for preload in (True, False):
            with self.subTest(spec, preload=preload):
                self.assertEqual(
                    self.failure(spec, preload), {"type": "import-failed", **expected}
                )

    def test_a_module_that_is_not_there(self):
        self.write("main.py", "")
        self.write("shop/__init__.py", "")
        self.write("notes.txt", "")
        for spec, missing in (("absent:app", "absent"), ("shop.absent:app", "shop.absent")):
            module = spec.partition(":")[0]
            self.both_ways(
                spec,
                {
                    "kind": "module-not-found",
                    "module": module,
                    "name": "app",
                    "found": ["main", "shop"],
                    "traceback": f"ModuleNotFoundError: No module named '{missing}'",
                },
            )

    def test_a_parent_that_is_not_there_or_is_no_package(self):
        self.write("main.py", "")
        self.assertEqual(self.failure("absent.wsgi:app")["kind"], "module-not-found")
        self.assertEqual(self.failure("main.wsgi:app")["kind"], "module-not-found")

    def test_a_name_that_is_not_there(self):
        self.write("site_app.py", FLASKY)
        found = ["app (Flask)", "create_app (function)", "plain (function)"]
        for spec, name in (
            ("site_app:application", "application"),
            ("site_app", "application"),
            ("site_app:api.nope", "api.nope"),
            ("site_app:make()", "make()"),
        ):
            self.both_ways(
                spec,
                {
                    "kind": "attribute-missing",
                    "module": "site_app",
                    "name": name,
                    "found": found,
                    "traceback": "",
                },
            )

    def test_a_name_that_cannot_be_called(self):
        self.write("site_app.py", FLASKY)
        for name in ("number", "create_nothing()", "number()"):
            failure = self.failure("site_app:" + name)
            self.assertEqual((failure["kind"], failure["name"]), ("not-callable", name))
            self.assertIn("app (Flask)", failure["found"])

    def test_an_import_that_raises_shows_the_apps_own_traceback(self):
        path = self.write("site_app.py", "import helper_module\n")
        helper = self.write("helper_module.py", "def f():\n    return 1 / 0\nf()\n")
        expected = (
            "Traceback (most recent call last):\n"
            f'  File "{path}", line 1, in <module>\n'
            "    import helper_module\n"
            f'  File "{helper}", line 3, in <module>\n'
            "    f()\n"
            f'  File "{helper}", line 2, in f\n'
            "    return 1 / 0\n"
        )
        for preload in (True, False):
            failure = self.failure("site_app:app", preload)
            self.assertEqual(failure["kind"], "error")
            lines = [x for x in failure["traceback"].splitlines(True) if not set(x) <= set(" ^~\n")]
            self.assertEqual("".join(lines), expected + "ZeroDivisionError: division by zero\n")

    def test_a_module_missing_inside_the_app_is_an_error_of_the_app(self):
        self.write("shop/__init__.py", "")
        self.write("shop/wsgi.py", "import shop.models_that_are_missing\n")
        self.write("other.py", "import PIL_that_is_missing\n")
        for spec, missing in (
            ("shop.wsgi:app", "shop.models_that_are_missing"),
            ("other:app", "PIL_that_is_missing"),
        ):
            failure = self.failure(spec)
            self.assertEqual(failure["kind"], "error")
            last = failure["traceback"].splitlines()[-1]
            self.assertEqual(last, f"ModuleNotFoundError: No module named '{missing}'")

    def test_other_ways_to_fail(self):
        self.write("broken.py", "def (:\n")
        self.write("leaves.py", "raise SystemExit('no settings')\n")
        self.write("factory.py", "def create_app():\n    raise KeyError('SECRET')\n")
        for spec, last in (
            ("broken:app", "SyntaxError: "),
            ("leaves:app", "SystemExit: no settings"),
            ("factory:create_app()", "KeyError: 'SECRET'"),
        ):
            failure = self.failure(spec)
            self.assertEqual(failure["kind"], "error")
            self.assertIn(last, failure["traceback"].splitlines()[-1])

    def test_a_folder_that_is_not_there(self):
        zygote = self.zygote(start=False)
        missing = self.folder + "/absent"
        zygote.lines.send({"type": "start", "app": "a:b", "preload": True, "cwd": missing})
        failure = zygote.lines.next()
        self.assertEqual(failure["kind"], "error")
        self.assertIn(f"FileNotFoundError: [Errno 2] No such file or directory: '{missing}'",
                      failure["traceback"])  # fmt: skip


class Surroundings(WorkerTest):
    def look(self, **options):
        worker = self.worker(LOOK, **options)
        facts = json.loads(self.edge(worker).get("/")[1])
        return worker, facts

    def test_the_app_sees_its_own_folder_and_nothing_of_ours(self):
        env = {"PYTHONPATH": "/somewhere", "STACK_APP": "shop"}
        for preload in (True, False):
            with self.subTest(preload=preload):
                worker, facts = self.look(preload=preload, env=env)
                self.assertEqual(facts["cwd"], os.path.realpath(self.folder))
                self.assertEqual(facts["path0"], self.folder)
                self.assertFalse([p for p in facts["path"] if "appserver" in p or p in ("", "/")])
                self.assertIn("/somewhere", facts["path"])
                self.assertEqual(facts["PYTHONPATH"], "/somewhere")
                self.assertEqual(facts["argv"], ["stack"])
                self.assertNotIn("__file__", facts["main"])
                self.assertEqual(facts["STACK_WORKER"], worker.id)
                self.assertEqual(facts["STACK_APP"], "shop")
                self.assertEqual(facts["pid"], worker.pid)
                self.assertEqual(facts["ppid"], worker.zygote.process.pid)

    def test_pythonpath_is_gone_where_only_we_were_on_it(self):
        _, facts = self.look()
        self.assertIsNone(facts["PYTHONPATH"])

    def test_a_worker_collects_garbage_and_its_imports_are_frozen(self):
        _, facts = self.look()
        self.assertTrue(facts["gc"])
        self.assertGreater(facts["frozen"], 1000)

    def test_nothing_of_the_zygote_is_open_in_a_worker(self):
        _, facts = self.look()
        # Ours: listener, control, two ends of the wake pair, one edge; and the epoll.
        self.assertEqual(facts["descriptors"].count("socket"), 5)
        self.assertEqual(facts["descriptors"].count("anon_inode"), 1)
        self.assertEqual(facts["descriptors"].count("pipe"), 2)

    def test_modules_of_the_app_called_like_ours_are_the_apps(self):
        for name in ("frames", "loop", "output", "worker", "tests", "lines"):
            self.write(f"{name}.py", f"NAME = {name!r}\n")
        self.write("json.py", "raise RuntimeError('the app has a json.py of its own')\n")
        text = """
            import frames, loop, output, worker, tests, lines
            def app(environ, start_response):
                start_response("200 OK", [])
                names = [m.NAME for m in (frames, loop, output, worker, tests, lines)]
                return [",".join(names).encode()]
        """
        worker = self.worker(text)
        self.assertEqual(self.edge(worker).get("/")[1], b"frames,loop,output,worker,tests,lines")

    def test_dotted_names_and_factories_are_found(self):
        for name, body in (("api.wsgi", b"plain"), ("plain", b"plain")):
            worker = self.worker(FLASKY, spec="site_app:" + name)
            self.assertEqual(self.edge(worker).get("/")[1], body)
        made = """
            def make():
                def app(environ, start_response):
                    start_response("200 OK", [])
                    return [b"made"]
                return app
        """
        worker = self.worker(made, spec="site_app:make()", name="site_app.py")
        self.assertEqual(self.edge(worker).get("/")[1], b"made")


class Forks(WorkerTest):
    APP = """
        import threading, os
        calls = []
        def app(environ, start_response):
            calls.append(1)
            start_response("200 OK", [])
            return [b"%d %d" % (os.getpid(), len(calls))]
    """

    def test_the_import_is_shared_and_its_threads_are_named(self):
        self.write("site_app.py", """
            import threading
            threading.Thread(target=threading.Event().wait, name="poller", daemon=True).start()
            print("imported once")
            def app(environ, start_response):
                start_response("200 OK", [])
                return [b"x"]
        """)  # fmt: skip
        zygote = self.zygote()
        imported = zygote.lines.next()
        self.assertEqual((imported["type"], imported["threads"]), ("imported", ["poller"]))
        self.assertIsInstance(imported["ms"], int)
        workers = [zygote.fork() for _ in range(2)]
        for worker in workers:
            self.addCleanup(self.end, worker)
            self.assertEqual(self.edge(worker).get("/")[1], b"x")
        self.assertEqual(zygote.log().count("imported once"), 1)
        self.assertNotIn("Warning", zygote.log())

    def test_workers_are_separate_and_named(self):
        first = self.worker(self.APP)
        self.assertEqual(
            first.hello,
            {"type": "hello", "key": "shop-1.1@1.1", "pid": first.pid, "stacksSignal": SIGNAL},
        )
        second = first.zygote.fork()
        self.addCleanup(self.end, second)
        for worker in (first, second):
            edge = self.edge(worker)
            self.assertEqual(edge.get("/")[1], b"%d 1" % worker.pid)
            self.assertEqual(edge.get("/")[1], b"%d 2" % worker.pid)
        kinds = [first.zygote.lines.next() for _ in range(2)]
        self.assertEqual([(m["type"], m["pid"]) for m in kinds],
                         [("forked", first.pid), ("forked", second.pid)])  # fmt: skip
        self.assertEqual(os.stat(first.path).st_mode & 0o777, 0o600)

    def test_forks_asked_for_before_the_import_are_done_after_it(self):
        self.write("site_app.py", self.APP)
        zygote = self.zygote(start=False)
        zygote.lines.socket.sendall(
            b'{"type":"start","app":"site_app:app","preload":true,"cwd":%s}\n'
            b'{"type":"fork","id":"a","key":"a@1","socket":%s,"control":%s}\n'
            % tuple(
                json.dumps(value).encode()
                for value in (self.folder, self.folder + "/a.sock", zygote.control_path)
            )
        )
        control = zygote.accept_control()
        self.addCleanup(control.close)
        self.assertEqual(control.next()["key"], "a@1")
        self.assertEqual(control.next(), {"type": "ready"})

    def test_the_zygote_ends_after_its_last_worker(self):
        worker = self.worker(self.APP)
        zygote = worker.zygote
        edge = self.edge(worker)
        zygote.lines.socket.shutdown(1)
        self.assertEqual(zygote.lines.next()["type"], "forked")
        self.assertIsNone(zygote.process.poll())
        self.assertEqual(edge.get("/")[1], b"%d 1" % worker.pid)
        worker.control.send({"type": "drain", "deadlineMs": 30_000})
        edge.expect(frames.GOAWAY)
        edge.close()
        self.assertEqual(zygote.lines.next()["type"], "exited")
        self.assertEqual(zygote.process.wait(30), 0)

    def test_a_zygote_without_work_ends_with_the_arbiter(self):
        zygote = self.zygote(start=False)
        zygote.lines.close()
        self.assertEqual(zygote.process.wait(30), 0)

    def test_an_import_that_hangs_ends_with_the_arbiter(self):
        self.write("site_app.py", "import threading\nprint('hangs')\nthreading.Event().wait()\n")
        zygote = self.zygote()
        zygote.wait_log("hangs")
        zygote.lines.close()
        self.assertEqual(zygote.process.wait(30), 1)

    def test_signals_of_the_terminal_and_the_group_do_not_end_it(self):
        worker = self.worker(self.APP)
        for number in (signal.SIGINT, signal.SIGTERM):
            worker.zygote.process.send_signal(number)
        other = worker.zygote.fork()
        self.addCleanup(self.end, other)
        self.assertEqual(other.first, {"type": "ready"})

    def test_a_socket_that_cannot_be_is_said_and_exit_4(self):
        self.write("site_app.py", self.APP)
        zygote = self.zygote()
        zygote.lines.next()
        path = self.folder + "/" + "x" * 120
        zygote.lines.send({"type": "fork", "id": "a", "key": "a@1", "socket": path,
                           "control": zygote.control_path})  # fmt: skip
        control = zygote.accept_control()
        self.addCleanup(control.close)
        control.next()
        self.assertEqual(
            control.next(), {"type": "failed", "error": f"{path}: AF_UNIX path too long"}
        )
        zygote.lines.next()
        self.assertEqual(zygote.lines.next()["code"], 4)


if __name__ == "__main__":
    unittest.main()
