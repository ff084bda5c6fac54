import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BedChild } from '../../bed/child.js';
import type { OwnerOrder } from './owner-process.js';

const SCRIPT = fileURLToPath(new URL('./owner-process.js', import.meta.url));

/** Data threads in processes of their own, to be killed and stopped. */
export class Owners {
  readonly folder = mkdtempSync(join(tmpdir(), 'causeway-owners-'));
  readonly #children: BedChild[] = [];

  start(order: OwnerOrder): BedChild {
    const { incarnation } = order;
    const file = join(this.folder, `${incarnation}.json`);
    writeFileSync(file, JSON.stringify(order));
    const logFile = join(this.folder, `${incarnation}.log`);
    const child = BedChild.start({ name: incarnation, command: process.execPath, args: [SCRIPT, file], logFile });
    this.#children.push(child);
    return child;
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
