import type { MirroredPartition, Reason } from '../partition/mirrored-partition.js';

/** A partition that the transaction failed for. */
export interface Blamed {
  readonly partition: MirroredPartition;
  readonly reason: Reason;
}

/** Why a transaction is aborted although its lane is alive. Stays within the worker's transactions. */
export class TransactionFault extends Error {
  /** Those begin anew, apart from the others; empty: nobody of them is to blame. */
  readonly blamed: readonly Blamed[];

  constructor(message: string, blamed: readonly Blamed[]) {
    super(message);
    this.name = 'TransactionFault';
    this.blamed = blamed;
  }

  /** @param isTheirs others were answered */
  static unanswered(partitions: readonly MirroredPartition[], isTheirs: boolean): TransactionFault {
    const message = 'the target did not answer in time for the transaction to be committed';
    const faults = partitions.map((partition) => ({ partition, reason: { code: 'TIMEOUT', message } as const }));
    const blamed = isTheirs ? faults : [];
    const names = partitions.map(({ targetKey }) => targetKey).join(', ');
    return new TransactionFault(`${message}: ${names.slice(0, MAX_NAMES_LENGTH)}`, blamed);
  }
}

/** Of a log line. */
const MAX_NAMES_LENGTH = 300;
