/** Small applications for end-to-end tests, as text. */

/** Answers `version`, or its worker at /who, waits at /slow, at /held for a file "let-go", counts a body at /digest. */
export function wsgiApp(version: string): string {
  return `import hashlib
import os
import time

VERSION = ${JSON.stringify(version)}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/who":
        body = os.environ["STACK_WORKER"]
    elif path == "/slow":
        time.sleep(0.1)
        body = "slow"
    elif path == "/held":
        while not os.path.exists(os.path.join(os.path.dirname(__file__), "let-go")):
            time.sleep(0.01)
        body = "held"
    elif path == "/digest":
        digest, size = hashlib.sha256(), 0
        for piece in iter(lambda: environ["wsgi.input"].read(65536), b""):
            digest.update(piece)
            size += len(piece)
        body = f"{size} {digest.hexdigest()}"
    elif path == "/page":
        body = "x" * 200_000
    else:
        body = VERSION
    data = body.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]
`;
}

/** Says which worker answered. */
export const nodeApp = `export default function handler(request, response) {
  response.end("node " + process.env.STACK_WORKER);
}
`;
