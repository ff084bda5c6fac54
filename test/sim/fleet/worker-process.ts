import { Supervisor } from '../../../worker/supervisor/supervisor.js';
import { Actor } from '../kernel/actor.js';
import { asThreadHandle, DataThreadHost } from './data-thread-host.js';
import type { Surroundings } from './process.js';
import { settingsOf } from './settings.js';
import { openStore } from './store.js';
import { loggerOf, noMetrics } from './told.js';

export interface WorkerPlace {
  readonly id: string;
  /** Where it listens. */
  readonly http: string;
  readonly threads: number;
}

/** A worker as its process runs it: the supervisor with its store, and data threads. */
export class WorkerProcess {
  readonly actor: Actor;
  readonly supervisor: Supervisor;
  readonly threads = new Set<DataThreadHost>();
  readonly #surroundings: Surroundings;
  #isLeaving = false;

  constructor({ id, http, threads }: WorkerPlace, actor: Actor, surroundings: Surroundings) {
    this.actor = actor;
    this.#surroundings = surroundings;
    const { trace, zookeeper } = surroundings;
    const logger = loggerOf(trace, actor.name);
    const store = openStore(actor, zookeeper, logger);
    this.supervisor = new Supervisor({
      config: settingsOf(id, threads),
      version: '0',
      store,
      httpAddress: () => http,
      fatal: (error) => {
        trace.tell(actor.name, `fatal ${error.message}`);
        actor.kill();
        surroundings.ended(id);
      },
      spawnThread: (settings) => asThreadHandle(this.#spawn(settings)),
      clock: actor.clock,
      random: actor.dice,
      logger,
      metrics: noMetrics,
    });
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** As SIGTERM does: hands over, then ends. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#surroundings.trace.tell(this.actor.name, 'leaves');
    void this.supervisor.close().then(() => this.actor.kill());
  }

  #spawn(settings: ConstructorParameters<typeof DataThreadHost>[2]): DataThreadHost {
    const { timeline, trace } = this.#surroundings;
    const name = `${this.actor.name}/${settings.thread}.${settings.life}`;
    const actor = new Actor(name, timeline, this.actor.dice.of(`${settings.incarnation}${name}`), this.actor);
    const host = new DataThreadHost(this.actor, actor, settings, loggerOf(trace, name));
    this.threads.add(host);
    actor.onKill(() => this.threads.delete(host));
    return host;
  }
}
