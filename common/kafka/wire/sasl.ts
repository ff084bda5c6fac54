import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { assertNever } from '../../errors/assert.js';
import { CausewayError, isCausewayError } from '../../errors/error.js';
import type { PasswordLogin, SaslMechanism } from '../../model/cluster.js';
import type { SaslCredentials } from './credentials.js';
import { KafkaCode } from './error-codes.js';

/** RFC 5802 and Kafka ask for at least this; fewer would let a false broker harvest weak hashes. */
const MIN_SCRAM_ITERATIONS = 4096;
/** More would let a false broker burn our CPU. */
const MAX_SCRAM_ITERATIONS = 1_000_000;
const MIN_SALT_BYTES = 8;

const deriveKey = promisify(pbkdf2);

/** Sends one message of the mechanism to the broker and gives its answer. */
export type SaslExchange = (message: Buffer) => Promise<Buffer>;

/** Kafka's name of the mechanism. */
export function mechanismName(sasl: { readonly mechanism: SaslMechanism }): string {
  return sasl.mechanism.toUpperCase();
}

/**
 * Runs the mechanism (PLAIN: RFC 4616, SCRAM: RFC 5802 and 7677, OAUTHBEARER: RFC 7628) to its end.
 * @throws KAFKA_AUTH_FAILED when the broker refuses the token (OAUTHBEARER), does not prove that it knows the password (SCRAM) or
 *   breaks the mechanism's rules.
 */
export async function authenticate(
  sasl: SaslCredentials,
  exchange: SaslExchange,
  nonce: string = randomBytes(24).toString('base64'),
): Promise<void> {
  switch (sasl.mechanism) {
    case 'plain':
      await exchange(Buffer.from(`\0${sasl.username}\0${sasl.password}`));
      return;
    case 'scram-sha-256':
      return scram('sha256', 32, sasl, exchange, nonce);
    case 'scram-sha-512':
      return scram('sha512', 64, sasl, exchange, nonce);
    case 'oauthbearer':
      try {
        return await bearer(sasl.token, exchange);
      } catch (error) {
        if (isRefusal(error)) sasl.refused?.();
        throw error;
      }
    default:
      return assertNever(sasl, 'SASL mechanism');
  }
}

function isRefusal(error: unknown): boolean {
  // kafkajs' own errors carry the broker's code as it is.
  const code = (error as { readonly code?: unknown } | null)?.code;
  return isCausewayError(error, 'KAFKA_AUTH_FAILED') || code === KafkaCode.SASL_AUTHENTICATION_FAILED;
}

/** RFC 6750's b64token; anything else could break out of the message. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * One message with the token, answered with nothing. A refusal comes as a JSON object that has to be answered with a single 0x01
 * before the broker says its error (RFC 7628 3.2.3).
 */
async function bearer(token: string, exchange: SaslExchange): Promise<void> {
  if (!TOKEN.test(token)) throw refusedToken('the token holds characters that no token may have, or nothing at all');
  const challenge = await exchange(Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`));
  if (challenge.length === 0) return;
  const status = challengeStatus(challenge);
  try {
    await exchange(Buffer.from([1]));
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  throw refusedToken(`the broker refused the token: ${status}`);
}

const MAX_STATUS_CHARS = 100;

function challengeStatus(challenge: Buffer): string {
  try {
    const { status, scope } = JSON.parse(challenge.toString('utf8')) as Record<string, unknown>;
    const word = (value: unknown): string =>
      String(value)
        .replace(/[^\x20-\x7e]/g, ' ')
        .slice(0, MAX_STATUS_CHARS);
    return typeof scope === 'string' ? `${word(status)}; it wants scope ${word(scope)}` : word(status);
  } catch {
    return 'without a reason that can be read';
  }
}

function refusedToken(message: string): CausewayError {
  return new CausewayError('KAFKA_AUTH_FAILED', message, {
    fix: 'Check the token: its issuer, audience, scope and end, and what the broker expects of them.',
  });
}

type PasswordCredentials = Extract<SaslCredentials, { mechanism: PasswordLogin['mechanism'] }>;

async function scram(
  hash: 'sha256' | 'sha512',
  keyBytes: number,
  sasl: PasswordCredentials,
  exchange: SaslExchange,
  nonce: string,
): Promise<void> {
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const clientFirst = `n=${escapeName(sasl.username)},r=${nonce}`;
  const serverFirst = (await exchange(Buffer.from(`n,,${clientFirst}`))).toString('utf8');
  const { serverNonce, salt, iterations } = readServerFirst(serverFirst, nonce);

  const saltedPassword = await deriveKey(sasl.password, salt, iterations, keyBytes, hash);
  const clientKey = hmac(saltedPassword, 'Client Key');
  const storedKey = createHash(hash).update(clientKey).digest();
  const clientFinal = `c=biws,r=${serverNonce}`;
  const authMessage = `${clientFirst},${serverFirst},${clientFinal}`;
  const signature = hmac(storedKey, authMessage);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] as number)));

  const serverFinal = (await exchange(Buffer.from(`${clientFinal},p=${proof.toString('base64')}`))).toString('utf8');
  const fields = readFields(serverFinal);
  const refusal = fields.get('e');
  if (refusal !== undefined) throw refused(`the broker refused the SCRAM proof: ${refusal}`);
  const expected = hmac(hmac(saltedPassword, 'Server Key'), authMessage);
  const given = Buffer.from(fields.get('v') ?? '', 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw refused('the broker’s SCRAM signature is wrong: it does not know the password');
  }
}

interface ServerFirst {
  readonly serverNonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

function readServerFirst(message: string, nonce: string): ServerFirst {
  const fields = readFields(message);
  const refusal = fields.get('e');
  if (refusal !== undefined) throw refused(`the broker refused the SCRAM exchange: ${refusal}`);
  if (fields.has('m')) throw refused('the broker asks for a SCRAM extension that is not supported');
  const serverNonce = fields.get('r') ?? '';
  if (!serverNonce.startsWith(nonce) || serverNonce.length <= nonce.length) {
    throw refused('the broker’s SCRAM nonce does not continue ours');
  }
  const iterations = /^\d{1,9}$/.test(fields.get('i') ?? '') ? Number(fields.get('i')) : 0;
  if (iterations < MIN_SCRAM_ITERATIONS || iterations > MAX_SCRAM_ITERATIONS) {
    throw refused(
      `the broker asks for ${iterations} SCRAM iterations; ${MIN_SCRAM_ITERATIONS} to ${MAX_SCRAM_ITERATIONS} are allowed`,
    );
  }
  const salt = Buffer.from(fields.get('s') ?? '', 'base64');
  if (salt.length < MIN_SALT_BYTES) throw refused('the broker’s SCRAM salt is missing or too short');
  return { serverNonce, salt, iterations };
}

/** `a=value,b=value`: values may hold `=`. */
function readFields(message: string): ReadonlyMap<string, string> {
  return new Map(message.split(',').map((field) => [field.slice(0, 1), field.slice(2)]));
}

/** No SASLprep, here or for the password: Kafka's own clients and tools do without it, and stored hashes follow them. */
function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

/** The credentials, or the broker's proof, are no good. */
export function refused(message: string): CausewayError {
  return new CausewayError('KAFKA_AUTH_FAILED', message, {
    fix: 'Check mechanism, username and password in the cluster’s sasl section.',
  });
}
