import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AclBinding } from '../../../common/model/acl.js';
import type { StepContext } from '../../../controller/recovery/ports.js';
import { fenceProducers } from '../../../controller/recovery/steps/producers.js';
import { routeOf } from './kit.js';

test('an abort takes back a denial at the target, too, where the route’s rights were copied with other principals', async () => {
  const acls = { mode: 'additive', principals: { map: [{ match: 'User:app', to: 'User:app-west' }], exclude: [] } };
  const route = { ...routeOf('r'), acls };
  const removed: string[] = [];
  const rights = {
    remove: async (cluster: string, bindings: readonly AclBinding[]) => {
      for (const { name, principal, permission } of bindings)
        removed.push([cluster, name, principal, permission].join());
    },
  };
  const context = {
    recovery: {
      route: 'r',
      reverse: undefined,
      topics: ['t'],
      options: { fencePrincipals: ['User:app'] },
      facts: { out: {} },
    },
    step: { leg: 'out' },
    world: { rights, fleet: { route: async () => ({ value: route }) } },
  } as unknown as StepContext;
  await fenceProducers.undo?.(context);
  assert.deepEqual(removed, [`${route.source},t,User:app,deny`, `${route.target},t,User:app-west,deny`]);
});
