/** Where bytes in memory are charged and released. */
export interface ByteAccount {
  charge(bytes: number): void;
  release(bytes: number): void;
}

/** How much one partition may take in, between its share of the memory and the rate limits above it. */
export interface Allowance {
  /** Bytes the next fetch may ask for; 0: none before the partition is told to look again. */
  quotaBytes(): number;
  /** A batch was taken in to be copied: counts against the rate limits. */
  taken(bytes: number, records: number): void;
}

export const UNBOUNDED: Allowance = { quotaBytes: () => Number.POSITIVE_INFINITY, taken: () => undefined };
