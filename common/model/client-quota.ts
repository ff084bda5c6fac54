/** A part of whom a quota is for; `null`: whoever has none of their own (the default). */
export interface QuotaEntity {
  /** Absent: whatever the user. */
  readonly user?: string | null;
  /** Absent: whatever the client id. */
  readonly clientId?: string | null;
}

/** Quotas of one entity by Kafka's names (`producer_byte_rate`, `consumer_byte_rate`, `request_percentage`, `controller_mutation_rate`). */
export interface ClientQuota {
  readonly entity: QuotaEntity;
  readonly values: Readonly<Record<string, number>>;
}

/** One text for equal entities. */
export function quotaEntityKey({ user, clientId }: QuotaEntity): string {
  return JSON.stringify([user === undefined ? 0 : [user], clientId === undefined ? 0 : [clientId]]);
}

/** `user alice, every client id without a quota of its own`. */
export function quotaEntityText({ user, clientId }: QuotaEntity): string {
  const parts = [
    ...(user === undefined ? [] : [user === null ? 'every user without a quota of its own' : `user ${user}`]),
    ...(clientId === undefined
      ? []
      : [clientId === null ? 'every client id without a quota of its own' : `client id ${clientId}`]),
  ];
  return parts.join(', ');
}
