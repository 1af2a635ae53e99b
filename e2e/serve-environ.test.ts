/** What a WSGI application sees under `stack serve` and under the real uWSGI, behind the same nginx. */
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkplace, type Workplace } from "./support/served.ts";

const app = `import json

def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json")])
    seen = {name: value if isinstance(value, (str, bool)) else list(value) if isinstance(value, tuple)
        else "an object" for name, value in environ.items()}
    seen["body"] = body.decode("latin-1")
    return [json.dumps(seen).encode()]
`;

type Environ = Readonly<Record<string, unknown>>;

/** Which of two nginx servers, alike but for the one behind them. */
let ports: Readonly<Record<"stack" | "uwsgi", number>>;
let place: Workplace;

beforeAll(async () => {
  place = createWorkplace({ "web.py": app });
  const sockets = ["uwsgi", "fastcgi", "scgi", "http"].map((name) => `unix:${name}-stack.sock`);
  await place.serve(
    ...["web", "-w", "2", "--python", "/usr/bin/python3"],
    ...sockets.flatMap((socket) => ["-b", `${socket.slice(5, -11)}://${socket}`]),
  );
  const real = (name: string): string => join(place.folder, `${name}-uwsgi.sock`);
  await place.run(
    "uwsgi",
    [
      ...["--plugin", "python3", "--master", "--processes", "2", "--need-app", "--die-on-term"],
      ...["--manage-script-name", "--mount", "/=web.py", "--mount", "/mounted=web.py"],
      ...["uwsgi", "fastcgi", "scgi", "http"].flatMap((name) => [`--${name}-socket`, real(name)]),
    ],
    async () =>
      (await Promise.all(["uwsgi", "http"].map((name) => opens(real(name))))).every(Boolean),
  );
  const stack = await freePort();
  const uwsgi = await place.nginx(
    `${locations(place.folder, "uwsgi")}
  }
  server {
    listen 127.0.0.1:${stack};
    server_name front.test;
    ${locations(place.folder, "stack")}`,
  );
  ports = { stack, uwsgi };
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

function opens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.once("connect", () => socket.destroy());
  });
}

function locations(folder: string, which: "stack" | "uwsgi"): string {
  const pass = (name: string): string => `unix:${folder}/${name}-${which}.sock`;
  const more = (name: string): string => `include /etc/nginx/${name}_params;
      ${name}_param REMOTE_USER ann;
      ${name}_param GEOIP_COUNTRY CH;
      ${name}_pass ${pass(name)};`;
  return `location / { ${more("uwsgi")} }
    location /secure/ { uwsgi_param HTTPS on; ${more("uwsgi")} }
    location /old/ { rewrite ^/old/(.*)$ /new/$1?added=1 break; ${more("uwsgi")} }
    location /mounted/ { uwsgi_param SCRIPT_NAME /mounted; ${more("uwsgi")} }
    location /fastcgi/ { ${more("fastcgi")} fastcgi_param PATH_INFO $fastcgi_script_name;
      fastcgi_param SCRIPT_NAME ""; }
    location /scgi/ { scgi_param PATH_INFO $document_uri; ${more("scgi")} }
    location /http/ { proxy_pass http://${pass("http")}; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; }`;
}

async function ask(
  which: "stack" | "uwsgi",
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<Environ> {
  return await new Promise((resolve, reject) => {
    const question = request(
      {
        port: ports[which],
        host: "127.0.0.1",
        path,
        method,
        headers: { Host: "shop.test", ...headers },
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (piece: string) => {
          text += piece;
        });
        answer.on("end", () => {
          try {
            resolve(JSON.parse(text) as Environ);
          } catch {
            reject(new Error(`${which}: ${answer.statusCode} ${text}`));
          }
        });
      },
    );
    question.on("error", reject);
    question.end(body);
  });
}

/** What is different, and why it may be. */
interface Differences {
  /** Keys that only uWSGI has. */
  readonly uwsgi: Readonly<Record<string, string>>;
  /** Keys that only we have. */
  readonly stack: Readonly<Record<string, string>>;
  /** Keys with another value. */
  readonly other: Readonly<Record<string, string>>;
}

const always: Differences = {
  uwsgi: {
    HTTP_CONNECTION: "of another connection: the client's, or nginx's own to us (RFC 9110 §7.6.1)",
    "uwsgi.node": "of uWSGI itself",
    "uwsgi.version": "of uWSGI itself",
  },
  stack: {
    HTTP_VIA: "RFC 9110 §7.6.3",
    HTTP_X_FORWARDED_FOR: "written anew from REMOTE_ADDR: a client's own word must not get through",
    HTTP_X_FORWARDED_HOST: "written anew, as above",
    HTTP_X_FORWARDED_PROTO: "written anew, as above",
    HTTP_X_REAL_IP: "written anew, as above",
    "wsgi.input_terminated": "bodies end by themselves",
  },
  other: {
    REMOTE_PORT: "each request came by a connection of its own",
    SERVER_PORT: "there are two nginx servers",
  },
};

/** nginx says these of a request without a body, empty; PEP 3333 lets them be absent. */
const emptyBody = {
  CONTENT_LENGTH: "empty: there is no body",
  CONTENT_TYPE: "empty: there is no body",
};
const noSoftware = { SERVER_SOFTWARE: "PEP 3333 asks for it; uWSGI has none over this protocol" };

test.for<readonly [what: string, method: string, path: string, body: string, Partial<Differences>]>(
  [
    ["a request", "GET", "/a/b?x=1&y=%20", "", { uwsgi: emptyBody, stack: noSoftware }],
    [
      "percent signs, bytes, a space",
      "GET",
      "/100%25/%C3%A9%20x/%2Fy?q=%C3%A9",
      "",
      { uwsgi: emptyBody, stack: noSoftware },
    ],
    ["slashes that nginx merges", "GET", "//a///b", "", { uwsgi: emptyBody, stack: noSoftware }],
    [
      "a body",
      "POST",
      "/form",
      "a=1",
      {
        uwsgi: {
          HTTP_CONTENT_LENGTH: "said twice: CONTENT_LENGTH has it",
          HTTP_CONTENT_TYPE: "said twice: CONTENT_TYPE has it",
        },
        stack: noSoftware,
      },
    ],
    ["HTTPS", "GET", "/secure/x", "", { uwsgi: emptyBody, stack: noSoftware }],
    [
      "a rewritten path and query",
      "GET",
      "/old/x?y=2",
      "",
      { uwsgi: emptyBody, stack: noSoftware },
    ],
    [
      "an application that is mounted",
      "GET",
      "/mounted/x?y",
      "",
      { uwsgi: emptyBody, stack: noSoftware },
    ],
    ["FastCGI", "GET", "/fastcgi/x?y=1", "", { uwsgi: emptyBody }],
    [
      "SCGI",
      "GET",
      "/scgi/x?y=1",
      "",
      {
        uwsgi: { CONTENT_TYPE: "empty: there is no body" },
        stack: noSoftware,
      },
    ],
    [
      "HTTP",
      "GET",
      "/http/x?y=1",
      "",
      {
        stack: { ...noSoftware, REMOTE_PORT: "uWSGI has none of a Unix socket" },
        other: {
          REMOTE_ADDR: "uWSGI has the address of the Unix socket, we that of the client",
          SERVER_NAME: "uWSGI has the name of the machine, we that of the Host",
          SERVER_PORT: "of the listener, a Unix socket: uWSGI says it as text too",
        },
      },
    ],
  ],
)("%s is to an application what it is under uWSGI", async ([what, method, path, body, more]) => {
  const headers = {
    "X-A": "1",
    "Accept-Language": "de",
    Cookie: "a=1; b=2",
    ...(body === "" ? {} : { "Content-Type": "application/x-www-form-urlencoded" }),
  };
  const ours = await ask("stack", method, path, headers, body);
  const theirs = await ask("uwsgi", method, path, headers, body);
  const byText = (a: string, b: string): number => a.localeCompare(b);
  const names = (of: Environ, without: Environ): string[] =>
    Object.keys(of)
      .filter((name) => !(name in without))
      .sort(byText);
  const listed = (...lists: (Readonly<Record<string, string>> | undefined)[]): string[] =>
    [...new Set(lists.flatMap((list) => Object.keys(list ?? {})))].sort(byText);

  const isHttp = what === "HTTP";
  const forwarded = isHttp ? ["HTTP_X_FORWARDED_FOR"] : []; // nginx says it itself there
  expect(names(theirs, ours)).toEqual(listed(always.uwsgi, more.uwsgi));
  expect(names(ours, theirs)).toEqual(
    listed(always.stack, more.stack).filter((name) => !forwarded.includes(name)),
  );
  const differing = Object.keys(ours)
    .filter((name) => name in theirs)
    .filter((name) => JSON.stringify(ours[name]) !== JSON.stringify(theirs[name]));
  const allowed = listed(always.other, more.other);
  expect(differing.filter((name) => !allowed.includes(name))).toEqual([]);
  const told = ["REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "wsgi.url_scheme", "body"];
  for (const name of told) expect([name, ours[name]]).toEqual([name, theirs[name]]);
});
