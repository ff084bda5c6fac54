import {
  type FleetExport,
  type ImportBody,
  type ImportView,
  MAX_RECORD_BYTES,
  type StoredNode,
} from '../../common/api/transfer-shapes.js';
import { ANY_VERSION, type CoordinationStore, type StoreOp } from '../../common/coordination/ports.js';
import { decodeEpoch, decodeFleet, encodeEpoch, encodeFleet } from '../../common/coordination/records/control.js';
import { decodeLiveWorker } from '../../common/coordination/records/worker.js';
import { BASE_PATHS, EPOCH, FLEET, LIVE, livePath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError, messageOf } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { AREAS, type Area, nodeOf, readable, recordOf } from './transfer-areas.js';

const READ_CONCURRENCY = 64;

export interface TransferDeps {
  readonly store: CoordinationStore;
  readonly fleet: string;
  /** The highest epoch this controller has seen. */
  readonly highestEpoch: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The desired state out of a store and into one: a backup, and the way back after a store was wiped, damaged or restored from an older copy
 * (exactly-once.md 7.6). An import adds and replaces; it removes nothing.
 */
export class TransferService {
  readonly #deps: TransferDeps;

  constructor(deps: TransferDeps) {
    this.#deps = deps;
  }

  /** @throws STORE_DAMAGED where there is no fleet; nodes that cannot be read, and records that are too large for one, are left out and logged */
  async export(): Promise<FleetExport> {
    const { store, fleet, clock } = this.#deps;
    const [identity, epoch] = await Promise.all([store.get(FLEET), store.get(EPOCH)]);
    if (identity === undefined || epoch === undefined) {
      const place = { path: identity === undefined ? FLEET : EPOCH };
      throw new CausewayError('STORE_DAMAGED', 'the store holds no fleet', { place });
    }
    const nodes: StoredNode[] = [];
    for (const area of AREAS) nodes.push(...(await this.#nodesOf(area)));
    return {
      format: 1,
      fleet,
      fleetId: decodeFleet(identity.data, FLEET).fleetId,
      epoch: decodeEpoch(epoch.data, EPOCH).epoch,
      exportedAt: new Date(clock.wallMs()).toISOString(),
      nodes,
    };
  }

  /** Writes a part; may be repeated. @throws INVALID_REQUEST: another fleet's export, or a node that is none of its */
  async import(body: ImportBody): Promise<ImportView> {
    const { fleet } = this.#deps;
    if (body.fleet !== fleet) throw invalid(`this is an export of fleet "${body.fleet}", not of "${fleet}"`);
    const records = body.nodes.map((node) => checked(node));
    for (const path of BASE_PATHS) await this.#make(path);
    const parents = new Set(records.map(({ path }) => path.slice(0, path.lastIndexOf('/'))));
    for (const parent of parents) await this.#make(parent);
    const written = await mapLimited(records, READ_CONCURRENCY, (one) => this.#put(one));
    const epoch = body.last ? await this.#finish(body) : null;
    return { written: written.filter((isNew) => isNew).length, epoch };
  }

  async #nodesOf(area: Area): Promise<StoredNode[]> {
    const { store, logger } = this.#deps;
    const { root, depth, decode } = area;
    const children = async (path: string) => ((await store.children(path)) ?? []).map((name) => `${path}/${name}`);
    const first = await children(root);
    const paths = depth === 1 ? first : (await mapLimited(first, READ_CONCURRENCY, children)).flat();
    const nodes = await mapLimited(paths, READ_CONCURRENCY, async (path): Promise<StoredNode | undefined> => {
      const node = await store.get(path);
      if (node === undefined) return undefined;
      try {
        decode(node.data, path);
      } catch (error) {
        if (!isCausewayError(error, 'NODE_CORRUPT')) throw error;
        logger.warn('export.node-left-out', { path, err: error });
        return undefined;
      }
      const record = recordOf(node.data);
      if (record === undefined) logger.warn('export.node-left-out', { path, maxBytes: MAX_RECORD_BYTES });
      return record === undefined ? undefined : { path, record };
    });
    return nodes.filter((node) => node !== undefined);
  }

  /** @returns false when it said so already */
  async #put({ path, area, data: saved }: CheckedNode): Promise<boolean> {
    const { store, clock } = this.#deps;
    const node = await store.get(path);
    const at = new Date(clock.wallMs()).toISOString();
    const data = area.merge?.(saved, node?.data, { path, at }) ?? saved;
    if (node?.data.equals(data) === true) return false;
    try {
      if (node === undefined) await store.create(path, data);
      else await store.set(path, data, node.version);
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS') && !isCausewayError(error, 'BAD_VERSION')) throw error;
      throw new CausewayError('PRECONDITION_FAILED', 'somebody else writes there at the moment', { place: { path } });
    }
    return true;
  }

  async #make(path: string): Promise<void> {
    const { store } = this.#deps;
    if ((await store.get(path)) !== undefined) return;
    try {
      await store.create(path, Buffer.alloc(0));
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
    }
  }

  /** Whoever lives obeys nobody below the highest epoch it has seen (7.4): the next reign begins above it. The present one ends with this. */
  async #finish({ fleet, fleetId, epoch }: ImportBody): Promise<number> {
    const { store, highestEpoch, clock, logger } = this.#deps;
    const [identity, current, seen] = await Promise.all([store.get(FLEET), store.get(EPOCH), this.#seenByWorkers()]);
    const present = current === undefined ? 0 : (readable(() => decodeEpoch(current.data, EPOCH).epoch) ?? 0);
    const next = Math.max(epoch, present, seen, highestEpoch()) + 1;
    const importedAt = new Date(clock.wallMs()).toISOString();
    // A store that is a fleet's already stays that fleet's.
    const kept = identity === undefined ? undefined : readable(() => decodeFleet(identity.data, FLEET));
    const record = { ...(kept ?? { fleetId, createdAt: importedAt }), name: fleet, importedAt };
    const put = (path: string, node: { readonly version: number } | undefined, data: Buffer): StoreOp =>
      node === undefined ? { type: 'create', path, data } : { type: 'set', path, data, version: node.version };
    const outcome = await store.multi([
      put(EPOCH, current, encodeEpoch({ epoch: next })),
      put(FLEET, identity, encodeFleet(record)),
    ]);
    if (!outcome.applied) {
      throw new CausewayError('PRECONDITION_FAILED', 'another controller began a reign meanwhile; send the part again');
    }
    // Never at version 0: the election's check of it would mean "any" (fault Z1).
    if (current === undefined) await store.set(EPOCH, encodeEpoch({ epoch: next }), ANY_VERSION);
    logger.warn('fleet.imported', { fleetId: record.fleetId, epoch: next });
    return next;
  }

  async #seenByWorkers(): Promise<number> {
    const { store } = this.#deps;
    const names = (await store.children(LIVE)) ?? [];
    const epochs = await mapLimited(names, READ_CONCURRENCY, async (name) => {
      const node = await store.get(livePath(name));
      return node === undefined ? 0 : (readable(() => decodeLiveWorker(node.data, livePath(name)).seenEpoch) ?? 0);
    });
    return Math.max(0, ...epochs);
  }
}

interface CheckedNode {
  readonly path: string;
  readonly area: Area;
  readonly data: Buffer;
}

function checked({ path, record }: StoredNode): CheckedNode {
  const names = path.split('/').slice(1);
  const area = AREAS.find(({ root, depth }) => root === `/${names[0]}` && names.length === depth + 1);
  const isLegal = names.slice(1).every((name) => /^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..');
  if (area === undefined || !isLegal) throw invalid(`${path} is no node of an export`);
  try {
    area.decode(Buffer.from(record), path);
  } catch (error) {
    throw invalid(`${path}: ${messageOf(error)}`);
  }
  return { path, area, data: nodeOf(record, area) };
}

const invalid = (message: string): CausewayError => new CausewayError('INVALID_REQUEST', message);
