// Too old a Node fails on syntax or a missing module somewhere deep; one sentence at the door is kinder.
import { SetupError } from './project.mjs';

const minimum = [20, 19];

export function requireNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > minimum[0] || (major === minimum[0] && minor >= minimum[1])) return;
  throw new SetupError(
    `Causeway needs Node.js ${minimum.join('.')} or newer, this is ${version}: install a current LTS release and run the command again.`,
  );
}
