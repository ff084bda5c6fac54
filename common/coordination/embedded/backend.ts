import type { Logger } from '../../observability/logger.js';
import type { Clock } from '../../runtime/clock.js';
import type { MultiOutcome, StoreNode, StoreOp } from '../ports.js';

/** What may be read of the tree. */
export interface TreeView {
  get(path: string): StoreNode | undefined;
  children(path: string): readonly string[] | undefined;
}

/** The engine as its handles see it. */
export interface StoreBackend {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  /** Identity of a fresh session. */
  beginSession(): bigint;
  /** Removes the session's ephemeral nodes. */
  endSession(id: bigint): void;
  forget(handle: object): void;
  /** What is read is durable before anybody acts on it. */
  read<T>(pick: (tree: TreeView) => T): Promise<T>;
  /** Applies the operations at once and resolves when they are on disk. */
  write(ops: readonly StoreOp[], owner: bigint): Promise<MultiOutcome>;
  /** Creates for the missing parents of a path, from the top down. */
  missingParents(path: string): readonly StoreOp[];
}
