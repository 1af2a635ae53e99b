"""A zygote, its workers and an edge, as the arbiter and the edge see them: real processes and sockets."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

from stack_worker import frames

PYTHON_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEADLINE_S = 30
_LAUNCHER = """
import os, sys
given = int(sys.argv[1])
if given != 3:
    os.dup2(given, 3)
    os.close(given)
os.execv(sys.executable, [sys.executable, "-m", "stack_worker.zygote"])
"""


def block(method="GET", path="/", query="", **extra):
    """A CGI block as the edge makes it."""
    variables = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_URI": path + ("?" + query if query else ""),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "localhost",
    }
    for name, value in extra.items():
        variables[name] = value
    return "\0".join(part for pair in variables.items() for part in pair).encode("latin-1")


def frame(kind, payload=b""):
    return frames.WORD.pack(kind << 24 | len(payload)) + payload


class Lines:
    """The arbiter's end of a line socket."""

    def __init__(self, sock):
        self.socket = sock
        sock.settimeout(DEADLINE_S)
        self._pending = b""

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def next(self):
        """The next message; None at the end of the connection."""
        while b"\n" not in self._pending:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        self.socket.close()


class Edge:
    """An edge's connection to a worker."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self._pending = b""
        # How often something was read.
        self.reads = 0

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def next(self):
        """(type, payload) of the next frame; None at the end of the connection."""
        while True:
            if len(self._pending) >= 4:
                (word,) = frames.WORD.unpack_from(self._pending)
                size = word & 0xFFFFFF
                if len(self._pending) >= 4 + size:
                    payload = self._pending[4 : 4 + size]
                    self._pending = self._pending[4 + size :]
                    return word >> 24, payload
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.reads += 1
            self._pending += data

    def expect(self, *kinds):
        """The payload of the last of the next frames, which are of these types."""
        payload = None
        for kind in kinds:
            got = self.next()
            if got is None or got[0] != kind:
                raise AssertionError(f"expected frame {kind}, got {got!r:.300}")
            payload = got[1]
        return payload

    def answer(self, ready=True):
        """(head as text, body) of one answer and, by default, the READY behind it."""
        got = self.next()
        while got is not None and got[0] == frames.WINDOW:
            got = self.next()
        if got is None or got[0] != frames.HEAD:
            raise AssertionError(f"expected a head, got {got!r:.300}")
        head = got[1].decode("latin-1")
        body = []
        while True:
            got = self.next()
            if got is None:
                raise AssertionError(f"the answer ended early, after {head!r}")
            kind, payload = got
            if kind == frames.BODY:
                body.append(payload)
            elif kind == frames.END:
                break
            elif kind != frames.WINDOW:
                raise AssertionError(f"unexpected frame {kind}")
        if ready:
            self.expect(frames.READY)
        return head, b"".join(body)

    def get(self, path="/", **extra):
        """A whole exchange on a connection that has had its READY."""
        self.send(frame(frames.REQUEST, block(path=path, **extra)))
        return self.answer()

    def close(self):
        self.socket.close()


def stream(number):
    return frame(frames.STREAM, frames.WORD.pack(number))


class SharedEdge(Edge):
    """A connection that many exchanges share: frames are kept for whoever asks for their stream."""

    def __init__(self, path):
        super().__init__(path)
        self._heard = 0
        self._kept = {}

    def ask(self, number, path="/", query="", body=None, method="GET"):
        """The request of a stream, in one write."""
        self.send(self.request(number, path, query, body, method))

    @staticmethod
    def request(number, path="/", query="", body=None, method="GET"):
        kind = frames.REQUEST if body is None else frames.REQUEST_BODY
        parts = [stream(number), frame(kind, block(method, path, query))]
        if body:
            parts.append(frame(frames.BODY, body))
        if body is not None:
            parts.append(frame(frames.END))
        return b"".join(parts)

    def abort(self, number):
        self.send(frame(frames.ABORT, frames.WORD.pack(number)))

    def kept(self, number):
        """What has come for a stream and was not asked for."""
        return self._kept.setdefault(number, [])

    def of(self, number):
        """(type, payload) of the next frame of a stream, or, of 0, of the connection; None at its end."""
        kept = self.kept(number)
        while not kept:
            got = self.next()
            if got is None:
                return None
            kind, payload = got
            if kind == frames.STREAM:
                (self._heard,) = frames.WORD.unpack(payload)
            elif kind == frames.ABORT:
                self.kept(frames.WORD.unpack(payload)[0]).append((kind, b""))
            elif kind == frames.GOAWAY:
                self.kept(0).append(got)
            else:
                self.kept(self._heard).append(got)
        return kept.pop(0)

    def expect_of(self, number, *kinds):
        """The payload of the last of the next frames of a stream, which are of these types."""
        payload = None
        for kind in kinds:
            got = self.of(number)
            if got is None or got[0] != kind:
                raise AssertionError(f"expected frame {kind} of stream {number}, got {got!r:.300}")
            payload = got[1]
        return payload

    def answer_of(self, number):
        """(head as text, body) of one answer."""
        head = self.expect_of(number, frames.HEAD).decode("latin-1")
        body = []
        while True:
            got = self.of(number)
            if got is None or got[0] not in (frames.BODY, frames.END):
                raise AssertionError(f"the answer of stream {number} is broken off by {got!r:.300}")
            if got[0] == frames.END:
                return head, b"".join(body)
            body.append(got[1])


class Zygote:
    def __init__(self, folder, app, preload=True, python=sys.executable, env=None, start=True, model=None):
        self.folder = folder
        self.run_folder = tempfile.mkdtemp(prefix="sw-run-")
        ours, theirs = socket.socketpair()
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment.update(env or {})
        rest = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = PYTHON_FOLDER + (os.pathsep + rest if rest else "")
        self.log_pipe, log_end = os.pipe()
        # Python moves the socket to descriptor 3, where the zygote expects it.
        self.process = subprocess.Popen(
            [python, "-S", "-E", "-c", _LAUNCHER, str(theirs.fileno())],
            cwd="/",
            env=environment,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=log_end,
            stderr=log_end,
        )
        theirs.close()
        os.close(log_end)
        self.lines = Lines(ours)
        self._log = b""
        os.set_blocking(self.log_pipe, False)
        self._control = socket.socket(socket.AF_UNIX)
        self.control_path = os.path.join(self.run_folder, "control")
        self._control.bind(self.control_path)
        self._control.listen(16)
        self._control.settimeout(DEADLINE_S)
        self._count = 0
        if start:
            start = {"type": "start", "app": app, "preload": preload, "cwd": folder}
            self.lines.send({**start, **(model or {})})

    def log(self):
        """What was written so far, without marks."""
        try:
            while True:
                data = os.read(self.log_pipe, 65536)
                if not data:
                    break
                self._log += data
        except (BlockingIOError, OSError):
            pass
        return self._log.decode("utf-8", "replace")

    def wait_log(self, text):
        return eventually(f"{text!r} in the log", lambda: self.log() if text in self.log() else None)

    def ask_fork(self):
        self._count += 1
        name = f"shop-1.{self._count}"
        path = os.path.join(self.run_folder, f"{self._count}.sock")
        self.lines.send(
            {
                "type": "fork",
                "id": name,
                "key": f"{name}@1.{self._count}",
                "socket": path,
                "control": self.control_path,
            }
        )
        return name, path

    def accept_control(self):
        accepted, _ = self._control.accept()
        return Lines(accepted)

    def fork(self):
        return Worker(self)

    def close(self):
        for action in (self.lines.close, self._control.close):
            action()
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.log_pipe)
        shutil.rmtree(self.run_folder, True)


class Worker:
    def __init__(self, zygote):
        self.zygote = zygote
        self.id, self.path = zygote.ask_fork()
        self.control = zygote.accept_control()
        self.hello = self.control.next()
        self.pid = self.hello["pid"]
        self.first = self.control.next()

    def edge(self, greeted=True):
        edge = Edge(self.path)
        if greeted:
            edge.expect(frames.READY)
        return edge

    def shared_edge(self):
        edge = SharedEdge(self.path)
        edge.expect(frames.READY)
        return edge

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)


def eventually(what, probe):
    """Asks again until `probe` gives something: for facts that announce themselves to nobody."""
    end = time.monotonic() + DEADLINE_S
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.005)


class WorkerTest(unittest.TestCase):
    """A folder, an app in it, and everything ended afterwards."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sw-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))
        return path

    def zygote(self, app="site_app:app", **options):
        zygote = Zygote(self.folder, app, **options)
        self.addCleanup(zygote.close)
        return zygote

    def worker(self, text, name="site_app.py", spec="site_app:app", **options):
        """A ready worker of an app with this source."""
        self.write(name, text)
        zygote = self.zygote(spec, **options)
        imported = zygote.lines.next()
        if imported is None or imported["type"] != "imported":
            raise AssertionError(f"{imported}\n{zygote.log()}")
        worker = zygote.fork()
        self.addCleanup(self.end, worker)
        self.assertEqual(worker.first, {"type": "ready"}, zygote.log())
        return worker

    def edge(self, worker, greeted=True):
        edge = worker.edge(greeted)
        self.addCleanup(edge.close)
        return edge

    def shared_edge(self, worker):
        edge = worker.shared_edge()
        self.addCleanup(edge.close)
        return edge

    def exit_of(self, worker):
        """The zygote's message about the end of this worker."""
        gone = self.__dict__.setdefault("_gone", {})
        while worker.pid not in gone:
            message = worker.zygote.lines.next()
            if message["type"] == "exited":
                gone[message["pid"]] = message
        return gone[worker.pid]

    def end(self, worker):
        try:
            worker.kill()
        except ProcessLookupError:
            pass
        worker.control.close()


class SharedWorkerTest(WorkerTest):
    """One worker of `source` for all tests of the class, which leave it as it was."""

    source = ""
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.holder = WorkerTest()
        cls.holder.setUp()
        cls.shared = cls.holder.worker(cls.source, **cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.holder.doCleanups()

    def setUp(self):
        super().setUp()
        self.before = len(self.shared.zygote.log())

    def log(self):
        """What was written since the test began."""
        return self.shared.zygote.log()[self.before :]
