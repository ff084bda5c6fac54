import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreSession } from '../../../../common/coordination/ports.js';
import { SETTLE_UNTIL, WRITE_UNTIL } from '../../../../worker/core/lease.js';
import { LeaseKeeper } from '../../../../worker/supervisor/lease-keeper.js';
import { ManualClock } from '../manual-clock.js';

const TIMEOUT_MS = 4_000;

/** A keeper whose session is renewed with every tick while `connected`; it looks when told to. */
function kept({ mayGoOn = true } = {}) {
  const clock = new ManualClock();
  const world = { mayGoOn, connected: true, generation: 1, registeredIn: 1 as number | undefined, leaseUntilMs: 0 };
  const session = (): StoreSession => {
    if (world.connected) world.leaseUntilMs = clock.monotonicMs() + TIMEOUT_MS;
    const { generation, leaseUntilMs } = world;
    return { state: world.connected ? 'connected' : 'lost', generation, leaseUntilMs, id: 1n };
  };
  const keeper = new LeaseKeeper({
    store: { session, sessionTimeoutMs: TIMEOUT_MS },
    registeredIn: () => world.registeredIn,
    mayGoOn: () => world.mayGoOn,
    clock,
  });
  const until = () => {
    const lease = new Float64Array(keeper.shared);
    return { write: lease[WRITE_UNTIL] as number, settle: lease[SETTLE_UNTIL] as number };
  };
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) clock.pass(100);
  };
  return { clock, world, keeper, until, pass };
}

describe('the lease of the data threads', () => {
  test('without a session what is delivered exactly once goes on, and nobody else’s log is closed', () => {
    const { clock, world, keeper, until, pass } = kept();
    pass(500);
    world.connected = false;
    pass(60_000);
    assert.ok(until().write > clock.monotonicMs());
    assert.ok(until().settle < clock.monotonicMs());
    assert.ok(keeper.outlivesSession());
    keeper.close();
  });

  test('what the target does not referee stops with the session', () => {
    const { clock, world, keeper, until, pass } = kept({ mayGoOn: false });
    world.connected = false;
    pass(TIMEOUT_MS + 200);
    assert.ok(until().write < clock.monotonicMs());
    assert.equal(keeper.outlivesSession(), false);
    keeper.close();
  });

  test('2.7 a process that slept past its session writes nothing more, until a new life begins', () => {
    const { clock, world, keeper, until, pass } = kept();
    pass(500);
    world.connected = false;
    pass(500);
    const before = until().write;
    // No timer runs while it sleeps.
    clock.sleepThrough(TIMEOUT_MS + 5_000);
    assert.ok(before < clock.monotonicMs(), 'what it could write until then is over');
    assert.equal(keeper.outlivesSession(), false);
    pass(300);
    assert.ok(until().write < clock.monotonicMs());
    world.connected = true;
    world.generation = 2;
    pass(300);
    assert.equal(until().write, 0, 'the next session is not for this life');
    world.registeredIn = 2;
    keeper.joined();
    assert.ok(until().write > clock.monotonicMs() && until().settle > clock.monotonicMs());
    keeper.close();
  });

  test('a process that slept and finds its session alive goes on as before', () => {
    const { clock, world, keeper, until, pass } = kept();
    clock.sleepThrough(TIMEOUT_MS + 1_000);
    pass(100);
    assert.ok(until().write > clock.monotonicMs());
    world.connected = false;
    pass(TIMEOUT_MS * 2);
    assert.ok(until().write > clock.monotonicMs(), 'and outlives the session later');
    keeper.close();
  });

  test('before it is registered nothing is written', () => {
    const { world, keeper, until, pass } = kept();
    world.registeredIn = undefined;
    pass(100);
    assert.deepEqual(until(), { write: 0, settle: 0 });
    keeper.close();
  });
});
