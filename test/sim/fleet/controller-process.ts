import { Candidate } from '../../../controller/loop/election.js';
import { WaitingFencer } from '../../../controller/loop/fencer.js';
import { ControllerPresence } from '../../../controller/loop/presence.js';
import type { ProcessAnswer } from '../../../controller/loop/process-probe.js';
import { Ruler } from '../../../controller/loop/ruler.js';
import { StoreAlarms } from '../../../controller/loop/store-alarms.js';
import { TargetFencer } from '../../../controller/loop/target-fencer.js';
import { clientOpener } from '../../../controller/metadata/cluster-clients.js';
import { KafkaMetadata } from '../../../controller/metadata/kafka-metadata.js';
import type { Actor } from '../kernel/actor.js';
import { adminOf } from './admin.js';
import type { Surroundings } from './process.js';
import { settingsOf } from './settings.js';
import { openStore } from './store.js';
import { loggerOf, noMetrics } from './told.js';

const PROBE_MS = 5;

/** A controller as its process runs it (`controller/app.ts`), but for REST and what asks workers over HTTP. */
export class ControllerProcess {
  readonly actor: Actor;
  readonly #candidate: Candidate;
  readonly #presence: ControllerPresence;
  #isLeaving = false;

  constructor(id: string, actor: Actor, http: string, surroundings: Surroundings) {
    this.actor = actor;
    const config = settingsOf(id);
    const { clock, dice: random } = actor;
    const logger = loggerOf(surroundings.trace, actor.name);
    const store = openStore(actor, surroundings.zookeeper, logger);
    const { clusters, fleet } = config;
    const parts = { clock, random, logger, metrics: noMetrics };
    const clientId = `causeway-controller-${id}`;
    const probe = async (address: string): Promise<ProcessAnswer> => {
      await clock.sleep(PROBE_MS);
      return surroundings.knock(address);
    };
    const isGone = async (address: string): Promise<boolean> => (await probe(address)) === 'refuses';
    const otherwise = new WaitingFencer({ clusters, clock, isGone });
    const open = clientOpener({ ...parts, clientId });
    const alarms = new StoreAlarms(parts);
    const ruler = new Ruler({
      config,
      store,
      kafka: { metadata: new KafkaMetadata({ clusters, clientId, ...parts }), admin: adminOf(actor, surroundings) },
      fencer: new TargetFencer({ clusters, fleet, open, otherwise, clock, logger, metrics: noMetrics }),
      probe,
      statuses: { ask: () => Promise.resolve(new Map()) },
      alarms,
      clock,
      random,
      logger,
      metrics: noMetrics,
    });
    const self = { controller: id, http, startedAt: new Date(clock.wallMs()).toISOString() };
    this.#presence = new ControllerPresence(store, clock, logger, () => ({ ...self, epoch: ruler.epoch }));
    this.#candidate = new Candidate({
      store,
      ...parts,
      fleet,
      alarms,
      self: () => self,
      seeds: config.routes,
      rule: async (reign) => {
        this.#presence.update();
        await ruler.rule(reign).finally(() => this.#presence.update());
      },
    });
    this.#candidate.start();
  }

  /** As SIGTERM does: gives up leadership, then ends. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    void this.#candidate
      .close()
      .then(() => this.#presence.close())
      .then(() => this.actor.kill());
  }
}
