import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { CausewayClient } from '../../common/api/client.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { BedChild } from '../bed/child.js';
import { freePort } from '../bed/free-port.js';
import type { KafkaClusterHandle } from '../bed/kafka.js';
import { waitUntil } from '../bed/wait.js';
import { startZooKeeper } from '../bed/zookeeper.js';
import { isProfiled, profileArgs } from './profile.js';
import type { MirrorHost, MirrorPlan, MirrorRun, MirrorSubject } from './subject.js';

const cli = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const readyLimitMs = 30_000;
const topicsAtOnce = 8;

/** Causeway as its users run it: a controller and a worker with every setting at its default, and a ZooKeeper. */
export const causeway: MirrorSubject = { name: 'causeway', start };

type Role = 'controller' | 'worker';

async function start(host: MirrorHost, plan: MirrorPlan): Promise<MirrorRun> {
  // A fresh fleet, route and source name each time: fresh state, fresh checkpoints, a fresh target topic.
  const { alias } = plan;
  const zooKeeper = await startZooKeeper({ name: `bench-zookeeper-${alias}` });
  const children: BedChild[] = [];
  const stop = async () => {
    await Promise.all(children.map((child) => (isProfiled ? child.terminate() : child.kill())));
    await zooKeeper.stop();
  };
  try {
    const ports = { controller: await freePort(), worker: await freePort() };
    const configFile = host.folder.path(`causeway-${alias}.yaml`);
    writeFileSync(configFile, stringify(config(host, plan, zooKeeper.connect, ports)));
    const startRole = (role: Role): BedChild => {
      const logFile = host.folder.path(`${role}-${alias}.log`);
      const node = role === 'worker' ? profileArgs() : [];
      const args = [...node, cli, role, '-c', configFile];
      const child = BedChild.start({ name: `${role} (${alias})`, command: process.execPath, args, logFile });
      children.push(child);
      return child;
    };
    const [controller, worker] = [startRole('controller'), startRole('worker')];
    await ready(controller, ports.controller);
    await ready(worker, ports.worker);
    const client = new CausewayClient({ baseUrl: `http://127.0.0.1:${ports.controller}` });
    // The leader makes the routes of the configuration a moment after it serves.
    const hasRoute = async () => (await client.getRoute(alias)).value.name === alias;
    await waitUntil(`route ${alias} exists`, hasRoute, { timeoutMs: readyLimitMs, child: controller });
    await mapLimited(plan.topics, topicsAtOnce, async (topic) => {
      await client.addTopic(alias, { topic });
    });
    return {
      processes: [
        { role: 'worker', pid: worker.pid, isCounted: true },
        { role: 'controller', pid: controller.pid, isCounted: true },
        // Shared infrastructure, as the brokers are; shown, so that everybody can add it.
        { role: 'zookeeper', pid: zooKeeper.pid, isCounted: false },
      ],
      workerUrl: `http://127.0.0.1:${ports.worker}`,
      controllerUrl: `http://127.0.0.1:${ports.controller}`,
      stop,
    };
  } catch (error) {
    host.folder.markFailed();
    await stop();
    throw error;
  }
}

function config(host: MirrorHost, plan: MirrorPlan, zooKeeper: string, ports: Readonly<Record<Role, number>>) {
  const { alias } = plan;
  return {
    fleet: alias,
    coordination: { type: 'zookeeper', zookeeper: { connect: zooKeeper } },
    clusters: {
      [alias]: cluster(host.source, host.sourceBootstrap),
      target: cluster(host.target, host.targetBootstrap),
    },
    routes: { [alias]: { source: alias, target: 'target', naming: { policy: 'default' }, ...plan.route } },
    controller: { http: { port: ports.controller } },
    worker: { http: { port: ports.worker }, ...plan.worker },
  };
}

function cluster(handle: KafkaClusterHandle, bootstrap = handle.bootstrapServers) {
  const caFile = handle.security?.caFile;
  return { bootstrap: bootstrap.split(','), ...(caFile === undefined ? {} : { tls: { caFile } }) };
}

function ready(child: BedChild, port: number): Promise<void> {
  const isReady = async () =>
    (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;
  return waitUntil(`${child.name} is ready`, isReady, { timeoutMs: readyLimitMs, child });
}
