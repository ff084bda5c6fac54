import type { KafkaClusterHandle } from '../bed/kafka.js';
import type { Workspace } from '../bed/workspace.js';
import type { Codec } from './mirror-cases.js';

/** Where a mirror under test runs. */
export interface MirrorHost {
  readonly source: KafkaClusterHandle;
  readonly target: KafkaClusterHandle;
  /** For configuration files and logs. */
  readonly folder: Workspace;
  /** How a mirror reaches the clusters where something lies in between; the clusters' own addresses unless given. */
  readonly sourceBootstrap?: string;
  readonly targetBootstrap?: string;
}

/** A process that takes part in a run. */
export interface MirrorProcess {
  readonly role: string;
  readonly pid: number;
  /** Whether its CPU time and memory count as the mirror's; if not, they are only shown. */
  readonly isCounted: boolean;
}

/** What a mirror is to do: copy `topics` from their beginning to topics that do not exist yet. */
export interface MirrorPlan {
  /** New in every run: it names the source cluster, hence target topics, internal topics, fleet and route. */
  readonly alias: string;
  readonly topics: readonly string[];
  /** The source's codec; MirrorMaker 2 compresses with it again. */
  readonly compression: Codec;
  /** MirrorMaker 2: how it is set up; `throughput` unless given. */
  readonly tuning?: Mm2Tuning;
  /** MirrorMaker 2: settings that win over the tuning's; `SOURCE` in a key stands for the alias. */
  readonly mm2Settings?: Readonly<Record<string, string>>;
  /** Causeway: settings of the worker and of the route beside the defaults. */
  readonly worker?: Readonly<Record<string, unknown>>;
  readonly route?: Readonly<Record<string, unknown>>;
}

/**
 * `defaults`: nothing set but the replication factors. `latency`: one task, no linger, room for large
 * batches and the clients' socket buffers left to the kernel, the fastest of those measured at low rates. `throughput`: large fetches, large batches, several tasks.
 */
export type Mm2Tuning = 'defaults' | 'latency' | 'throughput';

/** A mirror that was told to copy, and has just been started. */
export interface MirrorRun {
  readonly processes: readonly MirrorProcess[];
  /** Causeway's worker. */
  readonly workerUrl?: string;
  readonly controllerUrl?: string;
  stop(): Promise<void>;
  /** Ends it so that it can be started again with the same plan, and goes on where it was. */
  leave?(): Promise<void>;
}

export interface MirrorSubject {
  readonly name: SubjectName;
  start(host: MirrorHost, plan: MirrorPlan): Promise<MirrorRun>;
}

export type SubjectName = 'mm2' | 'causeway';

/** The name both mirrors give to the copy. */
export function targetTopicOf(plan: Pick<MirrorPlan, 'alias'>, topic: string): string {
  return `${plan.alias}.${topic}`;
}
