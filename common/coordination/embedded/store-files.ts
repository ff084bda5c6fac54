import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { CausewayError } from '../../errors/error.js';
import {
  type Batch,
  decodeBatch,
  decodeSnapshotHead,
  encodeBatch,
  encodeSnapshotHead,
  frameOf,
  JOURNAL_MAGIC,
  readFrame,
  SNAPSHOT_MAGIC,
} from './journal-format.js';
import type { TreeEffect } from './tree.js';

const SNAPSHOT = 'snapshot';
const JOURNAL = 'journal';
/** Nodes of a snapshot go to disk in frames of about this size. */
const SNAPSHOT_FRAME_NODES = 256;
const PRIVATE_FILE = 0o600;
const PRIVATE_DIR = 0o700;

export interface Loaded {
  readonly transaction: bigint;
  readonly effects: readonly TreeEffect[];
  /** Bytes of an unacknowledged last write that were dropped. */
  readonly tornBytes: number;
}

/** The two files of a store: a snapshot, and the journal of what happened since. */
export class StoreFiles {
  readonly #dir: string;
  #journal: FileHandle | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async load(): Promise<Loaded> {
    const snapshot = await this.#loadSnapshot();
    const file = await readIfThere(join(this.#dir, JOURNAL));
    const effects = [...snapshot.effects];
    let transaction = snapshot.transaction;
    if (file === undefined || file.length < JOURNAL_MAGIC.length) return { transaction, effects, tornBytes: 0 };
    this.#checkMagic(file, JOURNAL_MAGIC, JOURNAL);
    let offset = JOURNAL_MAGIC.length;
    while (offset < file.length) {
      const frame = readFrame(file, offset);
      if (frame.kind === 'corrupt') throw this.#corrupt(JOURNAL, `damaged at byte ${offset}`);
      if (frame.kind === 'torn') break;
      const batch = this.#decode(() => decodeBatch(frame.payload), JOURNAL);
      // Left over when the process died between the snapshot's rename and the journal's.
      if (batch.transaction > transaction) {
        transaction = batch.transaction;
        for (const effect of batch.effects) effects.push(effect);
      }
      offset = frame.end;
    }
    return { transaction, effects, tornBytes: file.length - offset };
  }

  /** One write and one fsync for the whole batch. Gives the bytes written. */
  async append(batch: Batch): Promise<number> {
    if (this.#journal === undefined) throw new Error('the journal is not open');
    const frame = frameOf(encodeBatch(batch));
    let written = 0;
    while (written < frame.length) {
      written += (await this.#journal.write(frame, written, frame.length - written)).bytesWritten;
    }
    await this.#journal.datasync();
    return frame.length;
  }

  /** Replaces snapshot and journal, each by rename, so that at every moment the two together hold everything. Gives the snapshot's bytes. */
  async compact(transaction: bigint, nodes: readonly TreeEffect[]): Promise<number> {
    const frames = [SNAPSHOT_MAGIC, frameOf(encodeSnapshotHead(transaction, nodes.length))];
    for (let at = 0; at < nodes.length; at += SNAPSHOT_FRAME_NODES) {
      frames.push(frameOf(encodeBatch({ transaction, effects: nodes.slice(at, at + SNAPSHOT_FRAME_NODES) })));
    }
    const bytes = Buffer.concat(frames);
    await (await this.#replace(SNAPSHOT, bytes)).close();
    const journal = await this.#replace(JOURNAL, JOURNAL_MAGIC);
    await this.#journal?.close();
    this.#journal = journal;
    return bytes.length;
  }

  async close(): Promise<void> {
    await this.#journal?.close();
    this.#journal = undefined;
  }

  async #loadSnapshot(): Promise<{ readonly transaction: bigint; readonly effects: readonly TreeEffect[] }> {
    const file = await readIfThere(join(this.#dir, SNAPSHOT));
    if (file === undefined) return { transaction: 0n, effects: [] };
    this.#checkMagic(file, SNAPSHOT_MAGIC, SNAPSHOT);
    const effects: TreeEffect[] = [];
    let head: ReturnType<typeof decodeSnapshotHead> | undefined;
    for (let offset = SNAPSHOT_MAGIC.length; offset < file.length; ) {
      const frame = readFrame(file, offset);
      if (frame.kind !== 'whole') throw this.#corrupt(SNAPSHOT, `damaged at byte ${offset}`);
      if (head === undefined) head = decodeSnapshotHead(frame.payload);
      else for (const effect of this.#decode(() => decodeBatch(frame.payload), SNAPSHOT).effects) effects.push(effect);
      offset = frame.end;
    }
    if (head?.nodes !== effects.length) throw this.#corrupt(SNAPSHOT, 'incomplete');
    return { transaction: head.transaction, effects };
  }

  async #replace(name: string, bytes: Buffer): Promise<FileHandle> {
    const temporary = join(this.#dir, `${name}.new`);
    const handle = await open(temporary, 'w', PRIVATE_FILE);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      await rename(temporary, join(this.#dir, name));
      await syncDirectory(this.#dir);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }

  #checkMagic(file: Buffer, magic: Buffer, name: string): void {
    if (!file.subarray(0, magic.length).equals(magic)) throw this.#corrupt(name, 'not a file of this format');
  }

  #decode<T>(decode: () => T, name: string): T {
    try {
      return decode();
    } catch {
      throw this.#corrupt(name, 'unreadable record');
    }
  }

  #corrupt(name: string, what: string): CausewayError {
    return new CausewayError('NODE_CORRUPT', `the embedded store's ${name} is ${what}`, {
      place: { path: join(this.#dir, name) },
      fix: 'Restore the folder from a backup; positions are kept at the target clusters and survive an empty store.',
    });
  }
}

export async function makeDirectory(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: PRIVATE_DIR });
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A rename is durable once its folder is. */
async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
