import type { RecordSequence } from './record-reader.js';

/** A clock is read a moment before or after another one. */
const TOLERANCE_MS = 2_000;
const UNJUDGED = -1;

/** Timestamps taken away: the target gives its own. */
export async function* withoutTimestamps(records: RecordSequence): RecordSequence {
  for await (const piece of records) yield piece.map((record) => ({ ...record, timestamp: UNJUDGED }));
}

/** Timestamps taken away where they are times of the run, as a target that stamps what it appends gives them; others stay and stand out. */
export async function* withoutAppendTimes(records: RecordSequence, sinceMs: number): RecordSequence {
  for await (const piece of records) {
    const untilMs = Date.now() + TOLERANCE_MS;
    yield piece.map((record) => {
      const isAppendTime = record.timestamp >= sinceMs - TOLERANCE_MS && record.timestamp <= untilMs;
      return isAppendTime ? { ...record, timestamp: UNJUDGED } : record;
    });
  }
}
