import { connect } from 'node:net';
import { BedChild } from './child.js';
import type { KafkaSet } from './kafka-set.js';
import { waitUntil } from './wait.js';

export interface ControllerNodeOptions {
  readonly name: string;
  readonly port: number;
  readonly set: KafkaSet;
  /** Its server.properties. */
  readonly configFile: string;
  readonly logFile: string;
  /** JVM arguments besides those for logging. */
  readonly jvm: readonly string[];
}

/** A KRaft controller that is no broker: the quorum of a cluster whose brokers may all come and go. */
export class ControllerNode {
  readonly #options: ControllerNodeOptions;
  #child: BedChild | undefined;

  constructor(options: ControllerNodeOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { name, port, set, configFile, logFile, jvm } = this.#options;
    const args = [...jvm, ...set.loggingArgs, '-cp', set.classpath, 'kafka.Kafka', configFile];
    const child = BedChild.start({ name, command: set.java, args, logFile });
    this.#child = child;
    await waitUntil(`${name} listens`, () => accepts(port), { child });
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
