import type { Closable } from '../runtime/lifecycle.js';

/** A node's content and versions. */
export interface StoreNode {
  readonly data: Buffer;
  readonly version: number;
  /** Transaction that created the node: tells a node from its recreated successor. */
  readonly createdAt: bigint;
  /** Session that owns an ephemeral node; 0 for persistent ones. */
  readonly ephemeralOwner: bigint;
}

/** "Whatever the version is": said explicitly, never the default. */
export const ANY_VERSION = -1;
/** Larger values are refused before they reach the wire: ZooKeeper drops the connection over 1 MB (fault Z9). */
export const MAX_NODE_BYTES = 900 * 1024;
/** Operations of one multi. */
export const MAX_MULTI_OPS = 1_000;

export type StoreOp =
  | { readonly type: 'check'; readonly path: string; readonly version: number }
  | { readonly type: 'create'; readonly path: string; readonly data: Buffer; readonly ephemeral?: boolean }
  | { readonly type: 'set'; readonly path: string; readonly data: Buffer; readonly version: number }
  | { readonly type: 'remove'; readonly path: string; readonly version: number };

/** What the operation at the same index gave: the new version for `set`, 0 for `create`, undefined otherwise. */
export type MultiResult = readonly (number | undefined)[];

/**
 * The outcome of a multi: it was applied as a whole, or not at all because the operation at `index` failed.
 * Only a failure at index 0, where a leader's multi has its epoch check, ends a reign (exactly-once.md 7.5).
 */
export type MultiOutcome =
  | { readonly applied: true; readonly versions: MultiResult }
  | {
      readonly applied: false;
      readonly index: number;
      readonly code: 'BAD_VERSION' | 'NODE_MISSING' | 'NODE_EXISTS' | 'NODE_NOT_EMPTY';
    };

/**
 * `connected`: requests are answered. `disconnected`: no server answers, the session may still live (until the lease ends).
 * `lost`: the session is over, by the server's word or by our own monotonic clock; its ephemeral nodes are gone or going.
 * A new session follows by itself, with the next generation.
 */
export type SessionState = 'connecting' | 'connected' | 'disconnected' | 'lost';

export interface StoreSession {
  readonly state: SessionState;
  /** Grows by one with every new session of this store object; 0 before the first. */
  readonly generation: number;
  /** Identity at the server; 0 before the first. */
  readonly id: bigint;
  /**
   * Monotonic ms (Clock.monotonicMs) until which nobody can have taken our ephemeral nodes away: the time of the last word
   * from the server's side that our request *was sent*, plus the session timeout. Moves forward with every answer.
   */
  readonly leaseUntilMs: number;
}

/**
 * A small hierarchical store with versions, sessions, ephemeral nodes and atomic multis: ZooKeeper's model.
 * Paths are absolute (`/lanes/x`) and relative to the fleet's root. All failures are CausewayErrors:
 * COORDINATION_UNAVAILABLE (outcome unknown, or not tried), COORDINATION_SESSION_LOST, NODE_EXISTS, NODE_MISSING, NODE_NOT_EMPTY,
 * BAD_VERSION, NODE_TOO_LARGE, COORDINATION_AUTH_FAILED. Nothing waits for ever: every call ends within the operation timeout.
 */
export interface CoordinationStore extends Closable {
  /** Milliseconds negotiated with the server (the wish before that). */
  readonly sessionTimeoutMs: number;
  session(): StoreSession;
  /** Called on every change of state or generation, synchronously, in order. Returns its own removal. */
  onSession(listener: (session: StoreSession) => void): () => void;
  /** Resolves when connected; rejects with COORDINATION_UNAVAILABLE when the signal aborts first. */
  ready(signal?: AbortSignal): Promise<StoreSession>;

  get(path: string): Promise<StoreNode | undefined>;
  /** Names (not paths) of the children, sorted; undefined when the node does not exist. */
  children(path: string): Promise<readonly string[] | undefined>;
  /**
   * Creates a node; missing parents are created as empty persistent nodes.
   * An ephemeral node belongs to the session of the given generation: COORDINATION_SESSION_LOST when that is over.
   * A lost answer is resolved by reading the node back: NODE_EXISTS means somebody else's.
   */
  create(path: string, data: Buffer, options?: { readonly ephemeralOf?: number }): Promise<void>;
  /** Replaces the content if the version is still `version`; gives the new version. */
  set(path: string, data: Buffer, version: number): Promise<number>;
  remove(path: string, version: number): Promise<void>;
  /** Applies all or nothing. Parents of created nodes must exist. `ephemeralOf` binds ephemeral creates to that session. */
  multi(ops: readonly StoreOp[], options?: { readonly ephemeralOf?: number }): Promise<MultiOutcome>;
  /** Afterwards reads see everything that was written before (ZooKeeper `sync`). */
  sync(): Promise<void>;
  /**
   * Calls back, coalesced, after something changed at or below `path` (created, changed, removed), after every reconnect, and where the
   * server has to be asked to watch, when it has begun to.
   * A hint only: it may be late or lost; the level-triggered compare on a timer is the truth. Returns its own removal.
   * @param onHint gets the nodes that changed since the last call; undefined: any may have
   */
  watch(path: string, onHint: (changed: ReadonlySet<string> | undefined) => void): () => void;
}
