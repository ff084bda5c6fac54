import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../errors/error.js';
import type { ConfigFault, ConfigPath } from './faults.js';
import { isRecord } from './schema-tree.js';

/** Keys that may be written in place or, as `<key>File`, name a file that holds the value. */
const SECRET_KEYS = ['password', 'passphrase', 'token', 'clientSecret', 'digest', 'secret'] as const;
/** Below this key secrets' files stay files, too: read at each login. */
const CLUSTERS = 'clusters';
/** Files that stay files: read at each connect, so that rotation needs no restart. */
const FILE_KEYS = ['caFile', 'certFile', 'keyFile'] as const;
const MAX_SECRET_BYTES = 64 * 1024;
/** Permission bits of group and others. */
const FOREIGN_BITS = 0o077;

export interface ResolvedSecrets {
  /** The file's value with secrets in place and file names absolute. */
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly ConfigFault[];
}

/**
 * Reads the secrets that `...File` keys name (one trailing newline is cut); those of clusters are only checked. Relative names start at the configuration file's folder.
 * Files that others may read are warned about.
 */
export function resolveSecrets(value: unknown, baseDir: string): ResolvedSecrets {
  const reader = new SecretReader(baseDir);
  const resolved = reader.visit(value, []);
  return { value: resolved, faults: reader.faults, warnings: reader.warnings };
}

class SecretReader {
  readonly faults: ConfigFault[] = [];
  readonly warnings: ConfigFault[] = [];
  readonly #baseDir: string;

  constructor(baseDir: string) {
    this.#baseDir = baseDir;
  }

  visit(value: unknown, path: ConfigPath): unknown {
    if (Array.isArray(value)) return value.map((item, i) => this.visit(item, [...path, i]));
    if (!isRecord(value)) return value;
    const result: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(value)) result[key] = this.visit(child, [...path, key]);
    for (const key of SECRET_KEYS) this.#readTwin(result, key, path);
    for (const key of FILE_KEYS) this.#checkFile(result, key, path);
    return result;
  }

  #readTwin(section: Record<string, unknown>, key: string, path: ConfigPath): void {
    const twin = `${key}File`;
    const name = section[twin];
    if (typeof name !== 'string' || name === '') return;
    const where = [...path, twin];
    if (section[key] !== undefined) {
      this.faults.push({ path: where, message: `give either ${key} or ${twin}, not both`, atKey: true });
      return;
    }
    const file = resolve(this.#baseDir, name);
    try {
      const { size, mode } = statSync(file);
      if (size > MAX_SECRET_BYTES) {
        this.faults.push({ path: where, message: `${file} is larger than ${MAX_SECRET_BYTES} bytes` });
        return;
      }
      const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      if (secret === '') this.faults.push({ path: where, message: `${file} is empty` });
      if ((mode & FOREIGN_BITS) !== 0)
        this.warnings.push({ path: where, message: `${file} is readable by others; chmod 600 it` });
      if (path[0] === CLUSTERS) {
        section[twin] = file;
        return;
      }
      section[key] = secret;
      delete section[twin];
    } catch (error) {
      this.faults.push({ path: where, message: `cannot read ${file}: ${messageOf(error)}` });
    }
  }

  #checkFile(section: Record<string, unknown>, key: string, path: ConfigPath): void {
    const name = section[key];
    if (typeof name !== 'string' || name === '') return;
    const file = resolve(this.#baseDir, name);
    section[key] = file;
    const where = [...path, key];
    try {
      const { mode } = statSync(file);
      readFileSync(file);
      if (key === 'keyFile' && (mode & FOREIGN_BITS) !== 0) {
        this.warnings.push({ path: where, message: `${file} is readable by others; chmod 600 it` });
      }
    } catch (error) {
      this.faults.push({ path: where, message: `cannot read ${file}: ${messageOf(error)}` });
    }
  }
}
