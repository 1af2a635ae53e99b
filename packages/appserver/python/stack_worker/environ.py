"""What is the same in the `environ` of every request, and the rest of it."""

import sys


class FileWrapper:
    """`wsgi.file_wrapper`: hands a file out in blocks (PEP 3333)."""

    def __init__(self, file, block_bytes=64 * 1024):
        self._file = file
        self._read = file.read
        self._block_bytes = block_bytes
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        block = self._read(self._block_bytes)
        if block:
            return block
        raise StopIteration


def base_environ():
    """A template: each request gets a copy of it, completed by its own CGI block."""
    return {
        "SCRIPT_NAME": "",
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "SERVER_SOFTWARE": "stack",
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
