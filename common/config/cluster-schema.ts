import { z } from 'zod';
import { registryUrlFault, tokenUrlFault } from '../model/cluster.js';
import { hostPort, ms, zone } from './fields.js';

const tls = z.strictObject({
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file of the authorities to trust instead of the system’s; like all of these read anew at each connect.',
    ),
  certFile: z.string().min(1).optional().describe('PEM file of our certificate chain, for mutual TLS.'),
  keyFile: z.string().min(1).optional().describe('PEM file of our private key.'),
  passphrase: z.string().optional().describe('Passphrase of the private key.'),
  passphraseFile: z.string().min(1).optional().describe('File that holds the passphrase; read anew at each connect.'),
  serverName: z.string().min(1).optional().describe('Name to verify instead of the host; also sent as SNI.'),
  insecure: z.boolean().optional().describe('true switches verification off; warned about at every start.'),
});

const mechanism = 'How to authenticate.';
const passwordLogin = {
  username: z.string().min(1).describe('Name of the principal, with plain and scram.'),
  password: z.string().min(1).optional().describe('Its password.'),
  passwordFile: z.string().min(1).optional().describe('File that holds the password; read anew at each login.'),
};

const tokenEndpoint = z.strictObject({
  url: z
    .string()
    .superRefine((value, context) => {
      const fault = tokenUrlFault(value);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .describe('Where tokens are issued: https, or http to this very machine.'),
  clientId: z.string().min(1).describe('Our name at the issuer.'),
  clientSecret: z.string().min(1).optional().describe('Our secret at the issuer.'),
  clientSecretFile: z.string().min(1).optional().describe('File that holds the secret; read anew for each token.'),
  scope: z.string().min(1).optional().describe('Scopes to ask for, separated by blanks.'),
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of the authorities to trust for the endpoint instead of the system’s.'),
});

const sasl = z.discriminatedUnion('mechanism', [
  z.strictObject({ mechanism: z.literal('plain').describe(mechanism), ...passwordLogin }),
  z.strictObject({ mechanism: z.literal('scram-sha-256').describe(mechanism), ...passwordLogin }),
  z.strictObject({ mechanism: z.literal('scram-sha-512').describe(mechanism), ...passwordLogin }),
  z.strictObject({
    mechanism: z.literal('oauthbearer').describe(mechanism),
    tokenFile: z
      .string()
      .min(1)
      .optional()
      .describe('With oauthbearer: file that holds a token and is renewed by somebody else; read anew at each login.'),
    tokenEndpoint: tokenEndpoint
      .optional()
      .describe('With oauthbearer: tokens are fetched from their issuer (OAuth 2 client credentials).'),
  }),
]);

const schemaRegistry = z.strictObject({
  url: z
    .string()
    .superRefine((value, context) => {
      const fault = registryUrlFault(value);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .describe('Its address, such as https://schemas.east:8081.'),
  username: z.string().min(1).optional().describe('User, for basic authentication.'),
  password: z.string().min(1).optional().describe('Its password.'),
  passwordFile: z.string().min(1).optional().describe('File that holds the password; read anew for each request.'),
  token: z.string().min(1).optional().describe('Bearer token, instead of a user.'),
  tokenFile: z.string().min(1).optional().describe('File that holds the token; read anew for each request.'),
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of the authorities to trust instead of the system’s; read anew for each request.'),
  requestTimeoutMs: ms.default(10_000).describe('How long an answer may take.'),
});

/** A Kafka cluster, and how to log in there. */
export const cluster = z.strictObject({
  bootstrap: z.array(hostPort).min(1).max(32).describe('Brokers to begin with, as host:port.'),
  tls: tls
    .optional()
    .describe('TLS towards the brokers; `{}` for TLS with the system’s authorities, absent for plaintext.'),
  sasl: sasl.optional().describe('Authentication towards the brokers.'),
  rack: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'Where the workers are, in the words of the brokers’ `broker.rack`: with a replica selector at the brokers, fetches go to the nearest replica (KIP-392).',
    ),
  zone: zone
    .optional()
    .describe(
      'Where the cluster is, in the words of `worker.zone`: routes to it are copied by the workers of that zone while any is there.',
    ),
  schemaRegistry: schemaRegistry
    .optional()
    .describe('The schema registry beside the cluster, for routes that keep schemas in step (docs/schemas.md).'),
  connectTimeoutMs: ms.default(10_000).describe('How long a connection may take to come about.'),
  requestTimeoutMs: ms.default(30_000).describe('How long a broker may take to answer; then the connection is closed.'),
});
