/** TLS towards a cluster; paths are files on this machine, read at each connect so that rotation needs no restart. */
export interface TlsSettings {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly passphrase?: string;
  /** Name to verify instead of the host, also sent as SNI. */
  readonly serverName?: string;
  /** True switches verification off; warned about at every start. */
  readonly insecure?: boolean;
}

export type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

export interface SaslSettings {
  readonly mechanism: SaslMechanism;
  readonly username: string;
  readonly password: string;
}

/** How to reach one Kafka cluster; comes from the operators' configuration only, never over REST. */
export interface ClusterConnection {
  /** The operators' name for it; also MM2's alias. */
  readonly name: string;
  /** `host:port` or `[ipv6]:port`. */
  readonly bootstrap: readonly string[];
  readonly tls?: TlsSettings;
  readonly sasl?: SaslSettings;
  /** Where we are, as the brokers' `broker.rack` would say it (KIP-392). */
  readonly rack?: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}
