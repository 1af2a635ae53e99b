"""
The guestbook with Flask.

    stack up                                          # as deploy.config.ts says
    flask --app guestbook.flask_app run               # while you work on it

Nothing in here knows how it is served: a WSGI application is a callable, and whoever runs it
decides how many processes there are. What they share is on the disk (messages, avatars) or in
Redis (visits); a global variable would be counted once per worker.
"""
import time

from flask import Flask, Response, jsonify, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge

from . import images, messages, pages, visits
from .whoami import whoami

application = Flask(__name__, static_folder="../static", static_url_path="/static")
# Flask refuses larger bodies while it reads them. The edge has a limit of its own for every app.
application.config["MAX_CONTENT_LENGTH"] = images.MAX_REQUEST_BYTES


@application.get("/")
def index():
    return pages.index(messages.latest(), visits.count(), whoami())


@application.post("/")
def sign():
    avatar = request.files.get("avatar")
    try:
        messages.add(
            name=request.form.get("name", ""),
            text=request.form.get("message", ""),
            avatar=images.save(avatar.read()) if avatar else None,
        )
    except ValueError as problem:
        page = pages.index(messages.latest(), visits.count(), whoami(), problem=str(problem))
        return page, 400
    # 303: the browser asks for the page anew, so that "reload" does not sign a second time.
    return redirect("/", code=303)


@application.errorhandler(RequestEntityTooLarge)
def too_large(_error):
    page = pages.index(messages.latest(), visits.count(), whoami(), problem=images.TOO_LARGE)
    return page, 413


@application.get("/healthz")
def healthz():
    """Asked by stack before a worker gets its first request, and at intervals: keep it cheap."""
    return Response("ok\n", mimetype="text/plain")


@application.get("/whoami")
def who():
    return jsonify(whoami())


@application.get("/slow")
def slow():
    """A page that keeps its worker busy: `/slow?ms=100`, at most ten seconds."""
    ms = pages.clamp_ms(request.args.get("ms"))
    time.sleep(ms / 1000)
    return Response(f"slept {ms} ms\n", mimetype="text/plain")
