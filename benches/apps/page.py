"""A small page, a large one at /page, and whatever is posted is read."""

SMALL = b"x" * 1000
LARGE = b"x" * 400_000


def application(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    body = LARGE if environ["PATH_INFO"] == "/page" else SMALL
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
