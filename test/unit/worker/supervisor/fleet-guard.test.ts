import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoordinationStore, StoreNode } from '../../../../common/coordination/ports.js';
import { encodeEpoch, encodeFleet } from '../../../../common/coordination/records/control.js';
import { EPOCH, FLEET, LANES } from '../../../../common/coordination/znodes.js';
import { FleetGuard } from '../../../../worker/supervisor/fleet-guard.js';

function scene() {
  const nodes = new Map<string, Buffer>();
  const store = {
    get: async (path: string): Promise<StoreNode | undefined> => {
      const data = nodes.get(path);
      return data === undefined ? undefined : { data, version: 0, createdAt: 0n, ephemeralOwner: 0n };
    },
    children: async (path: string) =>
      [...nodes.keys()].filter((key) => key.startsWith(`${path}/`)).map((key) => key.slice(path.length + 1)),
  } satisfies Pick<CoordinationStore, 'get' | 'children'>;
  let highest = -1;
  const guard = new FleetGuard({
    store,
    fleet: 'f',
    highestEpoch: () => highest,
    forgot: () => {
      highest = -1;
    },
  });
  const isFleet = (fleetId: string, epoch: number, name = 'f'): void => {
    nodes.set(FLEET, encodeFleet({ fleetId, createdAt: '', name }));
    nodes.set(EPOCH, encodeEpoch({ epoch }));
    nodes.set(LANES, Buffer.alloc(0));
  };
  const sees = (epoch: number): void => {
    highest = epoch;
  };
  return { nodes, guard, isFleet, sees };
}

test('7.6 the store a worker knows is ours; wiped, older, another or another’s it is not', async () => {
  const { nodes, guard, isFleet, sees } = scene();
  assert.equal(await guard.standing(), 'unborn');
  isFleet('one', 3);
  assert.equal(await guard.standing(), 'ours');
  sees(3);
  assert.equal(await guard.standing(), 'ours');
  for (const path of [FLEET, EPOCH, LANES]) {
    const data = nodes.get(path) as Buffer;
    nodes.delete(path);
    assert.equal(await guard.standing(), 'damaged', path);
    nodes.set(path, data);
  }
  nodes.set(EPOCH, Buffer.from('garbage'));
  assert.equal(await guard.standing(), 'damaged');
  isFleet('one', 2);
  assert.equal(await guard.standing(), 'older');
  isFleet('two', 9);
  assert.equal(await guard.standing(), 'other');
  isFleet('one', 9, 'somebody-elses');
  assert.equal(await guard.standing(), 'alien');
});

test('7.6 another fleet is ours once it is joined, whatever its epoch', async () => {
  const { guard, isFleet, sees } = scene();
  isFleet('one', 7);
  await guard.standing();
  sees(7);
  isFleet('two', 1);
  assert.equal(await guard.standing(), 'other');
  guard.forget();
  assert.equal(await guard.standing(), 'ours');
});
