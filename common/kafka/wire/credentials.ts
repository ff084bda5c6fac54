import { assertNever, invariant } from '../../errors/assert.js';
import type { PasswordLogin, SaslSettings, TokenEndpoint } from '../../model/cluster.js';
import type { Clock } from '../../runtime/clock.js';
import { readSecretFile } from './secret-file.js';
import { TokenSource } from './token-source.js';

/** What a login needs, as it is at this moment. */
export type SaslCredentials =
  | { readonly mechanism: PasswordLogin['mechanism']; readonly username: string; readonly password: string }
  | {
      readonly mechanism: 'oauthbearer';
      readonly token: string;
      /** The broker did not accept the token: it must not be offered again. */
      readonly refused?: () => void;
    };

export interface CredentialsContext {
  /** The cluster's name, for errors. */
  readonly cluster: string;
  /** Bounds a request to a token endpoint. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** One per endpoint of the configuration, whoever asks: all connections to a cluster share its token. */
const tokenSources = new WeakMap<TokenEndpoint, TokenSource>();

/**
 * The credentials for one login: files are read and tokens fetched when asked, never kept beyond their time.
 * @throws KAFKA_AUTH_FAILED naming what could not be read or fetched, without any secret
 */
export async function readCredentials(sasl: SaslSettings, context: CredentialsContext): Promise<SaslCredentials> {
  const place = { cluster: context.cluster };
  switch (sasl.mechanism) {
    case 'plain':
    case 'scram-sha-256':
    case 'scram-sha-512': {
      const { mechanism, username, passwordFile } = sasl;
      const read = async (): Promise<string> => {
        invariant(passwordFile !== undefined, 'a SASL user without a password');
        return readSecretFile(passwordFile, 'password file', place);
      };
      return { mechanism, username, password: sasl.password ?? (await read()) };
    }
    case 'oauthbearer': {
      if (sasl.tokenFile !== undefined) {
        const token = (await readSecretFile(sasl.tokenFile, 'token file', place)).trim();
        return { mechanism: sasl.mechanism, token };
      }
      invariant(sasl.tokenEndpoint !== undefined, 'OAUTHBEARER without a source of tokens');
      const source = tokenSourceOf(sasl.tokenEndpoint, context);
      const token = await source.token();
      return { mechanism: sasl.mechanism, token, refused: () => source.forget(token) };
    }
    default:
      return assertNever(sasl, 'SASL mechanism');
  }
}

function tokenSourceOf(endpoint: TokenEndpoint, context: CredentialsContext): TokenSource {
  let source = tokenSources.get(endpoint);
  if (source === undefined) {
    source = new TokenSource(endpoint, context);
    tokenSources.set(endpoint, source);
  }
  return source;
}
