// Several compiled test files in one process, one after the other: starting a process and loading the same modules again
// costs more than most files' tests.
import { relative } from 'node:path';
import { after, describe } from 'node:test';
import { pathToFileURL } from 'node:url';
import { distRoot } from './project.mjs';

// Generous: the longest file needs a twentieth of it on an idle machine.
const fileLimitMs = 240_000;

/** Resolves when the file's tests are over, however they ended; a file that cannot be loaded is a failed suite. */
function runFile(file) {
  return new Promise((resolve) => {
    describe(relative(distRoot, file), { timeout: fileLimitMs }, async () => {
      after(resolve);
      await import(pathToFileURL(file).href);
    });
  });
}

for (const file of process.argv.slice(2)) await runFile(file);
