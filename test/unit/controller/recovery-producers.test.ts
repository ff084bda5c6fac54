import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { encodeRecovery } from '../../../common/coordination/records/recovery.js';
import { CausewayError } from '../../../common/errors/error.js';
import { type AclBinding, aclKey } from '../../../common/model/acl.js';
import type { Leg, LegFacts, Recovery, RecoveryOptions } from '../../../common/model/recovery.js';
import type { Route } from '../../../common/model/route.js';
import { factsNoted } from '../../../controller/core/recovery-state.js';
import type { StepContext, StepHandler } from '../../../controller/recovery/ports.js';
import { admitProducers, fenceProducers, readOnly } from '../../../controller/recovery/steps/producers.js';
import { routeOf } from './kit.js';

const AT = '2026-01-01T00:00:00.000Z';
const OUT = routeOf('r');
const BACK = { ...OUT, name: 'back', source: OUT.target, target: OUT.source };
const RENAMED = {
  ...OUT,
  acls: { mode: 'additive', principals: { map: [{ match: 'User:app', to: 'User:app-west' }], exclude: [] } },
} as unknown as Route;

/** Two clusters that keep rights, and programs that write down what they note. */
class Bed {
  /** `cluster/topic/principal` of denials to write. */
  readonly denied = new Map<string, AclBinding>();
  readonly programs = new Map<string, Recovery>();
  /** So many more denials are made, then the cluster does not answer any more. */
  left = Number.POSITIVE_INFINITY;
  readonly #routes: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes;
  }

  begin(id: string, route: string, reverse: string, topics: readonly string[]): void {
    const options = { fencePrincipals: ['User:app'], confirm: [] } as unknown as RecoveryOptions;
    this.programs.set(id, {
      ...{ id, kind: 'cutover', route, reverse, topics, asked: [], options, dryRun: false, state: 'running' },
      ...{ createdAt: AT, updatedAt: AT, steps: [], confirmed: [], facts: { out: {}, back: {} }, audit: [] },
    });
  }

  context(id: string, leg: Leg = 'out'): StepContext {
    const recovery = this.programs.get(id) as Recovery;
    const route = (name: string) => {
      const value = this.#routes.find((one) => one.name === name);
      return Promise.resolve(value && { value, version: 0 });
    };
    const store = {
      children: async () => [...this.programs.keys()],
      get: async (path: string) => {
        const found = this.programs.get(path.split('/').at(-1) as string) as Recovery;
        const options = { ...WHOLE, ...found.options };
        return { data: encodeRecovery({ ...found, options }), version: 0 };
      },
    } as unknown as CoordinationStore;
    const world = { rights: this.#rights, fleet: { route }, store };
    const note = async (facts: LegFacts) => {
      this.programs.set(id, factsNoted(this.programs.get(id) as Recovery, leg, facts, AT));
    };
    return { recovery, step: { leg }, world, note } as unknown as StepContext;
  }

  /** By hand, or by the copying of rights. */
  deny(cluster: string, name: string, principal: string): void {
    const binding: AclBinding = {
      ...{ resource: 'topic', pattern: 'literal', name, principal, host: '*' },
      ...{ operation: 'write', permission: 'deny' },
    };
    this.denied.set(`${cluster} ${aclKey(binding)}`, binding);
  }

  get listed(): readonly string[] {
    return [...this.denied]
      .map(([key, { name, principal }]) => `${key.split(' ')[0]}/${name}/${principal.slice(5)}`)
      .sort();
  }

  get #rights() {
    return {
      list: async (cluster: string) =>
        [...this.denied].filter(([key]) => key.startsWith(`${cluster} `)).map(([, binding]) => binding),
      add: async (cluster: string, bindings: readonly AclBinding[]) => {
        for (const binding of bindings) {
          if (this.left <= 0) throw new CausewayError('CLUSTER_UNREACHABLE', 'it went away');
          this.left -= 1;
          this.denied.set(`${cluster} ${aclKey(binding)}`, binding);
        }
      },
      remove: async (cluster: string, bindings: readonly AclBinding[]) => {
        for (const binding of bindings) this.denied.delete(`${cluster} ${aclKey(binding)}`);
      },
    };
  }
}

const WHOLE = {
  ...{ confirm: [], fencePrincipals: [], stillMs: 1, drainTimeoutMs: 1, stopTimeoutMs: 1, force: false },
  ...{ reverseCopy: false, switchBack: false, quarantineSuffix: '', readOnlySource: true, groups: true },
  sampleRecords: 1,
} satisfies RecoveryOptions;

const undo = (handler: StepHandler, context: StepContext) => handler.undo?.(context);

describe('denials to write', () => {
  test('an abort takes back a fence that broke off half-way, and leaves what somebody else had denied before', async () => {
    const bed = new Bed([OUT]);
    bed.begin('p-1', 'r', 'back', ['a', 'b', 'c']);
    bed.deny('east', 'b', 'User:app');
    bed.left = 1;
    await assert.rejects(fenceProducers.run(bed.context('p-1')), { code: 'CLUSTER_UNREACHABLE' });
    assert.deepEqual(bed.listed, ['east/a/app', 'east/b/app']);
    bed.left = 1;
    await assert.rejects(fenceProducers.run(bed.context('p-1')), 'as the next leader has it');
    assert.equal(await undo(fenceProducers, bed.context('p-1')), '2 denials to write are taken back');
    assert.deepEqual(bed.listed, ['east/b/app']);
    bed.deny('east', 'a', 'User:app');
    await undo(fenceProducers, bed.context('p-1'));
    assert.deepEqual(bed.listed, ['east/a/app', 'east/b/app'], 'what is denied afterwards is not its own');
  });

  test('a later program that leads there takes back a fence that broke off half-way', async () => {
    const bed = new Bed([OUT, BACK]);
    bed.begin('p-1', 'r', 'back', ['a', 'b']);
    bed.deny('east', 'b', 'User:app');
    bed.left = 1;
    await assert.rejects(fenceProducers.run(bed.context('p-1')));
    bed.begin('p-2', 'back', 'r', ['a', 'b']);
    const look = await admitProducers.look(bed.context('p-2'));
    assert.equal(look.kind === 'done' && look.evidence?.['denials'], 1);
    await admitProducers.run(bed.context('p-2'));
    assert.deepEqual(bed.listed, ['east/b/app']);
  });

  test('each of two steps takes back its own', async () => {
    const bed = new Bed([OUT]);
    bed.begin('p-1', 'r', 'back', ['a']);
    await fenceProducers.run(bed.context('p-1'));
    await readOnly.run(bed.context('p-1'));
    assert.deepEqual(bed.listed, ['east/a/*', 'east/a/app']);
    await undo(readOnly, bed.context('p-1'));
    assert.deepEqual(bed.listed, ['east/a/app']);
    await undo(fenceProducers, bed.context('p-1'));
    assert.deepEqual(bed.listed, []);
  });

  test('an abort takes back a denial at the target, too, where the route’s rights were copied with other principals', async () => {
    const bed = new Bed([RENAMED]);
    bed.begin('p-1', 'r', 'back', ['a', 'b']);
    bed.deny('west', 'b', 'User:app-west');
    await fenceProducers.run(bed.context('p-1'));
    bed.deny('west', 'a', 'User:app-west');
    assert.equal(await undo(fenceProducers, bed.context('p-1')), '2 denials to write are taken back');
    assert.deepEqual(bed.listed, ['west/b/app-west'], 'it was there before');
  });

  test('copies at the target do not keep producers out of it, and denials made there by hand stay', async () => {
    const bed = new Bed([RENAMED]);
    bed.begin('p-1', 'r', 'back', ['a', 'b']);
    bed.deny('west', 'b', 'User:app-west');
    await fenceProducers.run(bed.context('p-1'));
    bed.deny('west', 'a', 'User:app-west');
    await admitProducers.run(bed.context('p-1'));
    assert.deepEqual(bed.listed, ['east/a/app', 'east/b/app', 'west/b/app-west']);
  });
});
