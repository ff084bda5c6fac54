import { type CausewayError, isCausewayError } from '../../common/errors/error.js';
import { deadLetterPartitions } from '../../common/kafka/fencing/dead-letter-partitions.js';
import type { FencingClient, LaneIdentity } from '../../common/kafka/fencing/fencing-client.js';
import { findAbortMarker } from '../../common/kafka/fencing/find-abort-marker.js';
import { gapTopic } from '../../common/model/gap.js';
import { mapPartitionsOf } from '../../common/model/offset-map-record.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import type { Clock } from '../../common/runtime/clock.js';
import { Slots } from '../../common/runtime/slots.js';
import type { SourceSide } from '../thread/source-side.js';
import type { TargetSide } from '../thread/target-side.js';
import { GatheredFences, type GatheredFencesDeps } from './gathered-fences.js';
import type { MirroredPartition } from './mirrored-partition.js';

/** Partitions of a thread whose logs are looked at together: they share their requests, and what is read is let go at once. */
const MAX_AT_ONCE = 500;
/** How long markers of an own fence are waited for; one that comes later is found at the next attempt. */
const MARKER_WAIT_MS = 10_000;
/** Beyond the target's request timeout, where its lane cannot be fenced. */
const UNPROVEN_MARGIN_MS = 1_000;

export interface LogCloserDeps extends GatheredFencesDeps {
  readonly sides: (partition: MirroredPartition) => { readonly source: SourceSide; readonly target: TargetSide };
  readonly clock: Clock;
}

/** A target log that a lane may still write into. */
export interface OpenLog {
  readonly partition: MirroredPartition;
  readonly lane: LaneIdentity;
  /** Canonical UUID text; null where it is not known. */
  readonly topicId: string | null;
  /** All that is in doubt lies behind it. */
  readonly fromOffset: bigint;
}

/** A log that its lane may still write into: it cannot be walked. */
export interface NotClosed {
  readonly log: OpenLog;
  /** Why it could not be looked at; undefined: the fence's marker is not there yet. */
  readonly error?: CausewayError;
}

interface Looked {
  readonly unmarked: readonly OpenLog[];
  readonly failed: readonly NotClosed[];
}

/** Closes target logs to the lanes that wrote there: by the abort marker of a fence that is there already, or by a fence (exactly-once.md 5.5, 5.8). */
export class LogCloser {
  readonly #deps: LogCloserDeps;
  readonly #fences: GatheredFences;
  readonly #slots = new Slots(MAX_AT_ONCE);

  constructor(deps: LogCloserDeps) {
    this.#deps = deps;
    this.#fences = new GatheredFences(deps);
  }

  /**
   * @param open of one lane
   * @returns those that are not closed; a fault of one log keeps none of the others open
   * @throws SHUTTING_DOWN
   */
  async close(open: readonly OpenLog[]): Promise<readonly NotClosed[]> {
    const { unmarked, failed } = await this.#look(open, 0);
    const notClosed = await this.#fence(unmarked).catch((error: unknown) => {
      const fault = kept(error);
      return unmarked.map((log) => ({ log, error: fault }));
    });
    return [...failed, ...notClosed];
  }

  /** @param unmarked of one lane, which may be none */
  async #fence(unmarked: readonly OpenLog[]): Promise<readonly NotClosed[]> {
    const [first] = unmarked;
    if (first === undefined) return [];
    const { sides, signal, clock } = this.#deps;
    const { target } = sides(first.partition);
    const { client } = target;
    const partitions = unmarked.map(({ partition: { item } }) => ({
      topic: item.targetTopic,
      partition: item.partition,
    }));
    // Of our own only what is in doubt: it copies its other partitions until they have left it (exactly-once.md 5.6).
    const others = target.lanes.owns(first.lane) ? [] : await this.#sideTopics(client, unmarked);
    const fence = await this.#fences.fence(target, first.lane, [...partitions, ...others]);
    if (fence.kind !== 'not-fenced') {
      const later = await this.#look(unmarked, MARKER_WAIT_MS);
      return [...later.failed, ...later.unmarked.map((log) => ({ log }))];
    }
    // Nothing refers to that lane any more at the target: as at-least-once does, until nothing it sent can still arrive.
    await clock.sleep(client.cluster.requestTimeoutMs + UNPROVEN_MARGIN_MS, signal);
    return [];
  }

  /** Where else a lane writes: what it leaves out is declared, runs are written down, and the refused records may go anywhere in their topic (exactly-once.md 5.3). */
  async #sideTopics(client: FencingClient, logs: readonly OpenLog[]): Promise<TopicPartition[]> {
    const routes = logs.map(({ partition }) => partition.route);
    const { fleet } = this.#deps;
    const maps = mapPartitionsOf(
      fleet,
      logs.map(({ partition }) => partition.item),
    );
    return [...(await deadLetterPartitions(client, routes)), { topic: gapTopic(fleet), partition: 0 }, ...maps];
  }

  /** Which of the logs have no marker, and which cannot say: their leader may be away. */
  async #look(logs: readonly OpenLog[], waitMs: number): Promise<Looked> {
    const found = await Promise.all(logs.map((log) => this.#slots.run(() => this.#hasMarker(log, waitMs)).catch(kept)));
    return {
      unmarked: logs.filter((_, i) => found[i] === false),
      failed: logs.flatMap((log, i) => {
        const error = found[i];
        return typeof error === 'object' ? [{ log, error }] : [];
      }),
    };
  }

  async #hasMarker({ partition, lane, topicId, fromOffset }: OpenLog, waitMs: number): Promise<boolean> {
    const { sides, signal } = this.#deps;
    const found = await findAbortMarker({
      client: sides(partition).target.client,
      topic: partition.item.targetTopic,
      partition: partition.item.partition,
      topicId,
      producerId: lane.producerId,
      // A lane's own epoch is on no marker of these partitions: only a fence writes here, under a later one.
      minEpoch: lane.producerEpoch + 1,
      fromOffset,
      waitMs,
      signal,
    });
    return found.kind === 'found';
  }
}

/** A fault that the logs it concerns wait for. */
function kept(error: unknown): CausewayError {
  if (!isCausewayError(error) || error.code === 'SHUTTING_DOWN') throw error;
  return error;
}
