"""From the CGI block of a request to the `scope` of ASGI.

Names come back exactly: the edge passes on no header with an underscore, so HTTP_X_Y was x-y. Headers
that came more than once are one, their values joined by "," (Cookie by "; "), as in the block.

The names of a block are nearly always those of the one before, so what they mean is found once: a layout
is where each value goes, and a request is then no more than a split, two picks and a dict.
"""

import sys
from operator import itemgetter

_EXTENSIONS = {"http.response.early_hint": {}, "http.response.pathsend": {}}
_WEBSOCKET_EXTENSIONS = {"websocket.http.response": {}}
_MAX_REMEMBERED = 512
_METHODS = {name.encode(): name for name in "GET HEAD POST PUT DELETE OPTIONS PATCH".split()}
_VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0", b"HTTP/2.0": "2", b"HTTP/2": "2"}
# The variables a scope is made of, and what stands for one that is missing.
_WANTED = (
    (b"REQUEST_METHOD", b"GET"),
    (b"PATH_INFO", b""),
    (b"SCRIPT_NAME", b""),
    (b"QUERY_STRING", b""),
    (b"REQUEST_URI", b"/"),
    (b"SERVER_PROTOCOL", b"HTTP/1.1"),
    (b"wsgi.url_scheme", b"http"),
    (b"REMOTE_ADDR", b""),
    (b"REMOTE_PORT", b""),
    (b"SERVER_NAME", b""),
    (b"SERVER_PORT", b""),
    (b"HTTP_UPGRADE", None),
)
_DEFAULTS = tuple(default for _, default in _WANTED)

_layouts = {}


class _Layout:
    """What the names of a block mean. Positions past its values are those of the defaults."""

    __slots__ = ("pick", "header_names", "pick_headers")

    def __init__(self, names):
        places = {name: place for place, name in enumerate(names)}
        self.pick = itemgetter(
            *(places.get(name, len(names) + index) for index, (name, _) in enumerate(_WANTED))
        )
        headers = [name for name in names if name.startswith((b"HTTP_", b"CONTENT_"))]
        self.header_names = tuple(_header_name(name) for name in headers)
        # Padded to two: of one place it would give no tuple.
        padded = [places[name] for name in headers] + [0, 0]
        self.pick_headers = itemgetter(*padded)


def _header_name(name):
    return name.replace(b"HTTP_", b"", 1).replace(b"_", b"-").lower()


def parse_block(block):
    """(values of `_WANTED`, headers), as bytes."""
    parts = block.split(b"\0")
    names = tuple(parts[::2])
    layout = _layouts.get(names)
    if layout is None:
        if len(_layouts) >= _MAX_REMEMBERED:
            _layouts.clear()  # a client that invents names does not keep the others out
        layout = _layouts[names] = _Layout(names)
    values = parts[1::2]
    values += _DEFAULTS
    return layout.pick(values), list(zip(layout.header_names, layout.pick_headers(values)))


def upgrade_of(wanted):
    """What the client wants to switch to, in lower case; None for an ordinary request."""
    upgrade = wanted[-1]
    return None if upgrade is None or wanted[0] != b"GET" else upgrade.lower()


def http_scope(wanted, headers, state):
    method, path, script, query, target, protocol, scheme, *addresses, _ = wanted
    client, client_port, server, server_port = addresses
    root_path = ""
    if script:
        root_path = script.decode("utf-8", "replace")
        if _path_has_root():
            path = script + path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": _VERSIONS.get(protocol) or protocol.decode("latin-1").partition("/")[2],
        "method": _METHODS.get(method) or method.decode("latin-1"),
        "scheme": "https" if scheme == b"https" else "http",
        "path": path.decode("utf-8", "replace"),
        "raw_path": target.partition(b"?")[0],
        "query_string": query,
        "root_path": root_path,
        "headers": headers,
        "client": (client.decode("latin-1"), int(client_port or 0)),
        "server": (server.decode("latin-1"), int(server_port or 0)),
        "state": state.copy(),
        "extensions": _EXTENSIONS.copy(),
    }


def websocket_scope(wanted, headers, state, subprotocols):
    scope = http_scope(wanted, headers, state)
    del scope["method"]
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    scope["subprotocols"] = subprotocols
    scope["extensions"] = _WEBSOCKET_EXTENSIONS.copy()
    return scope


def _path_has_root():
    """ASGI's `path` begins with `root_path`; Starlette before 0.33 took it for what comes after it."""
    starlette = sys.modules.get("starlette")
    version = getattr(starlette, "__version__", "1").split(".")
    return not (version[0] == "0" and len(version) > 1 and version[1].isdigit() and int(version[1]) < 33)
