/* What a worker's supervisor tells its data threads all the time, as Float64 in memory that they share: monotonic ms. */

/** Until when a thread may write what it has a lane for. */
export const WRITE_UNTIL = 0;
/** Until when it may close the logs of others: without a session an order to take over may be an old one. Never after WRITE_UNTIL. */
export const SETTLE_UNTIL = 1;

export const LEASE_BYTES = 2 * Float64Array.BYTES_PER_ELEMENT;
