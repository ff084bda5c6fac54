import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { FetchPartition } from '../../../common/kafka/wire/apis/fetch.js';
import { FetchSession, type SessionRequest } from '../../../worker/fetch/fetch-session.js';

type Step =
  | { readonly kind: 'want'; readonly partition: number; readonly offset: number }
  | { readonly kind: 'forget'; readonly partition: number }
  | { readonly kind: 'recreate'; readonly id: number }
  | { readonly kind: 'exchange'; readonly lost: boolean }
  | { readonly kind: 'evict' }
  | { readonly kind: 'full'; readonly full: boolean };

const PARTITIONS = 6;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('want' as const), partition: fc.nat(PARTITIONS - 1), offset: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), partition: fc.nat(PARTITIONS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recreate' as const), id: fc.nat(2) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('exchange' as const), lost: fc.constantFrom(true, false, false) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'evict' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('full' as const), full: fc.boolean() }) },
);

/** What a broker holds and answers, by names or by ids (FetchManager and FetchSession of Kafka's broker). */
class BrokerModel {
  full = false;
  readonly #byName: boolean;
  #session: { id: number; epoch: number; byName: boolean; offsets: Map<string, number> } | undefined;
  #next = 1;

  constructor(byName: boolean) {
    this.#byName = byName;
  }

  evict(): void {
    this.#session = undefined;
  }

  /** The offsets it fetches from by partition, or the session error. */
  fetch(request: SessionRequest, byName: boolean): { id: number; offsets: Map<string, number> } | number {
    const named = this.#byName || byName;
    const keyOf = ({ topic, topicId, partition }: Pick<FetchPartition, 'topic' | 'topicId' | 'partition'>): string =>
      `${named ? topic : topicId}-${partition}`;
    const told = request.partitions.map((item) => [keyOf(item), item.fetchOffset] as const);
    if (request.sessionEpoch === 0) {
      this.#session = this.full ? undefined : { id: this.#next++, epoch: 1, byName: named, offsets: new Map(told) };
      return { id: this.#session?.id ?? 0, offsets: new Map(told) };
    }
    const session = this.#session;
    if (session === undefined || session.id !== request.sessionId) return 70;
    if (session.epoch !== request.sessionEpoch) return 71;
    if (session.byName !== named) return 106;
    session.epoch += 1;
    for (const [key, offset] of told) session.offsets.set(key, offset);
    for (const item of request.forgotten) session.offsets.delete(keyOf(item));
    return { id: session.id, offsets: session.offsets };
  }
}

describe('a fetch session beside a model of the broker', () => {
  for (const byName of [true, false]) {
    test(`the broker fetches what is wanted and nothing else, by ${byName ? 'names' : 'ids'}, whatever is lost or forgotten`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
          const session = new FetchSession();
          const broker = new BrokerModel(byName);
          const wanted = new Map<number, FetchPartition>();
          let topicId: string | null = 'id-0';
          for (const act of steps) {
            switch (act.kind) {
              case 'want': {
                const item = {
                  topic: 't',
                  topicId,
                  partition: act.partition,
                  fetchOffset: act.offset,
                  currentLeaderEpoch: 0,
                  maxBytes: 1,
                };
                wanted.set(act.partition, item);
                session.want(`t-${act.partition}`, item);
                break;
              }
              case 'forget':
                wanted.delete(act.partition);
                session.forget(`t-${act.partition}`);
                break;
              case 'recreate':
                topicId = act.id === 2 ? null : `id-${act.id}`;
                break;
              case 'evict':
                broker.evict();
                break;
              case 'full':
                broker.full = act.full;
                break;
              case 'exchange': {
                const named = session.byName;
                const answer = broker.fetch(session.next(), named);
                if (typeof answer === 'number' || act.lost) {
                  session.restart();
                  break;
                }
                const expected = [...wanted.values()].map(
                  (item) =>
                    [`${byName || named ? item.topic : item.topicId}-${item.partition}`, item.fetchOffset] as const,
                );
                assert.deepEqual([...answer.offsets].sort(), [...expected].sort());
                for (const { partition, fetchOffset } of wanted.values()) {
                  assert.equal(session.askedOffset(`t-${partition}`), fetchOffset);
                }
                session.accepted(answer.id);
              }
            }
          }
        }),
        { numRuns: 1_000 },
      );
    });
  }
});
