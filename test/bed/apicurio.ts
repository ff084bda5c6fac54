import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BedError } from './bed-error.js';
import { BedChild } from './child.js';
import { freePort } from './free-port.js';
import { jvmArgs } from './java-args.js';
import { projectRoot } from './kafka-set.js';
import { waitUntil } from './wait.js';
import { Workspace } from './workspace.js';

interface RegistrySet {
  readonly java: string;
  readonly home: string;
  /** Class-data archive that speeds up its start; may be missing. */
  readonly archive: string;
}

export interface ApicurioOptions {
  /** In logs. */
  readonly name: string;
  /** Kafka keeps what it knows, in its topic `kafkasql-journal`; without it: memory. */
  readonly bootstrap?: string;
  /** It follows the journal that somebody else writes. */
  readonly isReadOnly?: boolean;
}

export interface ApicurioHandle {
  /** Of its Confluent API. */
  readonly url: string;
  stop(): Promise<void>;
}

const fetchLimitMs = 600_000;
let known: Promise<RegistrySet> | undefined;

function registrySet(): Promise<RegistrySet> {
  known ??= locate();
  return known;
}

async function locate(): Promise<RegistrySet> {
  const script = join(projectRoot(), 'scripts', 'registry-set.mjs');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: fetchLimitMs });
    return JSON.parse(stdout) as RegistrySet;
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr ?? '';
    throw new BedError(`no schema registry is to be had here: ${stderr.trim() || String(error)}`, undefined, {
      cause: error,
    });
  }
}

/** A real schema registry (Apicurio's), empty, on the loopback. */
export async function startApicurio({ name, bootstrap, isReadOnly = false }: ApicurioOptions): Promise<ApicurioHandle> {
  const { java, home, archive } = await registrySet();
  const [port, managementPort] = [await freePort(), await freePort()];
  const workspace = new Workspace(`registry-${name}`);
  const settings = [
    'quarkus.http.host=127.0.0.1',
    `quarkus.http.port=${port}`,
    'quarkus.management.host=127.0.0.1',
    `quarkus.management.port=${managementPort}`,
    `java.io.tmpdir=${workspace.folder}`,
    `apicurio.storage.read-only.enabled=${isReadOnly}`,
    ...(bootstrap === undefined
      ? []
      : ['apicurio.storage.kind=kafkasql', `apicurio.kafkasql.bootstrap.servers=${bootstrap}`]),
  ].map((setting) => `-D${setting}`);
  const child = BedChild.start({
    name: `schema registry "${name}"`,
    command: java,
    args: [...jvmArgs('fast', 320, archive), ...settings, '-jar', join(home, 'quarkus-run.jar')],
    logFile: workspace.path('registry.log'),
    cwd: workspace.folder,
  });
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const stop = async (): Promise<void> => {
    await child.terminate(3_000);
    workspace.remove();
  };
  try {
    await waitUntil(
      'the schema registry answers',
      async () => (await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(5_000) })).ok,
      { child, timeoutMs: 120_000 },
    );
  } catch (error) {
    workspace.markFailed();
    await stop();
    throw error;
  }
  return { url, stop };
}
