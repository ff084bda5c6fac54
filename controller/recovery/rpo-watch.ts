import type { KnownEnd } from '../../common/model/recovery.js';
import type { PartitionStatus } from '../../common/model/status.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import { percentile99, type RouteRpo, rpoOf } from '../core/recovery-rpo.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import type { FleetLens } from './fleet-lens.js';

const LOOK_MS = 1_000;
/** One an hour of looks. */
const MAX_SAMPLES = 3_600;
/** A worker that misses an answer or two has not lost its partitions. */
const RECENT_MS = 5_000;
/** Partitions remembered per route. */
const MAX_REMEMBERED = 100_000;

/** What would be lost if a route's source were lost now, and what was seen of the source last. */
export interface RpoPicture {
  readonly now: RouteRpo;
  /** Wall ms of the last look at which every partition of it was running, so that its source was there; undefined: none of this reign. */
  readonly contactMs: number | undefined;
  /** Of the looks of the last hour, those in which all was known. */
  readonly samples: number;
  readonly p99Records: number | null;
  readonly p99Seconds: number | null;
  readonly known: readonly KnownEnd[];
}

interface Sight {
  readonly status: PartitionStatus;
  readonly atMs: number;
}

interface Memory {
  /** The last status with a known end, by `topic-partition`. */
  readonly last: Map<string, Sight>;
  readonly records: number[];
  readonly seconds: number[];
  at: number;
  now: RouteRpo;
  contactMs: number | undefined;
}

/** Remembers the workers' word on their lags and on their sources' ends: when a source is lost, nobody can ask it any more. */
export class RpoWatch implements LeaderWork {
  readonly name = 'rpo';
  readonly #fleet: Pick<FleetLens, 'allStatuses'>;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #memories = new Map<string, Memory>();

  constructor(fleet: Pick<FleetLens, 'allStatuses'>, clock: Clock, metrics: Metrics) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  async run(term: Term): Promise<void> {
    try {
      // Before the store was read there are no partitions to ask for.
      await term.lookAgain();
      while (!term.signal.aborted) {
        await this.look(term);
        await this.#clock.sleep(LOOK_MS, term.signal);
      }
    } finally {
      for (const route of [...this.#memories.keys()]) this.#forget(route);
    }
  }

  /** Undefined: this controller does not lead, or has not looked at the route yet. */
  picture(route: string): RpoPicture | undefined {
    const memory = this.#memories.get(route);
    if (memory === undefined) return undefined;
    const { now, contactMs, records, seconds, last } = memory;
    const known = [...last.values()].map(({ status }) => {
      return { topic: status.topic, partition: status.partition, end: status.sourceEndOffset };
    });
    const tail = { p99Records: percentile99(records), p99Seconds: percentile99(seconds), samples: records.length };
    return { now, contactMs, ...tail, known };
  }

  async look(term: Pick<Term, 'routes' | 'entries' | 'wanted'>): Promise<void> {
    const byRoute = new Map<string, PartitionStatus[]>();
    for (const status of await this.#fleet.allStatuses()) {
      const list = byRoute.get(status.route);
      if (list === undefined) byRoute.set(status.route, [status]);
      else list.push(status);
    }
    const names = new Set(term.routes().map(({ name }) => name));
    for (const name of [...this.#memories.keys()]) if (!names.has(name)) this.#forget(name);
    const wanted = term.wanted();
    for (const name of names) {
      const memory = this.#memories.get(name) ?? fresh();
      this.#memories.set(name, memory);
      const topics = new Set(term.entries(name).map(({ topic }) => topic));
      // What was retired is remembered: a failover asks for it after the stop.
      for (const [key, { status }] of memory.last) if (!topics.has(status.topic)) memory.last.delete(key);
      const statuses = (byRoute.get(name) ?? []).filter(({ topic }) => topics.has(topic));
      const due = [...topics].flatMap((topic): [string, ReadonlySet<number> | undefined][] => {
        const key = `${name}/${topic}`;
        return wanted.has(key) ? [[topic, wanted.get(key)]] : [];
      });
      this.#remember(name, memory, { wanted: new Map(due), statuses });
    }
  }

  #remember(
    route: string,
    memory: Memory,
    {
      wanted,
      statuses,
    }: {
      readonly wanted: ReadonlyMap<string, ReadonlySet<number> | undefined>;
      readonly statuses: readonly PartitionStatus[];
    },
  ): void {
    const nowMs = this.#clock.monotonicMs();
    for (const status of statuses) {
      const key = partitionKey(status.topic, status.partition);
      const hasRoom = memory.last.size < MAX_REMEMBERED || memory.last.has(key);
      if (status.sourceEndOffset >= 0n && hasRoom) memory.last.set(key, { status, atMs: nowMs });
    }
    const recent = [...memory.last.values()].flatMap(({ status, atMs }) => {
      const isWanted = wanted.get(status.topic)?.has(status.partition) ?? wanted.has(status.topic);
      return isWanted && nowMs - atMs <= RECENT_MS ? [status] : [];
    });
    memory.now = rpoOf(wanted, recent);
    const { records, seconds } = memory.now;
    const isKnown = wanted.size > 0 && records !== null && seconds !== null;
    if (isKnown) this.#sample(memory, records, seconds);
    this.#show(route, isKnown ? { records, seconds } : undefined);
    const isRunning = statuses.length > 0 && statuses.every(({ state }) => state === 'running');
    if (isRunning && isKnown) memory.contactMs = this.#clock.wallMs();
  }

  #forget(route: string): void {
    this.#memories.delete(route);
    this.#show(route, undefined);
  }

  /** A number that nobody knows any more must not stand there as if it held. */
  #show(route: string, known: { readonly records: number; readonly seconds: number } | undefined): void {
    if (known === undefined) {
      this.#metrics.remove('causeway_rpo_records', { route });
      this.#metrics.remove('causeway_rpo_seconds', { route });
      return;
    }
    this.#metrics.set('causeway_rpo_records', known.records, { route });
    this.#metrics.set('causeway_rpo_seconds', known.seconds, { route });
  }

  #sample(memory: Memory, records: number, seconds: number): void {
    memory.records[memory.at] = records;
    memory.seconds[memory.at] = seconds;
    memory.at = (memory.at + 1) % MAX_SAMPLES;
  }
}

function fresh(): Memory {
  return {
    ...{ last: new Map(), records: [], seconds: [], at: 0, contactMs: undefined },
    now: { topics: [], records: null, seconds: null },
  };
}
