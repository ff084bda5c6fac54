import { CausewayError } from '../../../common/errors/error.js';
import { ALTER_CLIENT_QUOTAS } from '../../../common/kafka/wire/apis/alter-client-quotas.js';
import { CREATE_ACLS } from '../../../common/kafka/wire/apis/create-acls.js';
import { DELETE_ACLS } from '../../../common/kafka/wire/apis/delete-acls.js';
import { DESCRIBE_ACLS } from '../../../common/kafka/wire/apis/describe-acls.js';
import { DESCRIBE_CLIENT_QUOTAS } from '../../../common/kafka/wire/apis/describe-client-quotas.js';
import { DESCRIBE_USER_SCRAM_CREDENTIALS } from '../../../common/kafka/wire/apis/describe-user-scram-credentials.js';
import { type Api, call, isTransient } from '../../../common/kafka/wire/call.js';
import { KafkaCode, kafkaError } from '../../../common/kafka/wire/error-codes.js';
import type { AclBinding, AclResource } from '../../../common/model/acl.js';
import type { ClientQuota, QuotaEntity } from '../../../common/model/client-quota.js';
import type { Closable } from '../../../common/runtime/lifecycle.js';
import type { ClusterClients } from '../cluster-clients.js';
import type { AclListing, ClusterRights, Outcomes } from './ports.js';
import { entityOf, entityParts } from './quota-entities.js';

/** A connection may have gone stale unnoticed. */
const ATTEMPTS = 3;
/** ACLs or quotas in one request: a controller writes them in one batch of its log. */
const MAX_CHANGES_PER_REQUEST = 200;

/** Rights over our own wire, over clients that it closes. */
export class KafkaRights implements ClusterRights, Closable {
  readonly #clients: ClusterClients;

  constructor(clients: ClusterClients) {
    this.#clients = clients;
  }

  async acls(cluster: string, resources: readonly AclResource[]): Promise<AclListing> {
    const found: AclBinding[] = [];
    for (const resource of resources) {
      const answer = await this.#ask(cluster, DESCRIBE_ACLS, { resource });
      if (answer.errorCode === KafkaCode.SECURITY_DISABLED) return undefined;
      if (answer.errorCode !== 0) throw refusal(cluster, answer, 'read the ACLs', 'DESCRIBE');
      found.push(...answer.bindings);
    }
    return found;
  }

  async createAcls(cluster: string, bindings: readonly AclBinding[]): Promise<Outcomes> {
    return await inChunks(bindings, async (chunk) => {
      const { results } = await this.#ask(cluster, CREATE_ACLS, { bindings: chunk });
      return chunk.map((_, i) => failure(cluster, results[i], 'create an ACL', 'ALTER'));
    });
  }

  async deleteAcls(cluster: string, bindings: readonly AclBinding[]): Promise<Outcomes> {
    return await inChunks(bindings, async (chunk) => {
      const { results } = await this.#ask(cluster, DELETE_ACLS, { bindings: chunk });
      return chunk.map((_, i) => failure(cluster, results[i], 'delete an ACL', 'ALTER'));
    });
  }

  async quotas(cluster: string): Promise<readonly ClientQuota[]> {
    const answer = await this.#ask(cluster, DESCRIBE_CLIENT_QUOTAS, {});
    if (answer.errorCode !== 0) throw refusal(cluster, answer, 'read the client quotas', 'DESCRIBE_CONFIGS');
    return answer.entries.flatMap(({ entity, values }): ClientQuota[] => {
      const known = entityOf(entity);
      if (known === undefined || values.length === 0) return [];
      return [{ entity: known, values: Object.fromEntries(values.map(({ key, value }) => [key, value])) }];
    });
  }

  async alterQuotas(
    cluster: string,
    changes: readonly { readonly entity: QuotaEntity; readonly key: string; readonly value: number | null }[],
  ): Promise<Outcomes> {
    // One at a time: an entity may stand only once in a request, and answers come in no order that is promised.
    const outcomes: (Error | undefined)[] = [];
    for (const { entity, ...value } of changes) {
      const alterations = [{ entity: entityParts(entity), values: [value] }];
      const { results } = await this.#ask(cluster, ALTER_CLIENT_QUOTAS, { alterations });
      outcomes.push(failure(cluster, results[0], 'set a client quota', 'ALTER_CONFIGS'));
    }
    return outcomes;
  }

  async scramUsers(cluster: string): Promise<readonly string[]> {
    const answer = await this.#ask(cluster, DESCRIBE_USER_SCRAM_CREDENTIALS, {});
    if (answer.errorCode !== 0) throw refusal(cluster, answer, 'list the SCRAM users', 'DESCRIBE');
    return answer.users;
  }

  close(): Promise<void> {
    return this.#clients.close();
  }

  /** At any broker; at the controller where a broker says that only it answers (clusters with ZooKeeper). */
  async #ask<Request, Response>(cluster: string, api: Api<Request, Response>, request: Request): Promise<Response> {
    const client = this.#clients.of(cluster);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await call(await client.anyConnection(), api, request);
        if ((answer as { readonly errorCode?: number }).errorCode !== KafkaCode.NOT_CONTROLLER) return answer;
        const { controllerId } = await client.metadata([]);
        return await call(await client.connection(controllerId, 'rights'), api, request);
      } catch (error) {
        if (!isTransient(error) || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

interface Answer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

function failure(cluster: string, answer: Answer | undefined, what: string, right: string): CausewayError | undefined {
  if (answer === undefined)
    return new CausewayError('KAFKA_PROTOCOL', `${what}: it was not answered`, { place: { cluster } });
  return answer.errorCode === 0 ? undefined : refusal(cluster, answer, what, right);
}

function refusal(cluster: string, { errorCode, errorMessage }: Answer, what: string, right: string): CausewayError {
  if (errorCode !== KafkaCode.CLUSTER_AUTHORIZATION_FAILED) {
    return kafkaError(errorCode, { cluster }, `${what} of cluster ${cluster}`, errorMessage);
  }
  return new CausewayError('CLUSTER_RIGHTS_MISSING', `cluster ${cluster} does not let us ${what}`, {
    place: { cluster },
    kafkaCode: errorCode,
    fix: `Grant ${right} on the cluster to the principal that Causeway connects as: kafka-acls --add --allow-principal User:<name> --operation ${right} --cluster.`,
  });
}

async function inChunks<T>(items: readonly T[], send: (chunk: readonly T[]) => Promise<Outcomes>): Promise<Outcomes> {
  const outcomes: (Error | undefined)[] = [];
  for (let at = 0; at < items.length; at += MAX_CHANGES_PER_REQUEST) {
    outcomes.push(...(await send(items.slice(at, at + MAX_CHANGES_PER_REQUEST))));
  }
  return outcomes;
}
