import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'causeway';
let version: string | undefined;

/** The version in our package.json, found from this file upwards: it lies at different depths in source, build and package. */
export function packageVersion(): string {
  version ??= findVersion(dirname(fileURLToPath(import.meta.url)));
  return version;
}

function findVersion(folder: string): string {
  try {
    const parsed = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name?: unknown;
      version?: unknown;
    };
    if (parsed.name === PACKAGE && typeof parsed.version === 'string') return parsed.version;
  } catch {
    // Not here: look further up.
  }
  const parent = dirname(folder);
  return parent === folder ? 'unknown' : findVersion(parent);
}
