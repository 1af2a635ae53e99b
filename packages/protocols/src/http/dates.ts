/** HTTP dates (RFC 9110 §5.6.7): IMF-fixdate is written; it and the two obsolete forms are read. */

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const imf = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const rfc850 = /^[A-Z][a-z]{5,8}, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const asctime = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** "Sun, 06 Nov 1994 08:49:37 GMT" from milliseconds since 1970; fractions of a second are cut off. */
export function formatHttpDate(ms: number): string {
  const date = new Date(ms);
  const day = two(date.getUTCDate());
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${days[date.getUTCDay()]}, ${day} ${months[date.getUTCMonth()]} ${year} ${time} GMT`;
}

/**
 * Milliseconds since 1970; undefined for what is no HTTP date.
 *
 * @param nowMs decides the century of a two-digit year: at most 50 years ahead of it
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  let match = imf.exec(text);
  if (match !== null) {
    const [, day, month, year, hour, minute, second] = match;
    return timeOf(year, month, day, hour, minute, second);
  }
  match = rfc850.exec(text);
  if (match !== null) {
    const [, day, month, shortYear, hour, minute, second] = match;
    const currentYear = new Date(nowMs).getUTCFullYear();
    let year = currentYear - (currentYear % 100) + Number(shortYear);
    if (year > currentYear + 50) year -= 100;
    return timeOf(String(year), month, day, hour, minute, second);
  }
  match = asctime.exec(text);
  if (match === null) return undefined;
  const [, month, day, hour, minute, second, year] = match;
  return timeOf(year, month, day, hour, minute, second);
}

function timeOf(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
): number | undefined {
  const monthIndex = months.indexOf(month ?? "");
  const dayNumber = Number(day);
  if (monthIndex < 0 || dayNumber < 1 || Number(hour) > 23 || Number(minute) > 59) return undefined;
  if (Number(second) > 60) return undefined; // 60 is a leap second
  const date = new Date(0);
  date.setUTCFullYear(Number(year), monthIndex, dayNumber);
  if (date.getUTCMonth() !== monthIndex) return undefined; // the 31st of a shorter month
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  return date.getTime();
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
