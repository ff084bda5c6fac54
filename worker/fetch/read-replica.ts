/** A replica that was pointed at is used this long, then the leader is asked again (Kafka's metadata.max.age.ms). */
const REPLICA_LEASE_MS = 300_000;
/** A partition whose replica failed is read from the leader for this long: the leader would point at the same one again. */
const HOME_MS = 30_000;

/** Where one partition is read: at its leader, or at the replica that the leader pointed at (KIP-392). */
export class ReadReplica {
  readonly #rack: string;
  #broker: number | undefined;
  #untilMs = 0;
  #homeUntilMs = 0;

  /** @param rack ours; '' none, then every fetch goes to the leader */
  constructor(rack: string) {
    this.#rack = rack;
  }

  /** undefined: at the leader. */
  broker(nowMs: number): number | undefined {
    return nowMs < this.#untilMs ? this.#broker : undefined;
  }

  /** What fetches tell of us; with it the leader may answer with another replica instead of records. */
  rack(nowMs: number): string {
    return nowMs < this.#homeUntilMs ? '' : this.#rack;
  }

  /** The leader said so. */
  prefer(broker: number, nowMs: number): void {
    this.#broker = broker;
    this.#untilMs = nowMs + REPLICA_LEASE_MS;
  }

  /** The replica cannot serve: back to the leader. */
  failed(nowMs: number): void {
    this.#untilMs = 0;
    this.#homeUntilMs = nowMs + HOME_MS;
  }

  /** Another leader decides anew. */
  reset(): void {
    this.#untilMs = 0;
  }
}
