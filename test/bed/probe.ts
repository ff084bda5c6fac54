import { connect } from 'node:net';

const probeTimeoutMs = 2_000;

/** Sends `request` and collects the answer until `isComplete` says so; rejects on error, early end and time-out. */
function exchange(
  port: number,
  request: Buffer,
  isComplete: (answer: Buffer, closed: boolean) => boolean,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = Buffer.alloc(0);
    const finish = (error: Error | undefined) => {
      socket.destroy();
      if (error === undefined) resolve(answer);
      else reject(error);
    };
    socket.setTimeout(probeTimeoutMs, () => finish(new Error(`port ${port} did not answer in ${probeTimeoutMs} ms`)));
    socket.once('error', finish);
    socket.once('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (isComplete(answer, false)) finish(undefined);
    });
    socket.once('close', () =>
      finish(isComplete(answer, true) ? undefined : new Error(`port ${port} closed the connection`)),
    );
  });
}

/**
 * The ids of the brokers that this broker knows to be alive. A broker answers only once it has caught up with the controller and was
 * let in.
 */
export async function aliveBrokers(port: number): Promise<number[]> {
  return (await metadataOf(port)).brokerIds;
}

export interface ProbedMetadata {
  readonly brokerIds: number[];
  readonly clusterId: string;
}

/** A Metadata v5 request (no topics) on a plaintext listener. */
export async function metadataOf(port: number): Promise<ProbedMetadata> {
  const clientId = Buffer.from('bed');
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + clientId.length + 4 + 1);
  let at = request.writeInt32BE(request.length - 4, 0);
  at = request.writeInt16BE(3, at);
  at = request.writeInt16BE(5, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(clientId.length, at);
  at += clientId.copy(request, at);
  at = request.writeInt32BE(0, at);
  request.writeInt8(0, at);
  const answer = await exchange(
    port,
    request,
    (bytes) => bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0),
  );
  return parseMetadata(answer);
}

function parseMetadata(answer: Buffer): ProbedMetadata {
  // size, correlation id, throttle time, then the array of brokers (id, host, port, rack), then the cluster's id.
  let at = 12;
  const count = answer.readInt32BE(at);
  at += 4;
  const brokerIds: number[] = [];
  for (let index = 0; index < count; index += 1) {
    brokerIds.push(answer.readInt32BE(at));
    at += 4;
    at += 2 + answer.readInt16BE(at);
    at += 4;
    at += 2 + Math.max(0, answer.readInt16BE(at));
  }
  const clusterId = answer.toString('utf8', at + 2, at + 2 + Math.max(0, answer.readInt16BE(at)));
  return { brokerIds, clusterId };
}

/** True when ZooKeeper serves requests (four-letter word `srvr`). */
export async function zooKeeperServes(port: number): Promise<boolean> {
  const answer = await exchange(port, Buffer.from('srvr'), (bytes) => bytes.includes('Node count'));
  return answer.includes('Mode: standalone');
}

/** ZooKeeper's sessions and their ephemeral nodes (four-letter word `dump`). */
export async function zooKeeperDump(port: number): Promise<string> {
  // The answer has no end mark: ZooKeeper closes the connection behind it.
  const answer = await exchange(port, Buffer.from('dump'), (bytes, closed) => closed && bytes.includes('phemeral'));
  return answer.toString('utf8');
}
