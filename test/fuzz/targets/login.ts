import { createHmac, pbkdf2Sync } from 'node:crypto';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { login } from '../../../common/kafka/wire/handshake.js';
import { authenticate } from '../../../common/kafka/wire/sasl.js';
import { Writer } from '../../../common/kafka/wire/writer.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { damageJson } from '../json-damage.js';

const SASL = { mechanism: 'plain', username: 'user', password: 'secret' } as const;
const CODES = ['KAFKA_PROTOCOL', 'KAFKA_AUTH_FAILED'] as const;
const NONCE = 'fuzznonce';

function handshakeBody(): Buffer {
  const writer = new Writer(false).int16(0);
  writer.array(['PLAIN', 'SCRAM-SHA-256'], (name) => writer.string(name));
  return Buffer.concat(writer.toBuffers());
}

function authenticateBody(version: number, message: string): Buffer {
  const writer = new Writer(version >= 2).int16(0).nullableString(null).bytes(Buffer.from(message));
  return Buffer.concat(writer.int64FromNumber(3_600_000).tags().toBuffers());
}

const offered = (version: number) =>
  new Map([
    [ApiKey.SaslHandshake, { min: 0, max: 1 }],
    [ApiKey.SaslAuthenticate, { min: 0, max: version }],
  ] as [number, { min: number; max: number }][]);

function handshakeTarget(): FuzzTarget {
  return {
    name: 'sasl/handshake',
    weight: 12,
    codes: CODES,
    valid: [handshakeBody()],
    swept: true,
    run: async (input) => {
      const answers = new Map<number, Buffer>([
        [ApiKey.SaslHandshake, input],
        [ApiKey.SaslAuthenticate, authenticateBody(2, '')],
      ]);
      await login(SASL, offered(2), async (api) => answers.get(api) as Buffer);
    },
  };
}

function authenticateTargets(): FuzzTarget[] {
  return [1, 2].map((version) => ({
    name: `sasl/authenticate-v${version}`,
    weight: 12,
    codes: CODES,
    valid: [authenticateBody(version, 'answer')],
    swept: true,
    run: async (input: Buffer) => {
      const answers = new Map<number, Buffer>([
        [ApiKey.SaslHandshake, handshakeBody()],
        [ApiKey.SaslAuthenticate, input],
      ]);
      await login(SASL, offered(version), async (api) => answers.get(api) as Buffer);
    },
  }));
}

const SERVER_FIRST = `r=${NONCE}server,s=${Buffer.from('saltsaltsalt').toString('base64')},i=4096`;

/** What an honest server says last. */
function serverFinal(): string {
  const salted = pbkdf2Sync(SASL.password, 'saltsaltsalt', 4_096, 32, 'sha256');
  const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const authMessage = `n=${SASL.username},r=${NONCE},${SERVER_FIRST},c=biws,r=${NONCE}server`;
  return `v=${hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')}`;
}

/** Deriving the key costs a millisecond, so there are few of these. */
function scramTargets(): FuzzTarget[] {
  const sasl = { ...SASL, mechanism: 'scram-sha-256' } as const;
  const final = serverFinal();
  const exchange = (answers: readonly [Buffer, Buffer]) => {
    const left = [...answers];
    return async (): Promise<Buffer> => left.shift() as Buffer;
  };
  return [
    {
      name: 'sasl/scram-first',
      weight: 2,
      codes: ['KAFKA_AUTH_FAILED'],
      valid: [Buffer.from(SERVER_FIRST)],
      run: async (input) => {
        await authenticate(sasl, exchange([input, Buffer.from(final)]), NONCE).catch((error: unknown) => {
          if (!input.equals(Buffer.from(SERVER_FIRST))) throw error;
          throw new Error('an honest exchange was refused', { cause: error });
        });
      },
    },
    {
      name: 'sasl/scram-final',
      weight: 1,
      codes: ['KAFKA_AUTH_FAILED'],
      valid: [Buffer.from(final)],
      run: (input) => authenticate(sasl, exchange([Buffer.from(SERVER_FIRST), input]), NONCE),
    },
  ];
}

const CHALLENGE = Buffer.from('{"status":"invalid_token","scope":"kafka","openid-configuration":"https://issuer/x"}');

/** A broker accepts a token with nothing, and refuses it in JSON. */
function bearerTarget(): FuzzTarget {
  return {
    name: 'sasl/oauthbearer',
    weight: 10,
    codes: ['KAFKA_AUTH_FAILED'],
    valid: [Buffer.alloc(0)],
    damage: (dice) => damageJson(dice, CHALLENGE),
    run: async (input) => {
      const answers = [input, Buffer.alloc(0)];
      await authenticate({ mechanism: 'oauthbearer', token: 'abc' }, async () => answers.shift() as Buffer);
    },
  };
}

export function loginTargets(): FuzzTarget[] {
  return [handshakeTarget(), ...authenticateTargets(), ...scramTargets(), bearerTarget()];
}
