import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BedError } from './bed-error.js';

export type KafkaVersion = '3.9.1' | '4.1.0';

/** Versions that run with ZooKeeper. */
export type LegacyKafkaVersion = '2.8.2' | '2.1.1';

export type AnyKafkaVersion = KafkaVersion | LegacyKafkaVersion;

/** Where one Kafka version lies on this machine; made by `scripts/lib/kafka-set.mjs`. */
export interface KafkaSet {
  readonly version: AnyKafkaVersion;
  /** The `java` command. */
  readonly java: string;
  readonly libsDir: string;
  readonly classpath: string;
  /** JVM arguments that make logging quiet. */
  readonly loggingArgs: readonly string[];
  /** What `kafka-storage format` writes besides meta.properties; missing for legacy versions. */
  readonly bootstrapCheckpoint: string;
  /** Class-data archive that speeds up a broker's start; may be missing. */
  readonly brokerArchive: string;
}

const fetchLimitMs = 1_200_000;
const known = new Map<AnyKafkaVersion, Promise<KafkaSet>>();

/** The jars of a Kafka version; the first call on a machine fetches them. */
export function kafkaSet(version: AnyKafkaVersion): Promise<KafkaSet> {
  const found = known.get(version) ?? locate(version);
  known.set(version, found);
  return found;
}

async function locate(version: AnyKafkaVersion): Promise<KafkaSet> {
  const script = join(projectRoot(), 'scripts', 'kafka-set.mjs');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, version], { timeout: fetchLimitMs });
    return JSON.parse(stdout) as KafkaSet;
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr ?? '';
    throw new BedError(`Kafka ${version} is not to be had here: ${stderr.trim() || String(error)}`, undefined, {
      cause: error,
    });
  }
}

/** The project's folder, found upwards from the compiled file, wherever that lies in it. */
export function projectRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'causeway')
      return folder;
    if (folder === dirname(folder)) throw new BedError('the test bed does not lie inside the project');
  }
}
