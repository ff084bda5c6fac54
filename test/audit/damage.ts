import type { AuditHeader, AuditRecord } from './record.js';

/* Ways to spoil a dump, for testing the auditor. Each returns a new dump; offsets are renumbered as a log would have them. */

export type Dump = readonly AuditRecord[];

function renumbered(records: readonly AuditRecord[]): AuditRecord[] {
  return records.map((record, offset) => ({ ...record, offset }));
}

function withRecord(dump: Dump, at: number, change: (record: AuditRecord) => AuditRecord): AuditRecord[] {
  return renumbered(dump.map((record, index) => (index === at ? change(record) : record)));
}

function flippedBit(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
  return copy;
}

export function dropped(dump: Dump, at: number): AuditRecord[] {
  return renumbered(dump.filter((_, index) => index !== at));
}

/** Writes records [from, to] once more right behind `to`, as a resend does. */
export function repeated(dump: Dump, from: number, to: number): AuditRecord[] {
  return renumbered([...dump.slice(0, to + 1), ...dump.slice(from, to + 1), ...dump.slice(to + 1)]);
}

export function swapped(dump: Dump, at: number): AuditRecord[] {
  const records = [...dump];
  [records[at], records[at + 1]] = [records[at + 1] as AuditRecord, records[at] as AuditRecord];
  return renumbered(records);
}

export function withAlteredValue(dump: Dump, at: number): AuditRecord[] {
  return withRecord(dump, at, (record) => ({
    ...record,
    value: record.value === null ? Buffer.from('x') : flippedBit(record.value),
  }));
}

export function withNullForEmptyKey(dump: Dump, at: number): AuditRecord[] {
  return withRecord(dump, at, (record) => ({ ...record, key: record.key === null ? Buffer.alloc(0) : null }));
}

export function withHeaders(
  dump: Dump,
  at: number,
  change: (headers: readonly AuditHeader[]) => AuditHeader[],
): AuditRecord[] {
  return withRecord(dump, at, (record) => ({ ...record, headers: change(record.headers) }));
}

export function withShiftedTimestamp(dump: Dump, at: number, byMs: number): AuditRecord[] {
  return withRecord(dump, at, (record) => ({ ...record, timestamp: record.timestamp + byMs }));
}

/** A record that this partition's source never had, in front of position `at`. */
export function withIntruder(dump: Dump, at: number, intruder: AuditRecord): AuditRecord[] {
  return renumbered([...dump.slice(0, at), intruder, ...dump.slice(at)]);
}
