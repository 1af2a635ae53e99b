/**
 * uwsgi and SCGI: variables, then the body as it is; the answer is a CGI answer until the server
 * closes. One request per connection.
 */
import {
  encodeScgiRequest,
  encodeUwsgiRequest,
  findCgiHeadEnd,
  parseCgiResponse,
} from "@stack/protocols";
import { type CgiParamsOf, createCgiSender } from "./cgi-request.ts";
import type { AnswerDialect } from "./http-answer.ts";
import { openPlainSource, type ServerProtocol } from "./server-protocol.ts";

export const cgiDialect: AnswerDialect = {
  findEnd: findCgiHeadEnd,
  parse: parseCgiResponse,
  firstText: "",
};

export function createUwsgiProtocol(paramsOf: CgiParamsOf): ServerProtocol {
  return createCgiProtocol(encodeUwsgiRequest, paramsOf);
}

export function createScgiProtocol(paramsOf: CgiParamsOf): ServerProtocol {
  return createCgiProtocol(encodeScgiRequest, paramsOf);
}

function createCgiProtocol(head: (block: string) => string, paramsOf: CgiParamsOf): ServerProtocol {
  return {
    send: createCgiSender(
      { head, writePiece: (socket, piece) => socket.write(piece), end: "" },
      paramsOf,
    ),
    openSource: () => openPlainSource(cgiDialect),
  };
}
