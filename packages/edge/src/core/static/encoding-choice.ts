/** What an Accept-Encoding accepts of what is offered; browsers send few different ones. */
import { type AcceptedEncodings, parseAcceptEncoding } from "@stack/protocols";

const kept = 256;

/** Remembers its answers, at most a few hundred. */
export function createEncodingChoice(
  offered: readonly string[],
): (header: string | undefined) => AcceptedEncodings {
  const known = new Map<string, AcceptedEncodings>();
  const nothing = parseAcceptEncoding(undefined, offered);
  return (header) => {
    if (header === undefined) return nothing;
    const before = known.get(header);
    if (before !== undefined) return before;
    const accepted = parseAcceptEncoding(header, offered);
    if (known.size >= kept) known.clear();
    known.set(header, accepted);
    return accepted;
  };
}
