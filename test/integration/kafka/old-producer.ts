import assert from 'node:assert/strict';
import { connect } from 'node:net';

/** Produce versions that carry message sets of the formats 0 and 1; the product speaks none of them. */
export type OldProduceVersion = 0 | 1 | 2;

/** Sends one message set as old producers did (acks 1) and gives back the offset of its first message. */
export async function produceOld(
  address: string,
  topic: string,
  messageSet: Buffer,
  version: OldProduceVersion,
): Promise<number> {
  const body = Buffer.alloc(6 + 4);
  body.writeInt16BE(1, 0);
  body.writeInt32BE(10_000, 2);
  body.writeInt32BE(1, 6);
  const request = Buffer.concat([body, text(topic), int32(1), int32(0), int32(messageSet.length), messageSet]);
  const head = Buffer.alloc(8);
  head.writeInt16BE(version, 2);
  head.writeInt32BE(7, 4);
  const answer = await asked(address, Buffer.concat([head, text('old-producer'), request]));
  assert.equal(answer.readInt32BE(0), 7);
  // correlation id, 1 topic, its name, 1 partition, its number
  const at = 4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4;
  assert.equal(answer.readInt16BE(at), 0, `${topic} refuses what is produced with version ${version}`);
  return Number(answer.readBigInt64BE(at + 2));
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}

/** One request on a connection of its own. */
function asked(address: string, request: Buffer): Promise<Buffer> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host);
    let received = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('end', () => reject(new Error('the broker closed the connection')));
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      socket.removeAllListeners('end');
      socket.destroy();
      resolve(received.subarray(4));
    });
    socket.write(Buffer.concat([int32(request.length), request]));
  });
}
