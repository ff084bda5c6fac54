import type { CoordinationStore } from '../../common/coordination/ports.js';
import {
  decodeEpoch,
  decodeFleet,
  encodeEpoch,
  encodeFleet,
  type FleetRecord,
} from '../../common/coordination/records/control.js';
import { encodeRoute } from '../../common/coordination/records/desired.js';
import { decodeLiveWorker } from '../../common/coordination/records/worker.js';
import {
  BASE_PATHS,
  EPOCH,
  FLEET,
  LASTING_PATHS,
  LIVE,
  livePath,
  routePath,
} from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { Random } from '../../common/runtime/random.js';

const READ_CONCURRENCY = 64;

/** What a controller has seen of the fleet; a store that contradicts it was wiped or restored (reliability.md R5). */
export interface FleetMemory {
  fleetId: string | undefined;
  highestEpoch: number;
}

export interface BootstrapDeps {
  readonly store: CoordinationStore;
  /** As the configuration calls the fleet. */
  readonly fleet: string;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Makes what every fleet has, in a store that is new, and the configured routes. Safe to run on every controller at once. The fleet node comes
 * last: where it is, everything else has been, and what is missing then is damage, not to be papered over with something empty.
 * @throws STORE_DAMAGED, STORE_CONTRADICTS
 */
export async function bootstrapFleet(deps: BootstrapDeps, memory: FleetMemory, seeds: readonly Route[]): Promise<void> {
  const { store, clock, random } = deps;
  const present = await store.get(FLEET);
  // One listing in the place of a read for each of them: whoever wants to lead looks often.
  const listed = new Set(((await store.children('/')) ?? []).map((name) => `/${name}`));
  if (present !== undefined) {
    checkIdentity(deps, memory, decodeFleet(present.data, FLEET));
    await checkLastingPaths(store, listed);
  } else if (memory.fleetId !== undefined) {
    throw contradicts(FLEET, `the node of fleet ${memory.fleetId} is gone: the store was wiped`);
  } else {
    await checkIsNew(store);
  }
  for (const path of BASE_PATHS) if (!listed.has(path)) await createIfMissing(store, path, Buffer.alloc(0));
  for (const route of seeds) await createIfMissing(store, routePath(route.name), encodeRoute(route));
  if (present !== undefined) return;
  await createIfMissing(store, EPOCH, encodeEpoch({ epoch: 0 }));
  const createdAt = new Date(clock.wallMs()).toISOString();
  await createIfMissing(store, FLEET, encodeFleet({ fleetId: random.uuid(), createdAt, name: deps.fleet }));
}

/**
 * The epoch node, never at version 0: node-zookeeper-client takes an expected version 0 in a multi for "any" (fault Z1).
 * @throws STORE_CONTRADICTS when fleet id or epoch contradict what this controller has seen: then nobody should plan before a human looked.
 *   STORE_DAMAGED, NODE_CORRUPT
 */
export async function readEpoch(
  deps: Pick<BootstrapDeps, 'store' | 'fleet'>,
  memory: FleetMemory,
): Promise<{ readonly epoch: number; readonly version: number }> {
  const { store } = deps;
  const fleet = await store.get(FLEET);
  if (fleet === undefined) throw damaged(FLEET);
  const { fleetId } = checkIdentity(deps, memory, decodeFleet(fleet.data, FLEET));
  memory.fleetId = fleetId;
  const node = await store.get(EPOCH);
  if (node === undefined) throw damaged(EPOCH);
  const { epoch } = decodeEpoch(node.data, EPOCH);
  if (epoch < memory.highestEpoch) throw backwards(`this controller has seen epoch ${memory.highestEpoch}`, epoch);
  memory.highestEpoch = epoch;
  const version = node.version === 0 ? await store.set(EPOCH, encodeEpoch({ epoch }), 0) : node.version;
  return { epoch, version };
}

/**
 * Workers keep the highest epoch they were ruled under for as long as they live (exactly-once.md 7.4): they would obey nobody below it.
 * @throws STORE_CONTRADICTS when one has seen an epoch above the store's
 */
export async function checkWorkersEpochs(store: CoordinationStore, epoch: number): Promise<void> {
  const names = (await store.children(LIVE)) ?? [];
  await mapLimited(names, READ_CONCURRENCY, async (name) => {
    const path = livePath(name);
    const node = await store.get(path);
    if (node === undefined) return;
    const seen = seenEpoch(node.data, path);
    if (seen > epoch) throw backwards(`worker ${name} has seen epoch ${seen}`, epoch);
  });
}

function seenEpoch(data: Buffer, path: string): number {
  try {
    return decodeLiveWorker(data, path).seenEpoch ?? 0;
  } catch (error) {
    // Somebody's damage of one node is the leader's business.
    if (isCausewayError(error, 'NODE_CORRUPT')) return 0;
    throw error;
  }
}

function checkIdentity({ fleet }: Pick<BootstrapDeps, 'fleet'>, memory: FleetMemory, record: FleetRecord): FleetRecord {
  const { fleetId, name } = record;
  if (name !== undefined && name !== fleet) {
    throw contradicts(FLEET, `the store is fleet "${name}"’s, and this process is of fleet "${fleet}"`);
  }
  if (memory.fleetId !== undefined && memory.fleetId !== fleetId) {
    throw contradicts(FLEET, `the store holds another fleet now: ${fleetId}, not ${memory.fleetId}`);
  }
  return record;
}

async function checkLastingPaths(store: CoordinationStore, listed: ReadonlySet<string>): Promise<void> {
  for (const path of LASTING_PATHS) {
    if (!listed.has(path) && (await store.get(path)) === undefined) throw damaged(path);
  }
}

/** Somebody has ruled here, and the fleet's own node is gone. A bootstrap that did not come to its end has no reign behind it. */
async function checkIsNew(store: CoordinationStore): Promise<void> {
  const node = await store.get(EPOCH);
  if (node !== undefined && decodeEpoch(node.data, EPOCH).epoch > 0) throw damaged(FLEET);
}

const FIX =
  'Workers copy on, and nobody assigns anything. Import the desired state (causeway import), or restart the controllers if the store is as it should be.';

function damaged(path: string): CausewayError {
  return new CausewayError('STORE_DAMAGED', 'a node that every fleet has is gone from the store', {
    place: { path },
    fix: FIX,
  });
}

function contradicts(path: string, what: string): CausewayError {
  return new CausewayError('STORE_CONTRADICTS', what, { place: { path }, fix: FIX });
}

function backwards(who: string, epoch: number): CausewayError {
  return contradicts(
    EPOCH,
    `the epoch ran backwards: ${who}, and the store is at ${epoch}: it was restored from an older copy`,
  );
}

async function createIfMissing(store: CoordinationStore, path: string, data: Buffer): Promise<void> {
  if ((await store.get(path)) !== undefined) return;
  try {
    await store.create(path, data);
  } catch (error) {
    if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
  }
}
