/** What a running role needs of the operating system's process; a double stands in for it in tests. */
export interface ProcessHost {
  on(event: HostEvent, listener: (detail: unknown) => void): void;
  exit(code: number): void;
}

export type StopSignal = 'SIGTERM' | 'SIGINT';
export type HostEvent = StopSignal | 'uncaughtException' | 'unhandledRejection';

export const nodeProcess: ProcessHost = {
  on: (event, listener) => {
    process.on(event, listener);
  },
  exit: (code) => process.exit(code),
};
