"""`wsgi.input` of a request whose body had not arrived whole."""

import io


class _Frames(io.RawIOBase):
    def __init__(self, connection):
        super().__init__()
        self._connection = connection

    def readable(self):
        return True

    def readinto(self, target):
        if self._connection is None:
            raise OSError("wsgi.input was read after its request had ended")
        return self._connection.read_into(target)

    def detach_connection(self):
        self._connection = None


class RequestBody(io.BufferedReader):
    """read, readline, readlines, iteration as of a file; it ends where the body ends.

    Reading raises ClientGone, an OSError, when the client went away before it had sent everything.
    """

    def __init__(self, connection):
        self._frames = _Frames(connection)
        super().__init__(self._frames, 64 * 1024)

    def end(self):
        """The exchange is over: what comes on the connection now is another request's."""
        self._frames.detach_connection()
