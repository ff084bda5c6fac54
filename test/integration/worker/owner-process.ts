import { existsSync, readFileSync } from 'node:fs';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Route } from '../../../common/model/route.js';
import { ThreadUnderTest } from './thread-kit.js';

/** What the process is told, in the file that it is given. */
export interface OwnerOrder {
  readonly clusters: readonly ClusterConnection[];
  readonly incarnation: string;
  readonly routes: readonly Route[];
  readonly items: readonly AssignmentItem[];
  /** Routes that hold instead from the moment on in which this file is there: renamed to it, so that it is whole. */
  readonly nextFile?: string;
}

/** A data thread in a process of its own, which can be stopped and killed; says `dead` when it is told that its lane is. */
function own({ clusters, incarnation, routes, items, nextFile }: OwnerOrder): void {
  const under = new ThreadUnderTest(clusters, incarnation);
  under.assign(routes, items);
  const watch = setInterval(() => {
    if (nextFile === undefined || !existsSync(nextFile)) return;
    clearInterval(watch);
    const begun = items.map((item) => ({ ...item, started: true }));
    under.assign(JSON.parse(readFileSync(nextFile, 'utf8')) as Route[], begun);
    console.log('changed');
  }, 5);
  setInterval(() => {
    if (under.messages.some(({ type }) => type === 'lane-dead')) console.log('dead');
  }, 50);
}

const file = process.argv[2];
if (file !== undefined) own(JSON.parse(readFileSync(file, 'utf8')) as OwnerOrder);
