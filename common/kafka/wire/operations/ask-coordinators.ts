import { type CausewayError, isCausewayError } from '../../../errors/error.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { mapLimited } from '../../../runtime/map-limited.js';
import { isTransient } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import type { BrokerConnection } from '../connection.js';
import { KafkaCode, kafkaError } from '../error-codes.js';
import { isCoordinatorMove } from './on-coordinator.js';

const PURPOSE = 'coordinator';
const BACKOFF = { initialMs: 20, maxMs: 500 } as const;
/** Coordinators that are not known yet are asked for so many at a time. */
const MAX_LOOKUPS = 32;
/** Coordinators that move, or are only now made, are followed for so long; whatever is left then has failed. */
const PATIENCE_MS = 5_000;

interface OfGroup {
  readonly group: string;
  readonly errorCode: number;
}

export interface GroupAnswers<T> {
  readonly found: ReadonlyMap<string, T>;
  /** Groups that could not be asked, or were refused; each for itself. */
  readonly failed: ReadonlyMap<string, CausewayError>;
}

export interface GroupQuestion<T extends OfGroup> {
  readonly groups: readonly string[];
  readonly groupsPerRequest: number;
  readonly what: string;
  readonly ask: (connection: BrokerConnection, groups: readonly string[]) => Promise<readonly T[]>;
}

/** Asks every group's coordinator, many groups in one request; coordinators that move are followed. A group's fault stays with the group. */
export async function askCoordinators<T extends OfGroup>(
  client: ClusterClient,
  question: GroupQuestion<T>,
): Promise<GroupAnswers<T>> {
  const found = new Map<string, T>();
  const failed = new Map<string, CausewayError>();
  let open = [...new Set(question.groups)];
  const untilMs = client.clock.monotonicMs() + Math.min(PATIENCE_MS, client.cluster.requestTimeoutMs);
  for (let attempt = 0; open.length > 0; attempt += 1) {
    if (attempt > 0 && client.clock.monotonicMs() >= untilMs) break;
    if (attempt > 0) await client.clock.sleep(backoffMs(attempt - 1, BACKOFF, client.random));
    for (const group of open) failed.delete(group);
    const again: string[] = [];
    const byBroker = await coordinatorsOf(client, open, failed);
    await Promise.all(
      [...byBroker].map(async ([broker, groups]) => {
        for (let from = 0; from < groups.length; from += question.groupsPerRequest) {
          const asked = groups.slice(from, from + question.groupsPerRequest);
          again.push(...(await askOne(client, broker, { ...question, groups: asked }, { found, failed })));
        }
      }),
    );
    for (const group of again) client.forgetCoordinator('group', group);
    open = again;
  }
  return { found, failed };
}

async function coordinatorsOf(
  client: ClusterClient,
  groups: readonly string[],
  failed: Map<string, CausewayError>,
): Promise<Map<number, string[]>> {
  const byBroker = new Map<number, string[]>();
  await mapLimited(groups, MAX_LOOKUPS, async (group) => {
    try {
      const broker = await client.coordinator('group', group);
      const list = byBroker.get(broker);
      if (list === undefined) byBroker.set(broker, [group]);
      else list.push(group);
    } catch (error) {
      if (!isCausewayError(error)) throw error;
      failed.set(group, error);
    }
  });
  return byBroker;
}

/** @returns groups that are worth another look */
async function askOne<T extends OfGroup>(
  client: ClusterClient,
  broker: number,
  { groups, ask, what }: GroupQuestion<T>,
  { found, failed }: { readonly found: Map<string, T>; readonly failed: Map<string, CausewayError> },
): Promise<readonly string[]> {
  const fail = (group: string, errorCode: number): void => {
    failed.set(group, kafkaError(errorCode, { cluster: client.cluster.name }, `${what} of group ${group}`));
  };
  try {
    const answers = new Map((await ask(await client.connection(broker, PURPOSE), groups)).map((a) => [a.group, a]));
    const moved: string[] = [];
    for (const group of groups) {
      const answer = answers.get(group);
      const errorCode = answer?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR;
      if (answer !== undefined && errorCode === KafkaCode.NONE) found.set(group, answer);
      else fail(group, errorCode);
      if (isCoordinatorMove(errorCode)) moved.push(group);
    }
    return moved;
  } catch (error) {
    if (!isCausewayError(error)) throw error;
    for (const group of groups) failed.set(group, error);
    return isTransient(error) ? groups : [];
  }
}
