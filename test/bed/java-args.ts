import { existsSync } from 'node:fs';

/** `fast`: short-lived brokers of tests (cheap start, C1 only). `server`: Kafka's own production flags, for measurements. */
export type JvmProfile = 'fast' | 'server';

/** JVM arguments of a profile; `archive` is a class-data archive to start from, where it exists. */
export function jvmArgs(profile: JvmProfile, heapMb: number, archive?: string, ipv6 = false): string[] {
  const network = `-Djava.net.preferIPv4Stack=${!ipv6}`;
  const heap = [`-Xmx${heapMb}m`, '-XX:-UsePerfData', '-Djava.awt.headless=true', network];
  const shared =
    archive !== undefined && existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, '-Xshare:auto'] : [];
  switch (profile) {
    case 'fast':
      return [...heap, ...shared, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xss512k'];
    case 'server':
      return [
        ...heap,
        ...shared,
        '-server',
        '-XX:+UseG1GC',
        '-XX:MaxGCPauseMillis=20',
        '-XX:InitiatingHeapOccupancyPercent=35',
        '-XX:+ExplicitGCInvokesConcurrent',
      ];
  }
}
