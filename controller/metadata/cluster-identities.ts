import type { Clock } from '../../common/runtime/clock.js';
import { type ClusterIdentity, identitiesOf } from '../core/cluster-identity.js';
import type { SourceMetadata } from './ports.js';

/** A cluster that did not tell its id is asked again after so long. */
const ASK_AGAIN_MS = 30_000;

/** Which of the configured names are the same cluster: asked once each, remembered for the process's life. */
export class ClusterIdentities {
  readonly #metadata: Pick<SourceMetadata, 'describe'>;
  readonly #clusters: readonly string[];
  readonly #clock: Clock;
  readonly #ids = new Map<string, string | null>();
  readonly #askedAtMs = new Map<string, number>();

  constructor(metadata: Pick<SourceMetadata, 'describe'>, clusters: readonly string[], clock: Clock) {
    this.#metadata = metadata;
    this.#clusters = clusters;
    this.#clock = clock;
  }

  /** With what is known by now of those that answer; a cluster that does not is taken for one of its own. */
  async learn(): Promise<ClusterIdentity> {
    const nowMs = this.#clock.monotonicMs();
    const due = this.#clusters.filter((name) => {
      const askedAtMs = this.#askedAtMs.get(name) ?? Number.NEGATIVE_INFINITY;
      return typeof this.#ids.get(name) !== 'string' && nowMs - askedAtMs >= ASK_AGAIN_MS;
    });
    await Promise.all(due.map((name) => this.#ask(name, nowMs)));
    return identitiesOf(this.#ids);
  }

  async #ask(name: string, nowMs: number): Promise<void> {
    this.#askedAtMs.set(name, nowMs);
    try {
      this.#ids.set(name, (await this.#metadata.describe(name, [])).clusterId);
    } catch {
      // Unreachable now: whoever needs it for more says so.
      this.#ids.set(name, null);
    }
  }
}
