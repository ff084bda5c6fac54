/** Which of MirrorMaker 2's own topics a route keeps, byte for byte, so that its Java clients and connectors work beside us. */
export interface Mm2Settings {
  /**
   * Heartbeats: `target` writes `heartbeats` there; `both` also at the source, as a herder of the other direction would: then
   * `<source>.heartbeats` comes to be at the target. Either way heartbeats that the source has are mirrored.
   */
  readonly heartbeats: 'off' | 'target' | 'both';
  readonly heartbeatIntervalMs: number;
  /** `<source>.checkpoints.internal` at the target. */
  readonly checkpoints: boolean;
  readonly checkpointIntervalMs: number;
  /** Where `mm2-offset-syncs.<alias>.internal` is kept. */
  readonly offsetSyncs: 'off' | 'source' | 'target';
  /** Records between two offset syncs of a partition, at most. */
  readonly offsetLagMax: number;
  readonly offsetSyncIntervalMs: number;
  /** Of these topics; at most 3, as far as there are brokers, unless set. */
  readonly replicationFactor?: number;
}
