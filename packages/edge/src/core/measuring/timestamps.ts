/**
 * Times of the access log, in UTC. Formatting a date costs more than the rest of a line, so a
 * formatter keeps the text of the second it wrote last.
 */

const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
const dayMs = 86_400_000;

export interface TimestampFormatter {
  /** "2026-11-22T10:25:43.120Z" */
  readonly iso: (unixMs: number) => string;
  /** "22/Nov/2026:10:25:43 +0000", as the combined format has it. */
  readonly common: (unixMs: number) => string;
}

export function createTimestampFormatter(): TimestampFormatter {
  let second = Number.NaN;
  let isoText = "";
  let commonText = "";
  const update = (unixMs: number): void => {
    const now = Math.floor(unixMs / 1000);
    if (now === second) return;
    second = now;
    const { year, month, day } = civilDate(Math.floor(unixMs / dayMs));
    const rest = now - Math.floor(now / 86_400) * 86_400;
    const clock = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
    const name = months.slice((month - 1) * 3, month * 3);
    isoText = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${clock}.`;
    commonText = `${two(day)}/${name}/${year}:${clock} +0000`;
  };
  return {
    iso(unixMs) {
      update(unixMs);
      return `${isoText}${thousandth(Math.floor(unixMs) - second * 1000)}Z`;
    },
    common(unixMs) {
      update(unixMs);
      return commonText;
    },
  };
}

/** A whole number below 1000 in three digits: "007". */
export function thousandth(value: number): string {
  return `${value < 10 ? "00" : value < 100 ? "0" : ""}${value}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/**
 * Year, month and day of a count of days since 1970-01-01, by the calendar's eras of 400 years
 * (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
 */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}
