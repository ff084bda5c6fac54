/** The last time value that is a date (ECMA-262). A record may carry any 64 bits as its timestamp, and -1 for none. */
export const MAX_DATE_MS = 8_640_000_000_000_000;

/** ISO 8601; undefined: it is no date from 1970 on. */
export function timeText(ms: number): string | undefined {
  return ms >= 0 && ms <= MAX_DATE_MS ? new Date(ms).toISOString() : undefined;
}
