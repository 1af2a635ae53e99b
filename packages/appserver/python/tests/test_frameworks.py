"""Apps as people write them, unchanged: the validator, Flask, Django."""

import io
import unittest

from stack_worker import frames

from .harness import WorkerTest, block, frame

VALIDATED = """
    from wsgiref.validate import validator

    def inner(environ, start_response):
        path = environ["PATH_INFO"]
        stream = environ["wsgi.input"]
        headers = [("Content-Type", "text/plain")]
        if path == "/echo":
            body = stream.read(5) + stream.readline() + b"".join(stream)
            start_response("200 OK", headers)
            return [body]
        if path == "/write":
            start_response("200 OK", headers)(b"written")
            return []
        if path == "/empty":
            start_response("204 No Content", [])
            return []
        start_response("200 OK", headers)
        environ["wsgi.errors"].write("to the log\\n")
        environ["wsgi.errors"].flush()
        return iter([b"pie", b"ces"])

    app = validator(inner)
"""

FLASK = """
    import time
    from flask import Flask, Response, jsonify, request, stream_with_context

    app = Flask(__name__)

    @app.route("/")
    def index():
        return "Hello"

    @app.route("/json")
    def json():
        return jsonify(message="Hello", url=request.url)

    @app.route("/form", methods=["POST"])
    def form():
        sent = request.files["avatar"]
        return f"{request.form['name']} {sent.filename} {len(sent.read())}"

    @app.route("/chunked", methods=["POST"])
    def chunked():
        return request.get_data()

    @app.route("/stream")
    def stream():
        return Response((f"{n}," for n in range(3)), mimetype="text/plain")

    @app.route("/broken")
    def broken():
        return 1 / 0

    @app.route("/file")
    def file():
        from flask import send_file
        return send_file(__file__)
"""

DJANGO = """
    from django.conf import settings
    settings.configure(
        DEBUG=False, SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
    from django.core.wsgi import get_wsgi_application
    from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path

    def hello(request):
        return HttpResponse("Hello " + request.GET.get("name", ""))

    def upload(request):
        return JsonResponse({"name": request.POST["name"], "size": request.FILES["avatar"].size})

    def stream(request):
        return StreamingHttpResponse(iter([b"a", b"b"]))

    def file(request):
        return FileResponse(open(__file__, "rb"))

    def broken(request):
        raise KeyError("on purpose")

    urlpatterns = [path("", hello), path("upload", upload), path("stream", stream),
                   path("file", file), path("broken", broken)]
    application = get_wsgi_application()
"""

BOUNDARY = "----boundary"


def multipart(size):
    out = io.BytesIO()
    for head, value in (
        ('name="name"', b"Ada"),
        ('name="avatar"; filename="a.png"\r\nContent-Type: image/png', b"p" * size),
    ):
        out.write(f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode())
        out.write(value + b"\r\n")
    out.write(f"--{BOUNDARY}--\r\n".encode())
    return out.getvalue()


class Framework(WorkerTest):
    def post(self, edge, path, body, **extra):
        edge.send(frame(frames.REQUEST_BODY, block(method="POST", path=path, **extra)))
        for start in range(0, len(body), 65536):
            edge.send(frame(frames.BODY, body[start : start + 65536]))
        edge.send(frame(frames.END))
        return edge.answer()

    def upload(self, edge, path, size):
        body = multipart(size)
        return self.post(
            edge,
            path,
            body,
            CONTENT_TYPE=f"multipart/form-data; boundary={BOUNDARY}",
            CONTENT_LENGTH=str(len(body)),
        )


class Validator(Framework):
    def test_the_validator_finds_nothing(self):
        worker = self.worker(VALIDATED)
        edge = self.edge(worker)
        self.assertEqual(edge.get("/")[1], b"pieces")
        self.assertEqual(edge.get("/write")[1], b"written")
        self.assertEqual(edge.get("/empty")[1], b"")
        for _ in range(2):
            edge.send(frame(frames.REQUEST_BODY, block(method="POST", path="/echo")))
            edge.send(frame(frames.BODY, b"one\ntwo\nthree"), frame(frames.END))
            self.assertEqual(edge.answer()[1], b"one\ntwo\nthree")
        self.assertEqual(self.post(edge, "/echo", b"all\nat once")[1], b"all\nat once")
        log = worker.zygote.wait_log("to the log")
        self.assertNotIn("Assertion", log)
        self.assertNotIn("Warning", log)


class Flask(Framework):
    def test_a_flask_app_runs_unchanged(self):
        worker = self.worker(FLASK)
        edge = self.edge(worker)
        head, body = edge.get("/")
        self.assertEqual(body, b"Hello")
        self.assertIn("Content-Length: 5\r\n", head)
        head, body = edge.get("/json", HTTP_HOST="shop.example")
        self.assertIn(b"http://shop.example/json", body)
        self.assertEqual(self.upload(edge, "/form", 300_000)[1], b"Ada a.png 300000")
        # A chunked upload has no length: input_terminated says that reading to the end is safe.
        self.assertEqual(self.post(edge, "/chunked", b"no length")[1], b"no length")
        self.assertEqual(edge.get("/stream")[1], b"0,1,2,")
        with open(self.folder + "/site_app.py", "rb") as file:
            self.assertEqual(edge.get("/file")[1], file.read())
        self.assertTrue(edge.get("/broken")[0].startswith("500 INTERNAL SERVER ERROR"))
        worker.zygote.wait_log("ZeroDivisionError")
        self.assertEqual(edge.get("/", REQUEST_METHOD="HEAD"), (edge.get("/")[0], b""))


class Django(Framework):
    def test_a_django_app_runs_unchanged(self):
        worker = self.worker(DJANGO, spec="site_app")
        edge = self.edge(worker)
        head, body = edge.get("/", QUERY_STRING="name=Ada")
        self.assertEqual(body, b"Hello Ada")
        self.assertIn("Content-Length: 9\r\n", head)
        body = self.upload(edge, "/upload", 3_000_000)[1]
        self.assertEqual(body, b'{"name": "Ada", "size": 3000000}')
        self.assertEqual(edge.get("/stream")[1], b"ab")
        with open(self.folder + "/site_app.py", "rb") as file:
            self.assertEqual(edge.get("/file")[1], file.read())
        self.assertTrue(edge.get("/broken")[0].startswith("500 Internal Server Error"))


if __name__ == "__main__":
    unittest.main()
