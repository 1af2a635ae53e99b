"""
The guestbook without any framework: what a WSGI application is underneath (PEP 3333).

It stands in for flask_app.py where Flask is not installed, and shows what Flask does for you:
routing, reading forms, writing status lines.
"""
import time
from email import policy
from email.parser import BytesParser
from http import HTTPStatus
from json import dumps
from urllib.parse import parse_qs

from . import images, messages, pages, visits
from .whoami import whoami

HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


class BadRequest(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def application(environ, start_response):
    """Called once per request: says the head through start_response, returns the body."""
    method = environ["REQUEST_METHOD"]
    route = ROUTES.get(environ.get("PATH_INFO") or "/")
    if route is None:
        status, kind, body, headers = HTTPStatus.NOT_FOUND, PLAIN, "not found\n", []
    else:
        handler = route.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = ", ".join(sorted({*route, "HEAD"}))
            status, kind, body = HTTPStatus.METHOD_NOT_ALLOWED, PLAIN, "method not allowed\n"
            headers = [("Allow", allowed)]
        else:
            status, kind, body, headers = handler(environ)
    data = body.encode()
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", kind), ("Content-Length", str(len(data))), *headers],
    )
    return [] if method == "HEAD" else [data]


def index(_environ, status=HTTPStatus.OK, problem=None):
    page = pages.index(messages.latest(), visits.count(), whoami(), problem)
    return status, HTML, page, []


def sign(environ):
    try:
        fields = read_form(environ)
        avatar = fields.get("avatar", b"")
        messages.add(
            name=fields.get("name", b"").decode("utf-8", "replace"),
            text=fields.get("message", b"").decode("utf-8", "replace"),
            avatar=images.save(avatar) if avatar else None,
        )
    except BadRequest as problem:
        return index(environ, problem.status, str(problem))
    except ValueError as problem:
        return index(environ, HTTPStatus.BAD_REQUEST, str(problem))
    # 303: the browser asks for the page anew, so that "reload" does not sign a second time.
    return HTTPStatus.SEE_OTHER, PLAIN, "", [("Location", "/")]


def healthz(_environ):
    """Asked by stack before a worker gets its first request, and at intervals: keep it cheap."""
    return HTTPStatus.OK, PLAIN, "ok\n", []


def who(_environ):
    return HTTPStatus.OK, "application/json", dumps(whoami()) + "\n", []


def slow(environ):
    """A page that keeps its worker busy: `/slow?ms=100`, at most ten seconds."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    ms = pages.clamp_ms(query.get("ms", [None])[0])
    time.sleep(ms / 1000)
    return HTTPStatus.OK, PLAIN, f"slept {ms} ms\n", []


ROUTES = {
    "/": {"GET": index, "POST": sign},
    "/healthz": {"GET": healthz},
    "/whoami": {"GET": who},
    "/slow": {"GET": slow},
}


def read_form(environ):
    """The fields of a form by name, as bytes; both encodings that browsers send."""
    body = read_body(environ)
    kind = environ.get("CONTENT_TYPE", "")
    if kind.startswith("multipart/form-data"):
        # A form with a file is a MIME message without its head (the module `cgi` is gone).
        head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1")
        message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
        if not message.is_multipart():
            raise BadRequest(HTTPStatus.BAD_REQUEST, "The form could not be read.")
        return {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message.iter_parts()
        }
    fields = parse_qs(body.decode("latin-1"), encoding="utf-8")
    return {name: values[0].encode() for name, values in fields.items()}


def read_body(environ):
    """The whole body, never more than the limit: a length is only what a client claims."""
    length = environ.get("CONTENT_LENGTH")
    if not length and not environ.get("wsgi.input_terminated"):
        return b""  # without a length, and without this promise of the server, a read could hang
    limit = images.MAX_REQUEST_BYTES
    if length and int(length) > limit:
        discard(environ["wsgi.input"], int(length))
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, images.TOO_LARGE)
    body = environ["wsgi.input"].read(int(length) if length else limit + 1)
    if len(body) > limit:
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, images.TOO_LARGE)
    return body


def discard(stream, length):
    """Reads what a client is still sending: closing on it would lose the answer on its way."""
    while length > 0:
        piece = stream.read(min(length, 64 * 1024))
        if not piece:
            return
        length -= len(piece)
