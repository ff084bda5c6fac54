import type { Route } from '../../common/model/route.js';
import type { SyncPart, SyncStep, SyncSubject } from '../sync/ports.js';
import { schemaItems } from './schema-items.js';
import type { SchemaSync } from './schema-sync.js';
import type { TopicGuard } from './topic-guard.js';

/** Schemas of routes, for drift reports and plans. */
export class SchemaPart implements SyncPart {
  readonly name = 'schemas';
  readonly #sync: SchemaSync;
  readonly #guard: TopicGuard;

  constructor(sync: SchemaSync, guard: TopicGuard) {
    this.#sync = sync;
    this.#guard = guard;
  }

  async plan(subject: SyncSubject): Promise<readonly SyncStep[]> {
    const { route } = subject;
    switch (route.schemas?.mode) {
      case undefined:
      case 'off':
        return [];
      case 'topic':
        return (await this.#guard.findings(subject)).map((reason) => ({ item: finding(route, reason) }));
      case 'report':
      case 'api': {
        const compared = await this.#sync.compare(route);
        return schemaItems(route, compared).map(({ item, step }) => {
          if (step === undefined) return { item };
          const run = async (): Promise<void> => {
            if (step.kind === 'register') await this.#sync.ensureImport(route, { takeover: false, resume: false });
            await this.#sync.step(route, compared.policy, step);
          };
          return { item, run };
        });
      }
    }
  }
}

function finding({ target }: Route, reason: string): SyncStep['item'] {
  const places = { subject: null, version: null, id: null, before: null, after: null };
  return { kind: 'schema-mode', action: 'report', cluster: target, ...places, reason, applies: false };
}
