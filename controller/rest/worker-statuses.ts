import { decodeWorkerStatus } from '../../common/api/worker-status.js';
import type { WorkerStatus } from '../../common/model/status.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';

const CONCURRENCY = 16;
const TIMEOUT_MS = 1_500;
/** Several people looking at once cost the workers one answer. */
const FRESH_MS = 500;
const MAX_BYTES = 64 * 1024 * 1024;

/** Asks living workers what they see; only ever addresses that workers registered themselves. A worker that does not answer is missing. */
export class WorkerStatuses {
  readonly #token: string | undefined;
  readonly #clock: Clock;
  readonly #cache = new Map<string, { readonly atMs: number; readonly status: Promise<WorkerStatus | undefined> }>();

  constructor(token: string | undefined, clock: Clock) {
    this.#token = token;
    this.#clock = clock;
  }

  async ask(workers: readonly LiveWorker[]): Promise<ReadonlyMap<string, WorkerStatus>> {
    const living = new Set(workers.map((live) => live.incarnation));
    for (const incarnation of this.#cache.keys()) if (!living.has(incarnation)) this.#cache.delete(incarnation);
    const answers = await mapLimited(workers, CONCURRENCY, (live) => this.#one(live));
    const statuses = new Map<string, WorkerStatus>();
    answers.forEach((status, i) => {
      const live = workers[i] as LiveWorker;
      // Another process may answer at the address by now.
      if (status?.worker === live.worker && status.incarnation === live.incarnation) statuses.set(live.worker, status);
    });
    return statuses;
  }

  #one(live: LiveWorker): Promise<WorkerStatus | undefined> {
    const nowMs = this.#clock.monotonicMs();
    const cached = this.#cache.get(live.incarnation);
    if (cached !== undefined && nowMs - cached.atMs < FRESH_MS) return cached.status;
    const status = this.#fetch(live.http);
    this.#cache.set(live.incarnation, { atMs: nowMs, status });
    return status;
  }

  async #fetch(address: string): Promise<WorkerStatus | undefined> {
    if (!/^https?:\/\/[^/?#@]+$/.test(address)) return undefined;
    const headers: Record<string, string> = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    try {
      const init = { headers, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) } as const;
      const response = await fetch(`${address}/status`, init);
      const bytes = Number(response.headers.get('content-length') ?? 0);
      if (!response.ok || bytes > MAX_BYTES) return undefined;
      return decodeWorkerStatus(await response.json());
    } catch {
      return undefined;
    }
  }
}
