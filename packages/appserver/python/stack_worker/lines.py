"""JSON lines on a Unix stream socket: how zygote and workers speak with the arbiter."""

import json

_MAX_LINE_BYTES = 4 * 1024 * 1024


def send_line(sock, message):
    """Sends one message. False when the arbiter is gone: its end is noticed by reading."""
    try:
        sock.sendall(json.dumps(message).encode() + b"\n")
        return True
    except OSError:
        return False


class LineReader:
    """Reads what has arrived, without ever waiting unless asked to."""

    def __init__(self, sock):
        self._socket = sock
        self._pending = b""
        self.ended = False

    def read(self, flags=0):
        """The messages completed by one recv; empty when there is nothing yet. Sets `ended` at EOF."""
        try:
            data = self._socket.recv(65536, flags)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return []
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > _MAX_LINE_BYTES:
            self.ended = True
        return [json.loads(line) for line in lines if line]
