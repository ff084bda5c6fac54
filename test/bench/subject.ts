import type { KafkaClusterHandle } from '../bed/kafka.js';
import type { Workspace } from '../bed/workspace.js';
import type { MirrorCase } from './mirror-cases.js';

/** Where a mirror under test runs. */
export interface MirrorHost {
  readonly source: KafkaClusterHandle;
  readonly target: KafkaClusterHandle;
  /** For configuration files and logs. */
  readonly folder: Workspace;
}

/** A process that takes part in a run. */
export interface MirrorProcess {
  readonly role: string;
  readonly pid: number;
  /** Whether its CPU time and memory count as the mirror's; if not, they are only shown. */
  readonly isCounted: boolean;
}

/** A mirror that was told to copy one topic, and has just been started. */
export interface MirrorRun {
  readonly targetTopic: string;
  readonly processes: readonly MirrorProcess[];
  stop(): Promise<void>;
}

export interface MirrorSubject {
  readonly name: 'mm2' | 'causeway';
  /** Starts copying `sourceTopic` from its beginning to a topic that does not exist yet. */
  start(host: MirrorHost, test: MirrorCase, sourceTopic: string, round: number): Promise<MirrorRun>;
}
