import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LegFacts, Recovery, RecoveryKind } from '../../../common/model/recovery.js';
import type { Route } from '../../../common/model/route.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { Findings } from '../../../controller/recovery/findings.js';
import type { StepContext } from '../../../controller/recovery/ports.js';
import { promoteSchemas } from '../../../controller/recovery/steps/schemas.js';
import { judgeSchemas } from '../../../controller/recovery/steps/survey-schemas.js';
import { FakeRegistry } from '../schemas/fake-registry.js';
import { avro, clientOf, openSchemaBed, policyOf, schemaRoute } from '../schemas/registry-kit.js';

const OUT = schemaRoute({}, 'out');
const BACK: Route = { ...schemaRoute({}, 'back'), source: 'west', target: 'east' };
const AVRO = { type: 'AVRO', references: [] } as const;

interface Bed {
  readonly east: FakeRegistry;
  readonly west: FakeRegistry;
  readonly room: Awaited<ReturnType<typeof openSchemaBed>>['room'];
  context(kind: RecoveryKind, options?: { readonly leg?: 'out' | 'back'; readonly force?: boolean }): StepContext;
  /** What the program has written down. */
  facts: LegFacts;
  /** Requests that the registry of `west` refuses. */
  readonly refusing: Set<string>;
}

/** @param routes that there are; the program turns from `out` to `back` */
async function withBed(routes: readonly Route[], use: (bed: Bed) => Promise<void>): Promise<void> {
  const refusing = new Set<string>();
  const answer = (method: string, path: string) =>
    refusing.has(`${method} ${path}`) ? { status: 422, text: '{"error_code":422,"message":"no"}' } : undefined;
  const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start({ answer })];
  const bed = await openSchemaBed(east.url, west.url, routes);
  const context: Bed['context'] = (kind, { leg = 'out', force = false } = {}) => {
    const recovery = {
      ...{ id: `${kind}-1`, kind, route: 'out', reverse: 'back', topics: [], options: { force } },
      facts: { out: {}, back: {}, [leg]: opened.facts },
    } as unknown as Recovery;
    const found = (name: string) => routes.find((route) => route.name === name);
    const route = (name: string) => Promise.resolve(found(name) && { value: found(name), version: 0 });
    const world = { schemas: bed.room.sync, fleet: { route }, clock: systemClock };
    const note = async (facts: LegFacts) => {
      opened.facts = { ...opened.facts, ...facts };
    };
    return { recovery, step: { leg }, world, note, signal: new AbortController().signal } as unknown as StepContext;
  };
  const opened: Bed = { east, west, room: bed.room, context, facts: {}, refusing };
  try {
    await use(opened);
  } finally {
    await bed.close();
    await Promise.all([east.stop(), west.stop()]);
  }
}

const register = (registry: FakeRegistry, subject: string) =>
  clientOf(registry.url).register(subject, { ...AVRO, text: avro(subject, 'x') });

describe('schema registries in recovery programs', () => {
  test('a switchover copies what is missing, then the target’s registry gives ids; back again the other one does', async () => {
    await withBed([OUT, BACK], async ({ east, west, room, context }) => {
      await room.sync.promote(BACK, { reason: 'east gives ids', lastSync: false });
      await register(east, 'a');
      const look = await promoteSchemas.look(context('switchover'));
      assert.deepEqual([look.kind, look.kind === 'done' && look.evidence?.['missing']], ['done', 1]);
      assert.deepEqual([west.versions.length, west.modes.get('')], [0, 'READWRITE'], 'looking changes nothing');
      const out = await promoteSchemas.run(context('switchover'));
      assert.deepEqual([west.versions.length, west.modes.get('')], [1, 'READWRITE']);
      assert.equal((await room.sync.promotion(OUT))?.reason, 'recovery switchover-1');
      assert.equal(out.kind === 'done' && out.evidence?.['wayBack'], 'copied again');
      assert.equal(await room.sync.promotion(BACK), undefined);
      assert.equal(east.modes.get(''), 'IMPORT', 'a copy gives no ids of its own, though nothing was to be copied');
      await register(west, 'b');
      const back = await promoteSchemas.run(context('failback', { leg: 'back' }));
      assert.equal(back.kind === 'done' && back.evidence?.['cluster'], 'east');
      assert.deepEqual(
        east.versions.map(({ subject, id }) => [subject, id]),
        west.versions.map(({ subject, id }) => [subject, id]),
      );
      assert.deepEqual([east.modes.get(''), west.modes.get('')], ['READWRITE', 'IMPORT']);
      assert.ok((await room.sync.promotion(BACK)) !== undefined);
      assert.equal(await room.sync.promotion(OUT), undefined);
      const again = await promoteSchemas.run(context('failback', { leg: 'back' }));
      assert.equal(again.kind, 'done', 'a leader that died behind it has it done again');
    });
  });

  test('a planned program does not promote a registry that has other schemas under the source’s ids; it says which', async () => {
    await withBed([OUT], async ({ east, west, room, context }) => {
      await register(east, 'a');
      await register(west, 'z');
      await assert.rejects(promoteSchemas.run(context('cutover')), { code: 'SCHEMA_CONFLICT' });
      assert.equal(await room.sync.promotion(OUT), undefined);
      const forced = await promoteSchemas.run(context('cutover', { force: true }));
      assert.match(String(forced.kind === 'done' && forced.evidence?.['lastSync']), /other schemas under/);
      assert.ok((await room.sync.promotion(OUT)) !== undefined);
    });
  });

  test('what keeps two registries from being made one is told by the pre-checks, with what to do about it', async () => {
    await withBed([OUT, BACK], async ({ east, west, context }) => {
      const judged = async (kind: RecoveryKind, reverse?: string) => {
        const findings = new Findings();
        const { recovery, ...rest } = context(kind);
        const options = { ...recovery.options, switchBack: true };
        await judgeSchemas({ ...rest, recovery: { ...recovery, options } }, OUT, reverse, findings);
        return findings.rows.map(({ check, verdict, detail }) => `${check} ${verdict} ${detail}`).join();
      };
      await register(east, 'a');
      assert.equal(await judged('switchover'), 'schemas ok registry of cluster west');
      await register(west, 'z');
      assert.match(
        await judged('switchover'),
        /^schemas block .*other schemas under.* id 1 is a version 1.*Give the route/,
      );
      assert.match(await judged('cutover'), /^schemas block/);
      assert.match(await judged('failback', 'back'), /^schemas block .*cluster east has other schemas/);
      assert.match(await judged('drill'), /^schemas warn/, 'a failover is not kept up by it');
      assert.equal(await judged('failover'), '');
      await east.stop();
      assert.match(await judged('switchover'), /^schemas block route out: /);
    });
  });

  test('a planned program goes on though the target’s registry keeps on offer what it was to delete', async () => {
    await withBed([OUT], async ({ east, west, room, context, refusing }) => {
      await register(east, 'a');
      await room.service.sync(OUT, { dryRun: false, takeover: false, resume: false });
      await clientOf(east.url).deleteVersion('a', 1);
      const references = [{ name: 'a', subject: 'a', version: 1 }];
      west.versions.push({
        ...AVRO,
        subject: 'own',
        version: 1,
        id: 99,
        text: avro('o', 'x'),
        references,
        deleted: false,
      });
      assert.equal((await promoteSchemas.run(context('switchover'))).kind, 'done');
      assert.equal(west.modes.get(''), 'READWRITE');
      assert.equal(west.versions.find(({ subject }) => subject === 'a')?.deleted, false);
      await room.sync.resume(OUT);
      west.modes.set('', 'IMPORT');
      await register(east, 'b');
      refusing.add('POST /subjects/b/versions');
      await assert.rejects(promoteSchemas.run(context('switchover')), { code: 'REGISTRY_REFUSED' });
      assert.equal(await room.sync.promotion(OUT), undefined);
    });
  });

  test('a planned program goes on without what refers to a subject that the route leaves out, however many lie between', async () => {
    const route = { ...OUT, schemas: policyOf({ subjects: { include: ['.*'], exclude: ['common'] } }) };
    await withBed([route], async ({ east, west, context }) => {
      await register(east, 'common');
      for (const [subject, to] of [
        ['address', 'common'],
        ['order', 'address'],
      ] as const) {
        const references = [{ name: to, subject: to, version: 1 }];
        await clientOf(east.url).register(subject, { type: 'AVRO', text: avro(subject, 'x'), references });
      }
      await register(east, 'plain');
      assert.equal((await promoteSchemas.run(context('switchover'))).kind, 'done');
      assert.deepEqual(
        west.versions.map(({ subject }) => subject),
        ['plain'],
      );
      assert.equal(west.modes.get(''), 'READWRITE');
    });
  });

  test('a failover promotes though the source’s registry is gone, and says what could not be copied', async () => {
    await withBed([OUT], async ({ east, west, room, context }) => {
      await register(east, 'a');
      await room.service.sync(OUT, { dryRun: false, takeover: false, resume: false });
      assert.equal(west.modes.get(''), 'IMPORT');
      await east.stop();
      const look = await promoteSchemas.look(context('failover'));
      assert.match(String(look.kind === 'done' && look.evidence?.['fault']), /REGISTRY_UNREACHABLE/);
      const outcome = await promoteSchemas.run(context('failover'));
      assert.equal(outcome.kind, 'done');
      assert.equal(west.modes.get(''), 'READWRITE');
      assert.equal(typeof (outcome.kind === 'done' && outcome.evidence?.['lastSync']), 'string');
    });
  });

  test('an abort makes the target a copy again, and the way back none; what an operator promoted before stays promoted', async () => {
    await withBed([OUT, BACK], async ({ east, west, room, context }) => {
      await room.sync.promote(BACK, { reason: 'east gives ids', lastSync: false });
      await promoteSchemas.run(context('switchover'));
      assert.deepEqual([east.modes.get(''), west.modes.get('')], ['IMPORT', 'READWRITE']);
      const undone = await promoteSchemas.undo?.(context('switchover'));
      assert.equal(undone, 'schemas are copied to cluster west again, those of route back are not');
      assert.deepEqual([east.modes.get(''), west.modes.get('')], ['READWRITE', 'IMPORT']);
      assert.equal(await room.sync.promotion(OUT), undefined);
      assert.ok((await room.sync.promotion(BACK)) !== undefined);
    });
    await withBed([OUT, BACK], async ({ room, context }) => {
      await room.sync.promote(OUT, { reason: 'by hand', lastSync: false });
      assert.equal(await promoteSchemas.undo?.(context('switchover')), 'no registry was promoted');
      assert.equal((await room.sync.promotion(OUT))?.reason, 'by hand');
      assert.equal(await room.sync.promotion(BACK), undefined, 'it never was');
    });
  });

  test('an abort leaves the mode of a registry that has versions of its own by now, or cannot be asked, and says so', async () => {
    await withBed([OUT], async ({ east, west, room, context }) => {
      for (const told of [
        /SCHEMA_CONFLICT.*own version 1.*schemas sync --route out --resume/,
        /REGISTRY_UNREACHABLE/,
      ]) {
        await promoteSchemas.run(context('failover'));
        if (west.versions.length === 0) await register(west, 'own');
        else await east.stop();
        assert.match((await promoteSchemas.undo?.(context('failover'))) ?? '', told);
        assert.equal(west.modes.get(''), 'READWRITE');
        assert.equal(await room.sync.promotion(OUT), undefined, 'the rest is taken back all the same');
      }
    });
  });

  test('an abort finds the way back promoted as before, wherever the leader died that had it copied again', async () => {
    for (const [diesAt, isRetried] of [
      ['copy', false],
      ['resume', false],
      ['resume', true],
    ] as const) {
      await withBed([OUT, BACK], async ({ east, west, room, context }) => {
        await room.sync.promote(BACK, { reason: 'east gives ids', lastSync: false });
        await room.sync.promote(OUT, { reason: 'recovery switchover-1', lastSync: false });
        await register(west, 'b');
        const { world, ...rest } = context('switchover');
        const { sync } = room;
        const dying = {
          compare: (route: Route) => sync.compare(route),
          promote: (...asked: Parameters<typeof sync.promote>) => sync.promote(...asked),
          promotion: (route: Route) => sync.promotion(route),
          copy: (...asked: Parameters<typeof sync.copy>) => sync.copy(...asked),
          ensureImport: (...asked: Parameters<typeof sync.ensureImport>) => sync.ensureImport(...asked),
          resume: (route: Route) => sync.resume(route),
          [diesAt]: async (route: Route, ...others: never[]) => {
            await Reflect.apply(sync[diesAt], sync, [route, ...others]);
            throw new Error('the leader dies');
          },
        };
        const run = promoteSchemas.run({ ...rest, world: { ...world, schemas: dying } });
        await assert.rejects(run, /the leader dies/);
        if (isRetried) await promoteSchemas.run(context('switchover'));
        await promoteSchemas.undo?.(context('switchover'));
        assert.equal((await room.sync.promotion(BACK))?.target, 'east', `${diesAt} ${isRetried}`);
        assert.equal(east.modes.get(''), 'READWRITE');
      });
    }
  });

  test('routes that copy no schemas have nothing promoted; mode topic says what an operator does', async () => {
    for (const [mode, told] of [
      ['off', /copies no schemas/],
      ['report', /only compares/],
      ['topic', /registry of cluster west lead/],
    ] as const) {
      await withBed([{ ...OUT, schemas: policyOf({ mode }) }], async ({ west, context }) => {
        const outcome = await promoteSchemas.run(context('failover'));
        assert.match(outcome.kind === 'skipped' ? outcome.message : '', told);
        assert.deepEqual(west.requests, []);
      });
    }
  });
});
