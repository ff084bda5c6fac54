import { type ClusterComparison, compareClusters } from '../audit/compare-clusters.js';
import { Load } from '../audit/load.js';
import { describeProblem } from '../audit/report.js';
import type { TopicShape } from '../audit/shapes.js';
import { createTopics } from '../audit/topics.js';
import type { DemoBed } from '../demo/demo-bed.js';
import type { Fleet } from '../demo/fleet.js';
import { lagOf, waitForLagZero } from '../demo/lag.js';
import { LogEnds } from '../demo/log-ends.js';

const LAG_LIMIT_MS = 120_000;
let runs = 0;

/** Live load on topics of a test's own, and the judgement of how they were mirrored. */
export class Traffic {
  readonly shapes: readonly TopicShape[];
  readonly load: Load;
  readonly targetEnds: LogEnds;
  readonly #bed: DemoBed;
  readonly #fleet: Fleet;
  readonly #sourceEnds: LogEnds;

  private constructor(bed: DemoBed, fleet: Fleet, shapes: readonly TopicShape[], recordsPerS: number) {
    const { source, target } = bed;
    runs += 1;
    this.#bed = bed;
    this.#fleet = fleet;
    this.shapes = shapes;
    this.load = new Load({ bootstrapServers: source.bootstrapServers, shapes, recordsPerS, run: runs });
    this.#sourceEnds = new LogEnds(source.bootstrapServers, shapes);
    this.targetEnds = new LogEnds(target.bootstrapServers, shapes);
  }

  /** Creates the topics at the source and begins to write; nothing is mirrored yet. */
  static async start(bed: DemoBed, fleet: Fleet, shapes: readonly TopicShape[], recordsPerS = 3_000): Promise<Traffic> {
    await createTopics(bed.source.bootstrapServers, shapes);
    return Traffic.over(bed, fleet, shapes, recordsPerS);
  }

  /** The same on topics that exist. */
  static over(bed: DemoBed, fleet: Fleet, shapes: readonly TopicShape[], recordsPerS = 3_000): Traffic {
    return new Traffic(bed, fleet, shapes, recordsPerS);
  }

  get topics(): string[] {
    return this.shapes.map(({ topic }) => topic);
  }

  lag(): Promise<number | undefined> {
    return lagOf(this.#fleet, this.#sourceEnds);
  }

  /** Stops writing, waits until nothing is behind, compares both clusters. @throws when the lag stays */
  async finish(): Promise<ClusterComparison> {
    await this.load.stop();
    const lagZeroMs = await waitForLagZero(this.#fleet, this.#sourceEnds, LAG_LIMIT_MS);
    if (lagZeroMs < 0) throw new Error(`${this.topics.join(', ')} stay behind by ${await this.lag()} records`);
    const comparison = await compareClusters({
      source: this.#bed.source.bootstrapServers,
      target: this.#bed.target.bootstrapServers,
      topics: this.topics,
      ledgers: this.load.ledgers,
    });
    for (const problem of comparison.firstProblems) process.stderr.write(`${describeProblem(problem)}\n`);
    return comparison;
  }

  async close(): Promise<void> {
    await this.load.stop().catch(() => undefined);
    await Promise.all([this.#sourceEnds.close(), this.targetEnds.close()]);
  }
}
