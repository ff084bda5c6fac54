import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeEpoch, decodeFleet, encodeEpoch, encodeFleet } from '../../common/coordination/records/control.js';
import { encodeRoute } from '../../common/coordination/records/desired.js';
import { BASE_PATHS, EPOCH, FLEET, routePath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';

/** What a controller has seen of the fleet; a store that contradicts it was wiped or restored (reliability.md R5). */
export interface FleetMemory {
  fleetId: string | undefined;
  highestEpoch: number;
}

export interface BootstrapDeps {
  readonly store: CoordinationStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** Makes what every fleet has, where it is missing, and the configured routes. Safe to run on every controller at once. */
export async function bootstrapFleet(deps: BootstrapDeps, seeds: readonly Route[]): Promise<void> {
  const { store, clock, random } = deps;
  const fleet = { fleetId: random.uuid(), createdAt: new Date(clock.wallMs()).toISOString() };
  await createIfMissing(store, FLEET, encodeFleet(fleet));
  await createIfMissing(store, EPOCH, encodeEpoch({ epoch: 0 }));
  for (const path of BASE_PATHS) await createIfMissing(store, path, Buffer.alloc(0));
  for (const route of seeds) await createIfMissing(store, routePath(route.name), encodeRoute(route));
}

/**
 * The epoch node, never at version 0: node-zookeeper-client takes an expected version 0 in a multi for "any" (fault Z1).
 * @throws EPOCH_LOST when fleet id or epoch contradict what this controller has seen: then nobody should plan before a human looked
 */
export async function readEpoch(
  store: CoordinationStore,
  memory: FleetMemory,
): Promise<{ readonly epoch: number; readonly version: number }> {
  await checkFleet(store, memory);
  const node = await store.get(EPOCH);
  if (node === undefined)
    throw new CausewayError('NODE_MISSING', 'the epoch node is missing', { place: { path: EPOCH } });
  const { epoch } = decodeEpoch(node.data, EPOCH);
  if (epoch < memory.highestEpoch) {
    throw new CausewayError('EPOCH_LOST', `the epoch ran backwards, from ${memory.highestEpoch} to ${epoch}`, {
      place: { path: EPOCH },
      fix: 'The store was restored from an older copy. Workers copy on; check the topics, then restart the controllers.',
    });
  }
  memory.highestEpoch = epoch;
  const version = node.version === 0 ? await store.set(EPOCH, encodeEpoch({ epoch }), 0) : node.version;
  return { epoch, version };
}

async function checkFleet(store: CoordinationStore, memory: FleetMemory): Promise<void> {
  const node = await store.get(FLEET);
  if (node === undefined)
    throw new CausewayError('NODE_MISSING', 'the fleet node is missing', { place: { path: FLEET } });
  const { fleetId } = decodeFleet(node.data, FLEET);
  if (memory.fleetId !== undefined && memory.fleetId !== fleetId) {
    throw new CausewayError('EPOCH_LOST', `the store holds another fleet now: ${fleetId}, not ${memory.fleetId}`, {
      place: { path: FLEET },
      fix: 'The store was wiped or replaced. Workers copy on; check the topics, then restart the controllers.',
    });
  }
  memory.fleetId = fleetId;
}

async function createIfMissing(store: CoordinationStore, path: string, data: Buffer): Promise<void> {
  if ((await store.get(path)) !== undefined) return;
  try {
    await store.create(path, data);
  } catch (error) {
    if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
  }
}
