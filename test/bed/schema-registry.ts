import { spawn } from 'node:child_process';
import { freePort } from './free-port.js';
import { waitUntil } from './wait.js';

/**
 * Names a program that starts a schema registry with mode IMPORT on 127.0.0.1, empty, at the port that is its only argument, and ends with
 * SIGTERM. Those with that mode (Confluent's and others) come as containers or from their makers only; Apicurio's is fetched (apicurio.ts).
 */
const PROGRAM = 'CAUSEWAY_TEST_REGISTRY';

/** Why the tests with a real registry cannot run; undefined: they can. */
export function registryMissing(): string | undefined {
  if (process.env[PROGRAM] !== undefined) return undefined;
  return `no package registry has a schema registry with mode IMPORT; ${PROGRAM} names a program that starts one`;
}

export interface RegistryHandle {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startSchemaRegistry(): Promise<RegistryHandle> {
  const port = await freePort();
  const child = spawn(process.env[PROGRAM] ?? '', [`${port}`], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntil('the schema registry answers', async () => (await fetch(`${url}/subjects`)).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}
