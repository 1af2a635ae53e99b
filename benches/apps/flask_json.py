"""A small JSON answer of a Flask application."""

from flask import Flask, jsonify

application = Flask(__name__)


@application.route("/")
def index():
    return jsonify(message="Hello, World!", items=[1, 2, 3])
