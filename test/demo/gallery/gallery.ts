import { setTimeout as sleep } from 'node:timers/promises';
import { AuditCluster } from '../../audit/audit-cluster.js';
import { compareClusters } from '../../audit/compare-clusters.js';
import { auditDeadLetters, readDeadLetters } from '../../audit/dead-letters.js';
import { describeProblem, isClean } from '../../audit/report.js';
import type { TopicShape } from '../../audit/shapes.js';
import { createTopics } from '../../audit/topics.js';
import { FLEET, type Fleet } from '../fleet.js';
import { addTopics } from '../rest.js';
import { logFacts } from './log-facts.js';
import { LOG_SPECIMENS } from './log-specimens.js';
import { ORDINARY_SPECIMENS } from './ordinary-specimens.js';
import { REFUSED_SPECIMENS } from './refused-specimens.js';
import { DEAD_LETTERS, GALLERY_ROUTES, type Specimen } from './specimen.js';
import { SpecimenWriter } from './specimen-writer.js';
import { waysMissed, waysTaken } from './ways.js';

export const SPECIMENS: readonly Specimen[] = [...LOG_SPECIMENS, ...ORDINARY_SPECIMENS, ...REFUSED_SPECIMENS];

/** What today's brokers cannot be made to hold. */
export const NOT_SHOWN =
  'magic 0 and 1: brokers of Kafka 3.x and 4.x store nothing but format 2; an integration test mirrors them from an old broker';

/** Of the source's brokers: the cleaner is to come soon. */
export const GALLERY_SOURCE_CONFIG = { 'log.cleaner.backoff.ms': '200', 'log.cleaner.threads': '1' };

const SHAPE_LIMIT_MS = 60_000;
const POLL_MS = 300;

/** Routes of the gallery as a configuration has them. */
export function galleryRoutes(
  source: string,
  target: string,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const route = (more: Readonly<Record<string, unknown>>) => ({
    source,
    target,
    naming: { policy: 'identity' },
    // A specimen's target has settings of its own: the source's would let its cleaner take what is compared.
    topicSync: { configs: { mode: 'off' } },
    ...more,
  });
  return {
    [GALLERY_ROUTES.pause]: route({}),
    [GALLERY_ROUTES.skip]: route({ onRefusedRecord: 'skip' }),
    [GALLERY_ROUTES.letters]: route({ onRefusedRecord: 'dead-letter', deadLetterTopic: DEAD_LETTERS }),
    [GALLERY_ROUTES.recompress]: route({ compression: 'zstd' }),
  };
}

export interface GalleryVerdict {
  /** One line per specimen that is not as it should be. */
  readonly faults: readonly string[];
  readonly specimens: number;
  readonly records: number;
  readonly duplicated: number;
  readonly declaredGaps: number;
  readonly deadLetters: number;
  /** Batches by the way they took, by the workers' own count. */
  readonly batches: Readonly<Record<string, number>>;
  readonly clean: boolean;
}

/** A topic for each kind of batch, refusal and change that a mirror meets: filled, proved to be there, mirrored, compared. */
export class Gallery {
  readonly #source: string;
  readonly #target: string;
  readonly #cluster: AuditCluster;
  readonly #targetCluster: AuditCluster;
  readonly #writers: ReadonlyMap<Specimen, SpecimenWriter>;
  #sinceMs = 0;

  constructor(source: string, target: string, run: number) {
    this.#source = source;
    this.#target = target;
    this.#cluster = new AuditCluster(source);
    this.#targetCluster = new AuditCluster(target);
    this.#writers = new Map(
      SPECIMENS.map((specimen) => [specimen, new SpecimenWriter(this.#cluster, source, specimen.shape, run)]),
    );
  }

  /** With the partitions they have in the end. */
  get shapes(): readonly TopicShape[] {
    return SPECIMENS.map(({ shape, finalPartitions }) => ({
      ...shape,
      partitions: finalPartitions ?? shape.partitions,
    }));
  }

  /** Topics, records, and proof that every log shows what it is to show. @throws naming those that do not */
  async prepare(): Promise<void> {
    await createTopics(
      this.#source,
      SPECIMENS.map(({ shape }) => shape),
    );
    await createTopics(
      this.#target,
      SPECIMENS.map(({ shape, target }) => ({ ...shape, configs: target ?? {} })),
    );
    await Promise.all([...this.#writers].map(([{ fill }, writer]) => fill(writer)));
    const faults = (await Promise.all(SPECIMENS.map((specimen) => this.#prove(specimen)))).filter(
      (fault) => fault !== undefined,
    );
    if (faults.length > 0) throw new Error(`the source does not hold what is to be shown\n  ${faults.join('\n  ')}`);
    this.#sinceMs = Date.now();
  }

  async mirror(fleet: Fleet): Promise<void> {
    for (const route of Object.keys(GALLERY_ROUTES) as (keyof typeof GALLERY_ROUTES)[]) {
      const mine = SPECIMENS.filter((specimen) => specimen.route === route);
      await addTopics(
        fleet,
        GALLERY_ROUTES[route],
        mine.map(({ shape }) => shape.topic),
      );
    }
  }

  /** What happens to the topics while they are mirrored. */
  async goOn(): Promise<void> {
    for (const [{ goOn }, writer] of this.#writers) await goOn?.(writer);
  }

  /** Once nothing is behind any more. After a SIGKILL repeats are no fault, and the dead worker's counts are gone with it. */
  async compare(fleet: Fleet, { wasKilled = false } = {}): Promise<GalleryVerdict> {
    const stamped = new Set(SPECIMENS.filter((specimen) => specimen.stamped).map(({ shape }) => shape.topic));
    const comparison = await compareClusters({
      source: this.#source,
      target: this.#target,
      topics: SPECIMENS.map(({ shape }) => shape.topic),
      fleet: FLEET,
      appendTime: { topics: stamped, sinceMs: this.#sinceMs },
    });
    const refused = comparison.refused.filter(({ gap }) => gap.route === GALLERY_ROUTES.letters);
    const letters = auditDeadLetters(refused, await readDeadLetters(this.#targetCluster, DEAD_LETTERS));
    const batches = await waysTaken(fleet);
    const faults = [
      ...(wasKilled ? [] : waysMissed(batches)).map((way) => `no batch took the way "${way}"`),
      ...comparison.gapFaults,
      ...letters.faults,
      ...comparison.firstProblems.filter(({ kind }) => !(wasKilled && kind === 'duplicated')).map(describeProblem),
      ...this.#policyFaults(comparison.topics),
      ...(await this.#targetFaults()),
    ];
    return {
      faults,
      specimens: SPECIMENS.length,
      records: comparison.records,
      duplicated: comparison.duplicated,
      declaredGaps: comparison.declaredGaps,
      deadLetters: letters.letters,
      batches,
      clean: faults.length === 0 && isClean(comparison, { allowDuplicates: wasKilled }),
    };
  }

  async close(): Promise<void> {
    await this.#cluster.close();
    await this.#targetCluster.close();
  }

  /** @returns what the log still lacks when the time is over */
  async #prove(specimen: Specimen): Promise<string | undefined> {
    const { shape, lacks, freeze, name } = specimen;
    const giveUpAt = performance.now() + SHAPE_LIMIT_MS;
    for (;;) {
      let lack = lacks(await logFacts(this.#cluster, shape.topic));
      if (lack === undefined && freeze !== undefined) {
        await freeze(this.#writers.get(specimen) as SpecimenWriter);
        // It may have gone on in between.
        lack = lacks(await logFacts(this.#cluster, shape.topic));
        return lack === undefined ? undefined : `${name}: ${shape.topic} lost again ${lack}`;
      }
      if (lack === undefined) return undefined;
      if (performance.now() > giveUpAt) return `${name}: ${shape.topic} lacks ${lack}`;
      await sleep(POLL_MS);
    }
  }

  /** Records are left out where, and only where, the specimen is about records that are refused. */
  #policyFaults(topics: ReadonlyMap<string, { readonly declaredGaps: number; readonly records: number }>): string[] {
    return SPECIMENS.flatMap(({ name, shape, route }) => {
      const { declaredGaps = 0, records = 0 } = topics.get(shape.topic) ?? {};
      if (records === 0) return [`${name}: nothing was compared`];
      const isRefused = route === 'skip' || route === 'letters';
      if (isRefused === declaredGaps > 0) return [];
      return [`${name}: ${declaredGaps} of ${records} records are declared as left out`];
    });
  }

  async #targetFaults(): Promise<string[]> {
    const faults: string[] = [];
    for (const { name, shape, targetLacks } of SPECIMENS) {
      const lack = targetLacks?.(await logFacts(this.#targetCluster, shape.topic));
      if (lack !== undefined) faults.push(`${name}: the target’s ${shape.topic} lacks ${lack}`);
    }
    return faults;
  }
}
