"""ASGI apps as people write them, unchanged: Starlette, FastAPI, Django; a thousand at once; both loops."""

import json
import resource
import unittest

from stack_worker import frames

from .harness import WorkerTest, block, frame
from .test_asgi_websocket import UPGRADE, Socket

STARLETTE = """
    import asyncio, contextlib
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    async def index(request):
        return PlainTextResponse("Hello")

    async def state(request):
        return JSONResponse({"ready": request.app.state.ready, "url": str(request.url_for("state"))})

    async def upload(request):
        pieces = [piece async for piece in request.stream()]
        return JSONResponse({"sent": b"".join(pieces).decode()})

    async def stream(request):
        async def numbers():
            for number in range(3):
                yield f"{number},"
                await asyncio.sleep(0)
        return StreamingResponse(numbers(), background=BackgroundTask(print, "after", flush=True))

    async def forever(request):
        async def ticks():
            try:
                while True:
                    yield "tick"
                    await asyncio.sleep(0.01)
            finally:
                print("stream cancelled", flush=True)
        return StreamingResponse(ticks())

    async def file(request):
        return FileResponse(__file__)

    def sync(request):
        return PlainTextResponse("from a thread")

    async def slow(request):
        await asyncio.sleep(1)
        return PlainTextResponse("slow")

    async def loop(request):
        return PlainTextResponse(type(asyncio.get_running_loop()).__module__)

    async def socket(websocket):
        await websocket.accept()
        async for message in websocket.iter_text():
            await websocket.send_json({"got": message})

    class Named(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            response = await call_next(request)
            response.headers["x-named"] = "yes"
            return response

    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.ready = "yes"
        yield
        print("lifespan ended", flush=True)

    names = ("index", "state", "stream", "forever", "file", "sync", "slow", "loop")
    routes = [Route("/" + name, globals()[name], name=name) for name in names]
    routes += [Route("/upload", upload, methods=["POST"]), WebSocketRoute("/socket", socket)]
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(Named)])
"""

FASTAPI = """
    from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, WebSocket
    from pydantic import BaseModel

    app = FastAPI()

    class Item(BaseModel):
        name: str
        price: float

    @app.on_event("startup")
    async def begin():
        app.state.begun = True

    @app.get("/items/{number}")
    def item(number: int, q: str = "none"):
        return {"number": number, "q": q, "begun": app.state.begun}

    @app.post("/items")
    async def create(item: Item, tasks: BackgroundTasks):
        tasks.add_task(print, "stored", item.name, flush=True)
        return item

    @app.get("/missing")
    async def missing():
        raise HTTPException(404, "no such thing")

    @app.get("/broken")
    async def broken():
        return 1 / 0
"""

FAILING = """
    from fastapi import FastAPI
    app = FastAPI()

    @app.on_event("startup")
    async def begin():
        raise RuntimeError("the database is not there")
"""

DJANGO = """
    from django.conf import settings
    settings.configure(
        DEBUG=False, SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
    import threading, time
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path

    barrier = threading.Barrier(4)

    async def index(request):
        return JsonResponse({"path": request.path, "q": request.GET.get("q")})

    def plain(request):
        return HttpResponse("from a thread")

    def together(request):
        return HttpResponse(str(barrier.wait(30)))

    def stream(request):
        return StreamingHttpResponse(iter(["a", "b", "c"]))

    urlpatterns = [path("i/index", index), path("plain", plain), path("together", together),
                   path("stream", stream)]
    app = get_asgi_application()
    application = get_wsgi_application()
"""

MIDDLEWARE = """
    class Outer:
        def __init__(self, app):
            self.app = app
        def __call__(self, environ, start_response):
            environ["seen"] = environ.get("seen", "") + "outer,"
            return self.app(environ, start_response)

    def inner(app):
        def wrapped(environ, start_response):
            environ["seen"] += "inner,"
            return app(environ, start_response)
        return wrapped

    def broken(app):
        raise ValueError("cannot wrap")

    def nothing(app):
        return None

    def make_app():
        def app(environ, start_response):
            start_response("200 OK", [])
            return [environ["seen"].encode()]
        return app
"""


class Asgi(WorkerTest):
    def asgi(self, text, **options):
        return self.worker(text, model={"kind": "asgi"}, **options)

    def post(self, worker, path, body, kind, extra=None):
        edge = self.edge(worker)
        variables = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), **(extra or {})}
        edge.send(
            frame(frames.REQUEST_BODY, block("POST", path, **variables)),
            frame(frames.BODY, body),
            frame(frames.END),
        )
        return edge.answer()

    def test_starlette(self):
        worker = self.asgi(STARLETTE)
        edge = self.edge(worker)
        head, body = edge.get("/index")
        self.assertEqual(body, b"Hello")
        self.assertIn("x-named: yes", head)
        _, body = edge.get("/state")
        self.assertEqual(json.loads(body), {"ready": "yes", "url": "http://localhost/state"})
        self.assertEqual(edge.get("/stream")[1], b"0,1,2,")
        worker.zygote.wait_log("after")
        self.assertIn(b"FileResponse(__file__)", edge.get("/file")[1])
        self.assertEqual(edge.get("/sync")[1], b"from a thread")
        self.assertTrue(edge.get("/nothing")[0].startswith("404 Not Found"))
        _, body = self.post(worker, "/upload", b"a=1&b=2", "text/plain")
        self.assertEqual(json.loads(body), {"sent": "a=1&b=2"})
        socket = Socket(self.edge(worker), "/socket")
        socket.edge.expect(frames.HEAD)
        socket.send(1, b"ping")
        self.assertEqual(socket.next(), (1, '{"got": "ping"}'))
        leaver = self.edge(worker)
        leaver.send(frame(frames.REQUEST, block(path="/forever")))
        leaver.expect(frames.HEAD, frames.BODY)
        leaver.close()
        worker.zygote.wait_log("stream cancelled")
        self.assertNotIn("Traceback", worker.zygote.log())

    def test_starlette_below_a_stripped_prefix(self):
        worker = self.asgi(STARLETTE)
        extra = {"SCRIPT_NAME": "/site", "REQUEST_URI": "/site/state"}
        _, body = self.edge(worker).get("/state", **extra)
        self.assertEqual(json.loads(body)["url"], "http://localhost/site/state")

    def test_fastapi(self):
        worker = self.asgi(FASTAPI)
        edge = self.edge(worker)
        _, body = edge.get("/items/7", QUERY_STRING="q=x")
        self.assertEqual(json.loads(body), {"number": 7, "q": "x", "begun": True})
        self.assertTrue(edge.get("/items/seven")[0].startswith("422"))
        self.assertEqual(json.loads(edge.get("/missing")[1]), {"detail": "no such thing"})
        item = b'{"name": "cup", "price": 2.5}'
        _, body = self.post(worker, "/items", item, "application/json")
        self.assertEqual(json.loads(body), {"name": "cup", "price": 2.5})
        worker.zygote.wait_log("stored cup")
        head, body = edge.get("/broken")
        self.assertTrue(head.startswith("500"))
        worker.zygote.wait_log("ZeroDivisionError")

    def test_a_startup_that_fails_tells_why(self):
        self.write("site_app.py", FAILING)
        zygote = self.zygote(model={"kind": "asgi"})
        zygote.lines.next()
        worker = zygote.fork()
        self.addCleanup(self.end, worker)
        self.assertEqual(worker.first["type"], "startup-failed")
        self.assertIn("RuntimeError: the database is not there", worker.first["message"])

    def test_django(self):
        edge = self.edge(self.asgi(DJANGO))
        _, body = edge.get("/i/index", QUERY_STRING="q=1", SCRIPT_NAME="/s", REQUEST_URI="/s/i/index")
        self.assertEqual(json.loads(body), {"path": "/s/i/index", "q": "1"})
        self.assertEqual(edge.get("/plain")[1], b"from a thread")
        self.assertEqual(edge.get("/stream")[1], b"abc")

    def test_a_thousand_slow_requests_at_once_on_either_loop(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.write("uvloop.py", "raise ImportError\n")
        for path, loop in (("", "uvloop"), (self.folder, "asyncio.unix_events")):
            worker = self.asgi(STARLETTE, env={"PYTHONPATH": path})
            self.assertEqual(self.edge(worker).get("/loop")[1].decode(), loop)
            edges = [self.edge(worker) for _ in range(1000)]
            for edge in edges:
                edge.send(frame(frames.REQUEST, block(path="/slow")))
            for edge in edges:
                self.assertEqual(edge.answer()[1], b"slow")
            for edge in edges:
                edge.close()


class Wsgi(WorkerTest):
    def test_django_under_threads(self):
        model = {"worker": "threads", "concurrency": 4}
        worker = self.worker(DJANGO, spec="site_app:application", model=model)
        edges = [self.edge(worker) for _ in range(4)]
        for edge in edges:
            edge.send(frame(frames.REQUEST, block(path="/together")))
        self.assertEqual(sorted(edge.answer()[1] for edge in edges), [b"0", b"1", b"2", b"3"])
        self.assertEqual(edges[0].get("/stream")[1], b"abc")

    def test_middleware_wraps_the_app_outermost_first(self):
        model = {"middleware": ["site_app:Outer", "site_app:inner"]}
        worker = self.worker(MIDDLEWARE, spec="site_app:make_app()", model=model)
        self.assertEqual(self.edge(worker).get("/")[1], b"outer,inner,")

    def test_middleware_that_fails_is_named(self):
        self.write("site_app.py", MIDDLEWARE)
        for name, kind in (("broken", "error"), ("nothing", "error"), ("missing", "attribute-missing")):
            model = {"middleware": [f"site_app:{name}"]}
            facts = self.zygote("site_app:make_app()", model=model).lines.next()
            self.assertEqual(
                (facts["kind"], facts["key"], facts["target"]), (kind, "middleware", f"site_app:{name}")
            )

    def test_an_asgi_app_is_refused(self):
        self.write("site_app.py", FASTAPI)
        facts = self.zygote(model={"kind": "wsgi"}).lines.next()
        self.assertEqual((facts["kind"], facts["found"]), ("other-kind", ["asgi"]))


if __name__ == "__main__":
    unittest.main()
