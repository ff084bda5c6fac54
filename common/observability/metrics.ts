import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricName, type MetricSpec } from './metric-catalogue.js';

export type Labels = Readonly<Record<string, string>>;

/** At most this many series of one metric; the rest are dropped and counted, so that one scrape stays small. */
const MAX_SERIES_PER_METRIC = 20_000;

/** The process's metrics: the only door to prom-client. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Counter | Gauge | Histogram>();
  readonly #series = new Map<MetricName, Set<string>>();
  readonly #dropped: Counter;

  constructor(build: { readonly version: string; readonly role: string }) {
    const registers = [this.#registry];
    for (const [name, spec] of Object.entries(METRICS) as [MetricName, MetricSpec][]) {
      const settings = { name, help: spec.help, labelNames: [...spec.labels], registers };
      this.#metrics.set(name, create(spec, settings));
    }
    this.#dropped = new Counter({
      name: 'causeway_dropped_series_total',
      help: 'Series not kept because a metric had too many',
      labelNames: ['metric'],
      registers,
    });
    collectDefaultMetrics({ register: this.#registry });
    this.set('causeway_build_info', 1, { ...build, node: process.version });
  }

  inc(name: MetricName, amount = 1, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (amount > 0 && metric instanceof Counter && this.#admit(name, labels)) metric.inc(labels, amount);
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Gauge && this.#admit(name, labels)) metric.set(labels, value);
  }

  observe(name: MetricName, seconds: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Histogram && this.#admit(name, labels)) metric.observe(labels, seconds);
  }

  /** Forgets one series, when what it speaks of is no longer here. */
  remove(name: MetricName, labels: Labels): void {
    this.#metrics.get(name)?.remove(labels);
    this.#series.get(name)?.delete(seriesKey(labels));
  }

  /** Forgets all series of a metric; for gauges that are set anew as a whole. */
  reset(name: MetricName): void {
    this.#metrics.get(name)?.reset();
    this.#series.get(name)?.clear();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The Prometheus text exposition. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #admit(name: MetricName, labels: Labels): boolean {
    let known = this.#series.get(name);
    if (known === undefined) {
      known = new Set();
      this.#series.set(name, known);
    }
    const key = seriesKey(labels);
    if (known.has(key)) return true;
    if (known.size >= MAX_SERIES_PER_METRIC) {
      this.#dropped.inc({ metric: name });
      return false;
    }
    known.add(key);
    return true;
  }
}

function create(
  spec: MetricSpec,
  settings: { name: string; help: string; labelNames: string[]; registers: Registry[] },
): Counter | Gauge | Histogram {
  switch (spec.type) {
    case 'counter':
      return new Counter(settings);
    case 'gauge':
      return new Gauge(settings);
    case 'histogram':
      return new Histogram({ ...settings, buckets: [...(spec.buckets ?? [])] });
  }
}

function seriesKey(labels: Labels): string {
  return Object.values(labels).join('\u0000');
}
