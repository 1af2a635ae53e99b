"""
Visits, counted in Redis: the one place that every worker of every instance sees.

stack puts REDIS_URL into the environment when there is a Redis. A counter is no reason to fail:
when Redis is away the page says so and works.
"""
import os
import socket
from urllib.parse import unquote, urlsplit

try:
    import redis
except ImportError:
    redis = None

KEY = "guestbook:visits"
TIMEOUT_SECONDS = 0.5

_client = None  # one connection per worker, made on first use and so after the fork


def count():
    """This visit's number, or None where there is no Redis (or it does not answer)."""
    global _client
    url = os.environ.get("REDIS_URL")
    if not url:
        return None
    try:
        if _client is None:
            _client = connect(url)
        return int(_client.incr(KEY))
    except Exception:  # whatever a client may raise; the next visit connects anew
        _client = None
        return None


def connect(url):
    if redis is None:
        return PlainRedis(url)
    return redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS)  # to connect, too


class PlainRedis:
    """As much of a Redis client as one counter needs: a command is a list of strings, a reply a line."""

    def __init__(self, url):
        parts = urlsplit(url)  # redis://:password@host:6379/0, or unix:///path
        is_unix = parts.scheme == "unix"
        if is_unix:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(TIMEOUT_SECONDS)
            self.socket.connect(parts.path)
        else:
            address = (parts.hostname or "127.0.0.1", parts.port or 6379)
            self.socket = socket.create_connection(address, TIMEOUT_SECONDS)
        self.replies = self.socket.makefile("rb")
        if parts.password:
            user = [unquote(parts.username)] if parts.username else []
            self.command("AUTH", *user, unquote(parts.password))
        if not is_unix and parts.path.strip("/"):
            self.command("SELECT", parts.path.strip("/"))

    def incr(self, key):
        return self.command("INCR", key)

    def command(self, *words):
        encoded = [word.encode() for word in words]
        head = b"*%d\r\n" % len(encoded)
        self.socket.sendall(head + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in encoded))
        reply = self.replies.readline().rstrip(b"\r\n")
        if reply[:1] not in (b"+", b":"):
            raise ConnectionError(reply.decode("utf-8", "replace") or "connection closed")
        return reply[1:].decode()
