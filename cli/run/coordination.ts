import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { openZooKeeperStore } from '../../common/coordination/zookeeper/store.js';
import { CausewayError } from '../../common/errors/error.js';
import type { Role, RoleContext } from './role-context.js';

/** Every call to ZooKeeper ends within this time. */
const OPERATION_TIMEOUT_MS = 10_000;

/**
 * The fleet's ZooKeeper store; connects in the background and retries for as long as the process lives.
 * @throws CONFIG_INVALID when the configuration says embedded: that store lives inside one process
 */
export function openFleetStore(role: Role, context: RoleContext): CoordinationStore {
  const { clock, random, logger } = context;
  const settings = zooKeeperSettings(role, context.config);
  const { connect, root, sessionTimeoutMs, digest } = settings;
  return openZooKeeperStore({
    connect,
    root,
    sessionTimeoutMs,
    ...(digest === undefined ? {} : { auth: { scheme: 'digest' as const, credential: digest } }),
    clock,
    random,
    logger,
    operationTimeoutMs: OPERATION_TIMEOUT_MS,
  });
}

function zooKeeperSettings(role: Role, config: Config): Extract<Config['coordination'], { type: 'zookeeper' }> {
  if (config.coordination.type === 'zookeeper') return config.coordination;
  throw new CausewayError(
    'CONFIG_INVALID',
    `"causeway ${role}" needs coordination.type zookeeper: the embedded store serves one process`,
    {
      fix: 'Set coordination.type to zookeeper, or run "causeway standalone".',
    },
  );
}
