/** A header as it lies in the log: order and repeats matter, the value may be null. */
export type AuditHeader = readonly [key: Buffer, value: Buffer | null];

/** A record as a reader of the partition sees it. */
export interface AuditRecord {
  readonly offset: number;
  /** ms since 1970; -1 none. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly AuditHeader[];
}

export const emptyRecord: AuditRecord = { offset: -1, timestamp: -1, key: null, value: null, headers: [] };

export type RecordField = 'key' | 'value' | 'headers' | 'timestamp';

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.equals(b);
}

function sameHeaders(a: readonly AuditHeader[], b: readonly AuditHeader[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const left = a[i] as AuditHeader;
    const right = b[i] as AuditHeader;
    if (!sameBytes(left[0], right[0]) || !sameBytes(left[1], right[1])) return false;
  }
  return true;
}

/** The fields in which two records differ; offsets are not compared, each cluster has its own. */
export function differences(a: AuditRecord, b: AuditRecord): RecordField[] {
  const fields: RecordField[] = [];
  if (!sameBytes(a.key, b.key)) fields.push('key');
  if (!sameBytes(a.value, b.value)) fields.push('value');
  if (!sameHeaders(a.headers, b.headers)) fields.push('headers');
  if (a.timestamp !== b.timestamp) fields.push('timestamp');
  return fields;
}

/** Roughly what keeping the record costs. */
export function weightBytes(record: AuditRecord): number {
  let bytes = 200 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [key, value] of record.headers) bytes += 100 + key.length + (value?.length ?? 0);
  return bytes;
}
