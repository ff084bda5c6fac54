/** How the target topics' configs follow the source's. */
export interface ConfigSync {
  /** `enforce`: what differs is changed at the target · `report`: it is only told · `off`: new topics get the source's, nothing is compared later. */
  readonly mode: 'enforce' | 'report' | 'off';
  /** Patterns (RE2) of whole config names; one of them has to match. */
  readonly include: readonly string[];
  /** None of them may match: what the target has there is its own affair. */
  readonly exclude: readonly string[];
  /**
   * Of a config that the source topic does not set itself. `target`: the target's own default applies · `source`: the value that holds at
   * the source is set (MirrorMaker 2's use.defaults.from).
   */
  readonly useDefaultsFrom: 'target' | 'source';
  readonly intervalMs: number;
}

/** What becomes of a target topic whose source topic was deleted. */
export interface DeletionPolicy {
  /** `ignore`: it stays · `alert`: it stays, and somebody is told · `delete`: it goes, after `delayMs`. */
  readonly policy: 'ignore' | 'alert' | 'delete';
  /** For so long the source topic has to be gone. */
  readonly delayMs: number;
  /** More of a route's topics gone at once than these, and none is deleted but by an operator. */
  readonly maxTopics: number;
  readonly maxPercent: number;
}

export interface TopicSync {
  readonly configs: ConfigSync;
  readonly deletion: DeletionPolicy;
}

/**
 * MirrorMaker 2's DefaultConfigPropertyFilter, and the bounds of timestamps under their newer names: they would refuse the old records of
 * a mirror.
 */
export const DEFAULT_CONFIG_EXCLUDES: readonly string[] = [
  'follower\\.replication\\.throttled\\.replicas',
  'leader\\.replication\\.throttled\\.replicas',
  '(log\\.)?message\\.timestamp\\.(difference|before|after)\\.max\\.ms',
  'message\\.timestamp\\.type',
  'unclean\\.leader\\.election\\.enable',
  'min\\.insync\\.replicas',
];

export const DEFAULT_TOPIC_SYNC: TopicSync = {
  configs: {
    mode: 'enforce',
    include: ['.*'],
    exclude: DEFAULT_CONFIG_EXCLUDES,
    useDefaultsFrom: 'target',
    intervalMs: 60_000,
  },
  deletion: { policy: 'ignore', delayMs: 86_400_000, maxTopics: 10, maxPercent: 20 },
};
