/** IP addresses as the bytes of a header and as text: strict to read, RFC 5952 to write. */

/** "192.0.2.1" as four characters; "" for anything else, leading zeros and short forms too. */
export function address4Bytes(text: string): string {
  const parts = text.split(".");
  if (parts.length !== 4) return "";
  let out = "";
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return "";
    out += String.fromCharCode(Number(part));
  }
  return out;
}

/** "2001:db8::1", "::ffff:192.0.2.1" as sixteen characters; "" for anything else, zones too. */
export function address6Bytes(text: string): string {
  if (text.length > 45) return "";
  const halves = text.split("::");
  if (halves.length > 2) return "";
  const head = groupBytes(halves[0] ?? "", halves.length === 1);
  if (halves.length === 1) return head?.length === 16 ? head : "";
  const tail = groupBytes(halves[1] ?? "", true);
  if (head === undefined || tail === undefined || head.length + tail.length > 14) return "";
  return head + "\0".repeat(16 - head.length - tail.length) + tail;
}

/** @param mayEndIn4 whether the last group may be an IPv4 address */
function groupBytes(text: string, mayEndIn4: boolean): string | undefined {
  if (text === "") return "";
  const groups = text.split(":");
  let out = "";
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      out += String.fromCharCode(value >> 8, value & 255);
      continue;
    }
    const last = mayEndIn4 && index === groups.length - 1 ? address4Bytes(group) : "";
    if (last === "") return undefined;
    out += last;
  }
  return out.length > 16 ? undefined : out;
}

/** Four bytes at `at` as text. */
export function address4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/**
 * Sixteen bytes at `at` as text, the longest run of zero groups shortened. An IPv4 address within
 * (::ffff:0:0/96) is written as what it is, so that one client has one name.
 */
export function address6Text(bytes: Uint8Array, at: number): string {
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push(((bytes[at + index] as number) << 8) | (bytes[at + index + 1] as number));
  }
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return address4Text(bytes, at + 12);
  }
  let longest = 1; // one zero group alone stays (RFC 5952 §4.2.2)
  let where = -1;
  let run = 0;
  for (const [index, group] of groups.entries()) {
    run = group === 0 ? run + 1 : 0;
    if (run > longest) {
      longest = run;
      where = index + 1 - run;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (where < 0) return hex.join(":");
  return `${hex.slice(0, where).join(":")}::${hex.slice(where + longest).join(":")}`;
}
