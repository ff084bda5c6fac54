import { spawn } from 'node:child_process';
import { BedError } from './bed-error.js';
import { type JvmProfile, jvmArgs } from './java-args.js';
import { type AnyKafkaVersion, kafkaSet } from './kafka-set.js';

/** Main classes of Kafka's own command line tools. */
export const toolClasses = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  groups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  consoleConsumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  producerPerformance: 'org.apache.kafka.tools.ProducerPerformance',
  consumerPerformance: 'org.apache.kafka.tools.ConsumerPerformance',
  getOffsets: 'org.apache.kafka.tools.GetOffsetShell',
  dumpLog: 'kafka.tools.DumpLogSegments',
} as const;

export interface ToolOptions {
  readonly version?: AnyKafkaVersion;
  readonly stdin?: string;
  readonly timeoutMs?: number;
  readonly heapMb?: number;
  /** Default 'fast'. */
  readonly jvm?: JvmProfile;
}

/**
 * Runs a Java tool to its end and returns its standard output.
 * @throws BedError when its status is not 0 or it takes longer than `timeoutMs` (default 60 s).
 */
export async function runKafkaTool(
  mainClass: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const set = await kafkaSet(options.version ?? '3.9.1');
  const jvm = [
    ...jvmArgs(options.jvm ?? 'fast', options.heapMb ?? 256, set.brokerArchive),
    ...set.loggingArgs,
    '-cp',
    set.classpath,
  ];
  const child = spawn(set.java, [...jvm, mainClass, ...args], { stdio: 'pipe', timeout: options.timeoutMs ?? 60_000 });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-8_192);
  });
  // A tool that ends early closes its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...status) => resolve(status));
  });
  if (code !== 0)
    throw new BedError(`${mainClass} ended with ${signal ?? `status ${code}`}\n${output.slice(-4_096)}\n${errors}`);
  return output;
}
