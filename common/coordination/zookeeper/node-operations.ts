import { invariant } from '../../errors/assert.js';
import type { Clock } from '../../runtime/clock.js';
import { checkData, checkMulti, checkPath, nodeExists, nodeMissing, parentPath, sessionLost } from '../node-rules.js';
import type { MultiOutcome, StoreNode, StoreOp, StoreSession } from '../ports.js';
import {
  type Acls,
  type ChildrenAnswer,
  childrenRequest,
  createRequest,
  type DataAnswer,
  getRequest,
  longOf,
  type MultiAnswer,
  multiRequest,
  removeRequest,
  type StatAnswer,
  setRequest,
  syncRequest,
  ZK_BAD_VERSION,
  ZK_NO_NODE,
  ZK_NODE_EXISTS,
  ZK_NOT_EMPTY,
  ZK_OK,
  ZK_RUNTIME_INCONSISTENCY,
  type ZkRequest,
} from './jute.js';
import type { RequestWindow } from './request-window.js';
import { createChain } from './root-chain.js';
import { errorOf, unavailable } from './zk-errors.js';

const EMPTY = Buffer.alloc(0);
/** Rounds of "create, parent missing, create parent": more means that somebody removes them as fast. */
const MAX_CREATE_ROUNDS = 16;

interface Answer {
  readonly err: number;
  readonly payload: unknown;
}

interface Terms {
  readonly deadlineMs: number;
  readonly generation?: number | undefined;
}

export interface NodeOperationsOptions {
  readonly window: RequestWindow;
  readonly clock: Clock;
  readonly operationTimeoutMs: number;
  /** Absolute path of the store's `/`. */
  readonly root: string;
  readonly acls: Acls;
  readonly session: () => StoreSession;
}

/** The store's operations on ZooKeeper requests: which may be repeated after a lost answer, and what a refusal means. */
export class NodeOperations {
  readonly #options: NodeOperationsOptions;
  readonly #window: RequestWindow;

  constructor(options: NodeOperationsOptions) {
    this.#options = options;
    this.#window = options.window;
  }

  async get(path: string): Promise<StoreNode | undefined> {
    return this.#read(path, this.#terms());
  }

  async children(path: string): Promise<readonly string[] | undefined> {
    const answer = await this.#repeat(childrenRequest(this.#absolute(path)), this.#terms());
    if (answer.err === ZK_NO_NODE) return undefined;
    this.#expectOk(answer, path);
    return [...((answer.payload as ChildrenAnswer).children ?? [])].sort();
  }

  async sync(): Promise<void> {
    this.#expectOk(await this.#repeat(syncRequest(this.#options.root), this.#terms()), '/');
  }

  async set(path: string, data: Buffer, version: number): Promise<number> {
    checkData(path, data);
    const answer = await this.#once(setRequest(this.#absolute(path), data, version), this.#terms(), path);
    this.#expectOk(answer, path);
    return (answer.payload as StatAnswer).stat.version;
  }

  async remove(path: string, version: number): Promise<void> {
    this.#expectOk(await this.#once(removeRequest(this.#absolute(path), version), this.#terms(), path), path);
  }

  /**
   * After a lost answer the node is read back (behind a sync). Ephemeral: ours if our session owns it. Persistent: ours if it
   * holds our bytes unchanged and was created after the request was sent. Two cases stay ambiguous: somebody else created the
   * same bytes in that window (taken for ours), and ours was created and changed by somebody since (reported NODE_EXISTS); one
   * that was created and removed again in that window is created anew.
   */
  async create(path: string, data: Buffer, generation: number | undefined): Promise<void> {
    checkData(path, data);
    invariant(path !== '/', 'the root is not created by hand');
    const terms = this.#terms(generation);
    const request = createRequest(this.#absolute(path), data, generation !== undefined, this.#options.acls);
    let seenZxid: bigint | undefined;
    for (let round = 0; round < MAX_CREATE_ROUNDS; round += 1) {
      const reply = await this.#window.submit({ request, deadlineMs: terms.deadlineMs, generation });
      if (reply.kind === 'unsent') continue;
      if (reply.kind === 'lost') {
        seenZxid ??= reply.seenZxid;
        this.#expectOk(await this.#repeat(syncRequest(this.#options.root), terms), path);
      } else if (reply.err === ZK_NO_NODE) {
        await this.#createParents(path, terms);
        continue;
      } else if (reply.err !== ZK_NODE_EXISTS) {
        this.#expectOk(reply, path);
        return;
      }
      const node = await this.#read(path, terms);
      if (node === undefined) continue;
      if (this.#isOurs(node, data, generation, seenZxid)) return;
      throw nodeExists(path);
    }
    throw nodeMissing(parentPath(path) ?? '/');
  }

  /** The parents of all created nodes must exist. Never repeated: a lost answer is COORDINATION_UNAVAILABLE. */
  async multi(ops: readonly StoreOp[], ephemeralOf: number | undefined): Promise<MultiOutcome> {
    checkMulti(ops);
    if (ops.length === 0) return { applied: true, versions: [] };
    const session = this.#options.session();
    const ephemeral = ops.some((op) => op.type === 'create' && op.ephemeral === true);
    const generation = ephemeralOf ?? (ephemeral && session.generation > 0 ? session.generation : undefined);
    const request = multiRequest(ops, (path) => this.#absolute(path), this.#options.acls);
    const answer = await this.#once(request, this.#terms(generation), ops[0]?.path ?? '/');
    return this.#multiOutcome(ops, answer);
  }

  #multiOutcome(ops: readonly StoreOp[], answer: Answer): MultiOutcome {
    this.#expectOk(answer, ops[0]?.path ?? '/');
    const { results } = answer.payload as MultiAnswer;
    // Before the failed operation stands OK, behind it RUNTIME_INCONSISTENCY.
    const index = results.findIndex(
      ({ err }) => err !== undefined && err !== ZK_OK && err !== ZK_RUNTIME_INCONSISTENCY,
    );
    if (index < 0) {
      if (results.some(({ err }) => err !== undefined)) throw unavailable('ZooKeeper refused a multi without a reason');
      const versions = ops.map((op, i) => (op.type === 'create' ? 0 : results[i]?.stat?.version));
      return { applied: true, versions };
    }
    const err = results[index]?.err ?? ZK_OK;
    const code = MULTI_CODES.get(err);
    if (code === undefined) throw errorOf(err, ops[index]?.path ?? '/');
    return { applied: false, index, code };
  }

  async #createParents(path: string, terms: Terms): Promise<void> {
    const parent = parentPath(path);
    if (parent === undefined) return this.#createRoot(terms);
    // A parent that was made twice is as good as once, so the request may be repeated.
    const answer = await this.#repeat(createRequest(this.#absolute(parent), EMPTY, false, this.#options.acls), terms);
    if (answer.err === ZK_NODE_EXISTS) return;
    if (answer.err !== ZK_NO_NODE) {
      this.#expectOk(answer, parent);
      return;
    }
    await this.#createParents(parent, terms);
    await this.#createParents(path, terms);
  }

  /** Somebody removed the root while we were connected. */
  async #createRoot(terms: Terms): Promise<void> {
    const create = (path: string): Promise<Answer> =>
      this.#repeat(createRequest(path, EMPTY, false, this.#options.acls), terms);
    const answer = await createChain(this.#options.root, create);
    if (answer.err !== ZK_NODE_EXISTS) this.#expectOk(answer, '/');
  }

  async #read(path: string, terms: Terms): Promise<StoreNode | undefined> {
    const answer = await this.#repeat(getRequest(this.#absolute(path)), terms);
    if (answer.err === ZK_NO_NODE) return undefined;
    this.#expectOk(answer, path);
    const { data, stat } = answer.payload as DataAnswer;
    return {
      data: data ?? EMPTY,
      version: stat.version,
      createdAt: longOf(stat.czxid),
      ephemeralOwner: longOf(stat.ephemeralOwner),
    };
  }

  #isOurs(node: StoreNode, data: Buffer, generation: number | undefined, seenZxid: bigint | undefined): boolean {
    const session = this.#options.session();
    if (generation !== undefined) {
      if (session.generation !== generation) throw sessionLost();
      return node.ephemeralOwner === session.id && node.data.equals(data);
    }
    if (seenZxid === undefined || node.ephemeralOwner !== 0n) return false;
    return node.createdAt > seenZxid && node.version === 0 && node.data.equals(data);
  }

  #absolute(path: string): string {
    checkPath(path);
    const { root } = this.#options;
    if (path === '/') return root;
    return root === '/' ? path : root + path;
  }

  #terms(generation?: number): Terms {
    return { deadlineMs: this.#options.clock.monotonicMs() + this.#options.operationTimeoutMs, generation };
  }

  /** For requests that do the same however often they are sent. */
  async #repeat(request: ZkRequest, terms: Terms): Promise<Answer> {
    for (;;) {
      const reply = await this.#submit(request, terms);
      if (reply.kind === 'answer') return reply;
    }
  }

  /** For requests that must not be sent again once they may have arrived. */
  async #once(request: ZkRequest, terms: Terms, path: string): Promise<Answer> {
    for (;;) {
      const reply = await this.#submit(request, terms);
      if (reply.kind === 'answer') return reply;
      if (reply.kind === 'lost') throw unavailable(`the answer for ${path} was lost; the outcome is unknown`);
    }
  }

  #submit(request: ZkRequest, terms: Terms) {
    return this.#window.submit({ request, deadlineMs: terms.deadlineMs, generation: terms.generation });
  }

  #expectOk(answer: Answer, path: string): void {
    if (answer.err !== ZK_OK) throw errorOf(answer.err, path);
  }
}

type MultiCode = Extract<MultiOutcome, { readonly applied: false }>['code'];
const MULTI_CODES: ReadonlyMap<number, MultiCode> = new Map<number, MultiCode>([
  [ZK_BAD_VERSION, 'BAD_VERSION'],
  [ZK_NO_NODE, 'NODE_MISSING'],
  [ZK_NODE_EXISTS, 'NODE_EXISTS'],
  [ZK_NOT_EMPTY, 'NODE_NOT_EMPTY'],
]);
