import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { jvmArgs } from '../../bed/java-args.js';
import { kafkaSet, projectRoot } from '../../bed/kafka-set.js';

const SOURCE = ['test', 'integration', 'mm2', 'java', 'RemoteClusters.java'];
const ANSWER_TIMEOUT_MS = 120_000;

/** Why there are no readers here; undefined: there are. A runtime alone cannot compile. */
export async function noCompiler(): Promise<string | undefined> {
  const { java } = await kafkaSet('3.9.1');
  try {
    const { stdout } = await promisify(execFile)(java, ['--list-modules'], { timeout: 30_000 });
    return stdout.includes('jdk.compiler') ? undefined : 'the Java that is here has no compiler: a JDK is needed';
  } catch (error) {
    return `Java does not run: ${String(error)}`;
  }
}

export interface ReaderOptions {
  readonly policy?: 'identity';
  /** With the identity policy: the alias that remote topics are said to come from. */
  readonly source?: string;
}

/** RemoteClusterUtils and MirrorClient of Kafka's own jars, in one process. */
export class JavaReaders {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((line: string) => void)[] = [];
  #errors = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4_096);
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.(line));
    child.once('exit', () => {
      for (const answer of this.#waiting.splice(0)) answer(`! it ended: ${this.#errors}`);
    });
  }

  static async start(): Promise<JavaReaders> {
    const set = await kafkaSet('3.9.1');
    const args = [...jvmArgs('fast', 256), ...set.loggingArgs, '-cp', set.classpath, join(projectRoot(), ...SOURCE)];
    const readers = new JavaReaders(spawn(set.java, args, { stdio: 'pipe' }));
    await readers.#next();
    return readers;
  }

  async ask(
    command: string,
    servers: string,
    args: readonly string[] = [],
    options: ReaderOptions = {},
  ): Promise<string[]> {
    const settings = [
      ...(options.policy === 'identity'
        ? ['replication.policy.class=org.apache.kafka.connect.mirror.IdentityReplicationPolicy']
        : []),
      ...(options.source === undefined ? [] : [`source.cluster.alias=${options.source}`]),
    ];
    const answer = this.#next();
    this.#child.stdin.write(`${[command, servers, ...settings, '--', ...args].join(' ')}\n`);
    const line = await answer;
    if (!line.startsWith('= ')) throw new Error(`${command}: ${line}`);
    return line
      .slice(2)
      .split(' ')
      .filter((word) => word !== '');
  }

  /** `topic-partition` -> offset */
  async translate(
    servers: string,
    place: { readonly alias: string; readonly group: string },
    options: ReaderOptions = {},
  ): Promise<Record<string, number>> {
    const found = await this.ask('translateOffsets', servers, [place.alias, place.group], options);
    return Object.fromEntries(
      found.map((word) => {
        const [partition = '', offset = ''] = word.split('=');
        return [partition, Number(offset)];
      }),
    );
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended;
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer: ${this.#errors}`)), ANSWER_TIMEOUT_MS);
      this.#waiting.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
    });
  }
}
