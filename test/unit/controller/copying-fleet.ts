import { ControllerKit, routeOf, until } from './kit.js';

/** A fleet whose worker `a` holds the two partitions of topic `t` on route `r`; nothing is copied on route `other`. */
export async function copyingFleet() {
  const kit = await ControllerKit.open({ routes: [routeOf('r'), routeOf('other')] });
  kit.kafka.addTopic('east', 't', 2);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  const worker = await kit.worker('a');
  await controller.client.addTopic('r', { topic: 't' });
  await until(() => worker.held.size === 2);
  return { kit, worker, ...controller };
}
