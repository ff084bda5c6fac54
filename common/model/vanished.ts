/** The leader's memory: source topics of a route that were there once, and since when they are gone. */
export interface Vanished {
  readonly route: string;
  /** The source cluster's id when they were last seen to be gone: another cluster's topics say nothing of these. */
  readonly clusterId: string | null;
  readonly topics: readonly {
    readonly topic: string;
    /** ISO 8601. */
    readonly since: string;
  }[];
}
