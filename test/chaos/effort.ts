import { availableParallelism } from 'node:os';
import { API_SPECS, type ApiKey } from '../../common/kafka/wire/api-keys.js';
import { machineCpuS, processCpuS } from '../bench/process-usage.js';
import type { FaultProxy } from '../proxy/fault-proxy.js';
import type { Field } from './field.js';

const CLUSTERS = ['source', 'target'] as const;

/** What something took, beside its time: whether a figure is the product's or the machine's shows here. */
export interface Effort {
  /** Requests of all workers, by cluster and Kafka's name of the API: `target Fetch`. */
  readonly requests: Readonly<Record<string, number>>;
  /** CPU seconds of the brokers, of the fleet's processes (without those that ended meanwhile), and of the bed itself. */
  readonly cpuS: { readonly brokers: number; readonly fleet: number; readonly bed: number };
  /** Share of the machine that was busy, whoever kept it busy; 0 to 1. */
  readonly machineBusy: number;
}

/** Whose effort it is. */
export interface Toilers {
  /** The workers' lines to the brokers. */
  readonly links: Iterable<{ readonly source: readonly FaultProxy[]; readonly target: readonly FaultProxy[] }>;
  readonly brokers: () => readonly number[];
  readonly fleet: () => readonly number[];
}

/** Counts what passes the workers' lines, and the CPU it takes, from now until `end`. */
export class EffortMeter {
  readonly #toilers: Toilers;
  readonly #requests = new Map<string, number>();
  readonly #unlisten: (() => void)[] = [];
  readonly #cpuBefore: ReadonlyMap<number, number>;
  readonly #machineBefore = machineCpuS();
  readonly #bedBefore = processCpuS(process.pid);
  readonly #sinceMs = performance.now();

  constructor(toilers: Toilers) {
    this.#toilers = toilers;
    for (const links of toilers.links) {
      for (const cluster of CLUSTERS) {
        for (const link of links[cluster]) {
          const listener = link.listen(({ direction }, { api }) => {
            if (direction === 'toServer') this.#count(`${cluster} ${API_SPECS[api as ApiKey]?.name ?? api}`);
          });
          this.#unlisten.push(listener);
        }
      }
    }
    this.#cpuBefore = new Map([...toilers.brokers(), ...toilers.fleet()].map((pid) => [pid, cpuS(pid)]));
  }

  end(): Effort {
    for (const unlisten of this.#unlisten) unlisten();
    const spent = (pids: readonly number[]): number =>
      rounded(pids.reduce((sum, pid) => sum + Math.max(0, cpuS(pid) - (this.#cpuBefore.get(pid) ?? 0)), 0));
    const capacityS = ((performance.now() - this.#sinceMs) / 1_000) * availableParallelism();
    return {
      requests: Object.fromEntries([...this.#requests].sort(([, a], [, b]) => b - a)),
      cpuS: {
        brokers: spent(this.#toilers.brokers()),
        fleet: spent(this.#toilers.fleet()),
        bed: rounded(processCpuS(process.pid) - this.#bedBefore),
      },
      machineBusy: rounded((machineCpuS() - this.#machineBefore) / capacityS),
    };
  }

  #count(what: string): void {
    this.#requests.set(what, (this.#requests.get(what) ?? 0) + 1);
  }
}

export function toilersOf({ bed: { source, target }, links, crew }: Field): Toilers {
  return {
    links: links.values(),
    brokers: () => [...source.brokers, ...target.brokers].map(({ pid }) => pid),
    fleet: () => [...crew.awake('worker'), ...crew.awake('controller')].map(({ pid }) => pid),
  };
}

/** One line: what there was most of. */
export function effortLine({ requests, cpuS, machineBusy }: Effort): string {
  const most = Object.entries(requests).map(([what, count]) => `${what} ${count}`);
  const cpu = `CPU s: brokers ${cpuS.brokers}, fleet ${cpuS.fleet}, bed ${cpuS.bed}; machine ${Math.round(machineBusy * 100)} % busy`;
  return `${cpu}; requests: ${most.join(', ')}`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** 0 for a process that is not there any more. */
function cpuS(pid: number): number {
  try {
    return processCpuS(pid);
  } catch {
    return 0;
  }
}
