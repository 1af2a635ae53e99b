/**
 * `auth: { basic }`: a name and a password of a file (RFC 7617). Who has none is asked for it; where
 * the file cannot be read, nobody passes.
 */
import type { BasicAuthPlan } from "@stack/config";
import { headerValue } from "@stack/protocols";
import { parseBasicCredentials } from "../../core/protection/basic-credentials.ts";
import { addFields } from "../client/answer-edits.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Gate } from "./guarded-backend.ts";
import type { PasswordFiles } from "./password-files.ts";
import type { PasswordJudge } from "./password-judge.ts";

/** What the routes of a thread know of passwords, whatever the plan. */
export interface Passwords extends PasswordFiles, PasswordJudge {}

/** For the file and the comparison. */
const deadlineMs = 10_000;

export function createBasicAuth({ file, realm }: BasicAuthPlan, passwords: Passwords): Gate {
  const quoted = realm.replace(/["\\]/g, "\\$&");
  const challenge = `WWW-Authenticate: Basic realm="${quoted}", charset="UTF-8"\r\n`;

  function refuse(exchange: ClientExchange): void {
    addFields(exchange, challenge);
    exchange.fail(401, "a name and a password are needed here");
  }

  return (exchange, passed) => {
    const credentials = parseBasicCredentials(headerValue(exchange.head, "authorization"), decode);
    if (credentials === undefined) {
      refuse(exchange);
      return false;
    }
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const over = (): void => {
      isOver = true;
      clearTimeout(timer);
    };
    passwords.read(file, (users) => {
      const { user, password } = credentials;
      const own = users?.hashes.get(user);
      // A name that is not there takes as long as one that is.
      const hash = own ?? users?.hashes.values().next().value;
      if (hash === undefined) {
        over();
        if (users === undefined) exchange.fail(500, "the passwords cannot be read");
        else refuse(exchange);
        return;
      }
      passwords.judge(hash, password, {
        isWaiting: () => !exchange.done,
        told(isRight) {
          over();
          if (exchange.done) return;
          if (isRight === undefined) exchange.fail(503, "too many passwords are being checked", 1);
          else if (isRight && own !== undefined) {
            exchange.user = user;
            passed();
          } else refuse(exchange);
        },
      });
    });
    if (!isOver)
      timer = setTimeout(
        () => exchange.fail(503, "the password could not be checked in time", 1),
        deadlineMs,
      );
    return false;
  };
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
