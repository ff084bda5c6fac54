import type { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { API_SPECS } from '../../../common/kafka/wire/api-keys.js';
import type { Api } from '../../../common/kafka/wire/call.js';
import { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../../common/kafka/wire/connection.js';
import { crc32c } from '../../../common/kafka/wire/records/crc32c.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';

/** The cluster as the configuration would describe it. */
export function connectionTo(handle: KafkaClusterHandle, settings: Partial<ClusterConnection> = {}): ClusterConnection {
  const bootstrap = handle.bootstrapServers.split(',');
  return { name: handle.name, bootstrap, connectTimeoutMs: 10_000, requestTimeoutMs: 10_000, ...settings };
}

export function clientOf(cluster: ClusterConnection): ClusterClient {
  return new ClusterClient({
    cluster,
    clientId: 'wire-test',
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
}

/** The versions of an API that both we and the broker claim to speak. */
export function sharedVersions(connection: BrokerConnection, api: ApiKey): number[] {
  const highest = connection.requireVersion(api);
  const versions: number[] = [];
  for (let version = API_SPECS[api].minVersion; version <= highest; version += 1) versions.push(version);
  return versions;
}

/** One request in exactly this version. */
export async function callVersion<Request, Response>(
  connection: BrokerConnection,
  api: Api<Request, Response>,
  version: number,
  request: Request,
): Promise<Response> {
  return api.decode(version, await connection.request(api.key, version, api.encode(version, request)));
}

/** A record batch written field by field: uncompressed, null keys, no headers, values of fewer than 50 bytes. */
export function batchByHand(values: readonly string[], producer = { id: -1n, epoch: -1, sequence: -1 }): Buffer {
  const records = values.map((value, index) => {
    const body = Buffer.concat([
      Buffer.from([0, 0, index * 2, 1, value.length * 2]),
      Buffer.from(value),
      Buffer.from([0]),
    ]);
    return Buffer.concat([Buffer.from([body.length * 2]), body]);
  });
  const batch = Buffer.concat([Buffer.alloc(61), ...records]);
  const now = BigInt(Date.now());
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(2, 16);
  batch.writeInt32BE(values.length - 1, 23);
  batch.writeBigInt64BE(now, 27);
  batch.writeBigInt64BE(now, 35);
  batch.writeBigInt64BE(producer.id, 43);
  batch.writeInt16BE(producer.epoch, 51);
  batch.writeInt32BE(producer.sequence, 53);
  batch.writeInt32BE(values.length, 57);
  return sealed(batch);
}

/** The batch with the CRC that belongs to its bytes. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}
