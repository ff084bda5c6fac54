// Which test files there are, and which of them need real brokers.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { distRoot, projectRoot } from './project.mjs';

// What takes long comes first.
const fastRooms = ['property', 'unit', 'sim'];
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

/** Fast files with a process of their own: those that keep a core busy for long, the longest first, and those that need it. */
const ownProcess = [
  'test/unit/sim/seeds.test.ts',
  'test/property/model/takeover.test.ts',
  'test/property/fuzz/share.test.ts',
  'test/unit/config/misspelt-keys.test.ts',
  'test/property/records/reshape.test.ts',
  'test/property/controller/garbage.test.ts',
  // No codec may have been loaded before.
  'test/unit/kafka/records/missing-codec.test.ts',
];

const batchSize = 20;

/** Fast files as processes run them: the long ones first, so that the lanes end together; what is left in batches. */
export function batchesOf(files) {
  const batches = ownProcess.filter((file) => files.includes(file)).map((file) => [file]);
  const others = files.filter((file) => !ownProcess.includes(file));
  for (let at = 0; at < others.length; at += batchSize) batches.push(others.slice(at, at + batchSize));
  return batches;
}

/** Files with real brokers that take longest, the longest first. */
const longReal = [
  'test/integration/controller/recovery-processes.test.ts',
  'test/integration/controller/recovery.test.ts',
  'test/integration/topologies/stars.test.ts',
  'test/integration/controller/jobs.test.ts',
  'test/integration/kafka/fencing-faults.test.ts',
  'test/integration/cli/standalone.test.ts',
  'test/integration/worker/exactly-once.test.ts',
  'test/integration/schemas/registry-topic.test.ts',
  'test/integration/offsets/owners.test.ts',
  'test/integration/kafka/security.test.ts',
  'test/integration/bed/bed.test.ts',
  'test/integration/worker/transaction-faults.test.ts',
  'test/integration/worker/record-rules.test.ts',
  'test/integration/controller/fleet.test.ts',
  'test/integration/worker/continuity.test.ts',
  'test/integration/cli/fleet.test.ts',
];

/** The long ones first, so that no lane is left with one of them in the end. */
export function longestFirst(files) {
  return [...longReal.filter((file) => files.includes(file)), ...files.filter((file) => !longReal.includes(file))];
}

/** Tests that measure: rates, pauses, how soon something is noticed. */
const quiet = [
  'test/e2e/',
  'test/integration/worker/limits',
  'test/integration/worker/stalls',
  'test/integration/worker/threads',
];

export function needsQuiet(file) {
  return quiet.some((start) => file.startsWith(start));
}
