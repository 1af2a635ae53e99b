"""From the CGI block of a request to the `scope` of ASGI.

Names come back exactly: the edge passes on no header with an underscore, so HTTP_X_Y was x-y. Headers
that came more than once are one, their values joined by "," (Cookie by "; "), as in the block.
"""

import sys

_VERSIONS = {"version": "3.0", "spec_version": "2.4"}
_EXTENSIONS = {"http.response.early_hint": {}, "http.response.pathsend": {}}
_WEBSOCKET_EXTENSIONS = {"websocket.http.response": {}}
_MAX_REMEMBERED = 512

# CGI names and the header names they stand for.
_header_names = {b"CONTENT_TYPE": b"content-type", b"CONTENT_LENGTH": b"content-length"}


def parse_block(block):
    """(CGI variables, headers), all as bytes; HTTP_UPGRADE is in both."""
    parts = iter(block.split(b"\0"))
    known = _header_names
    variables = {}
    headers = []
    for name, value in zip(parts, parts):
        header = known.get(name)
        if header is not None:
            headers.append((header, value))
        elif name == b"HTTP_UPGRADE":
            variables[name] = value
            headers.append((b"upgrade", value))
        elif name.startswith(b"HTTP_"):
            header = name[5:].replace(b"_", b"-").lower()
            if len(known) < _MAX_REMEMBERED:
                known[name] = header
            headers.append((header, value))
        else:
            variables[name] = value
    return variables, headers


def http_scope(variables, headers, state):
    scope = _common(variables, headers, state)
    scope["type"] = "http"
    scope["method"] = variables[b"REQUEST_METHOD"].decode("latin-1")
    scope["scheme"] = variables[b"wsgi.url_scheme"].decode("latin-1")
    scope["extensions"] = _EXTENSIONS.copy()
    return scope


def websocket_scope(variables, headers, state, subprotocols):
    scope = _common(variables, headers, state)
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if variables[b"wsgi.url_scheme"] == b"https" else "ws"
    scope["subprotocols"] = subprotocols
    scope["extensions"] = _WEBSOCKET_EXTENSIONS.copy()
    return scope


def _common(variables, headers, state):
    script = variables.get(b"SCRIPT_NAME", b"")
    path = variables.get(b"PATH_INFO", b"")
    root_path = script.decode("utf-8", "replace") if script else ""
    if script and _path_has_root():
        path = script + path
    target = variables.get(b"REQUEST_URI", b"/")
    protocol = variables.get(b"SERVER_PROTOCOL", b"HTTP/1.1")
    return {
        "asgi": _VERSIONS.copy(),
        "http_version": "1.1" if protocol == b"HTTP/1.1" else _version(protocol),
        "path": path.decode("utf-8", "replace"),
        "raw_path": target.split(b"?", 1)[0],
        "query_string": variables.get(b"QUERY_STRING", b""),
        "root_path": root_path,
        "headers": headers,
        "client": _address(variables, b"REMOTE_ADDR", b"REMOTE_PORT"),
        "server": _address(variables, b"SERVER_NAME", b"SERVER_PORT"),
        "state": state.copy(),
    }


def _version(protocol):
    version = protocol.decode("latin-1").partition("/")[2]
    return version[:-2] if version in ("2.0", "3.0") else version


def _address(variables, host, port):
    number = variables.get(port, b"")
    return variables.get(host, b"").decode("latin-1"), int(number) if number.isdigit() else 0


def _path_has_root():
    """ASGI's `path` begins with `root_path`; Starlette before 0.33 took it for what comes after it."""
    starlette = sys.modules.get("starlette")
    version = getattr(starlette, "__version__", "1").split(".")
    return not (version[0] == "0" and len(version) > 1 and version[1].isdigit() and int(version[1]) < 33)
