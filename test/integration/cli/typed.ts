import { runCli } from '../../../cli/cli.js';
import { FakeTerminal } from '../../unit/cli/fake-terminal.js';

/** Runs a command within this process, as if typed for the controller at that address. */
export async function typed(
  url: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const terminal = new FakeTerminal();
  const pace = { monotonicMs: () => performance.now(), sleep: () => Promise.resolve() };
  const code = await runCli([...args, '--url', url], { terminal, environment: {}, pace });
  return { code, out: terminal.stdout, err: terminal.stderr };
}
