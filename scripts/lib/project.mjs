// Where the project lives, and how its scripts speak to a person: one line per step, on stderr.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const distRoot = join(projectRoot, 'dist');

/** A failure whose message alone tells the person what to do; no stack is shown for it. */
export class SetupError extends Error {
  name = 'SetupError';
}

export function say(message) {
  process.stderr.write(`${message}\n`);
}

/** Runs a script's main function: a SetupError ends with its sentence, anything else with its stack. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? process.exitCode ?? 0;
  } catch (error) {
    say(error instanceof SetupError ? error.message : (error?.stack ?? String(error)));
    process.exitCode = 1;
  }
}
