// Which test files there are, and which of them need real brokers.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { distRoot, projectRoot } from './project.mjs';

const fastRooms = ['unit', 'property', 'sim'];
const realRooms = ['integration', 'e2e'];

function testFiles(rooms) {
  return rooms.flatMap((room) => {
    const folder = join(projectRoot, 'test', room);
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith('.test.ts'))
      .sort()
      .map((name) => relative(projectRoot, join(folder, name)));
  });
}

/** Source paths relative to the project, in running order. `only`: a part of the path. */
export function selectTestFiles({ only = '' } = {}) {
  const wanted = (file) => file.includes(only);
  return { fast: testFiles(fastRooms).filter(wanted), real: testFiles(realRooms).filter(wanted) };
}

export function compiled(file) {
  return join(distRoot, file.replace(/\.ts$/, '.js'));
}

/** Tests that measure: rates, pauses, how soon something is noticed. */
const quiet = ['test/e2e/', 'test/integration/worker/limits', 'test/integration/worker/stalls'];

export function needsQuiet(file) {
  return quiet.some((start) => file.startsWith(start));
}
