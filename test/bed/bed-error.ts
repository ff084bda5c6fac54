import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const tailBytes = 8_192;

/** Something the test bed could not do; the message ends with the last lines of the log concerned, where there is one. */
export class BedError extends Error {
  override name = 'BedError';

  constructor(what: string, logFile?: string, options?: ErrorOptions) {
    super(logFile === undefined ? what : `${what}\nlog: ${logFile}\n${logTail(logFile)}`, options);
  }
}

/** The last 8 KiB of a file as text; empty when there is none. */
export function logTail(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const size = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(fd);
  }
}
