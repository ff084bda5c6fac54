/*
 * The fleet's nodes, relative to its root. Final from the first release: an older process must be able to read what a newer one wrote.
 *
 *   /fleet                      fleet id; made once (exactly-once.md 7.6)
 *   /epoch                      the controller's epoch; every leader write checks its version
 *   /leader                     ephemeral: who leads
 *   /controllers/<id>           ephemeral: every controller, with its HTTP address
 *   /routes/<name>              desired: a route
 *   /topics/<route>/<topic>     desired: a topic entry
 *   /exclusions/<route>/<topic> desired: partitions that are not to be copied; outlives the topic entry
 *   /denials/<route>/<topic>    desired: a topic that the route never selects; outlives the topic entry
 *   /jobs/<id>                  desired: copies that come to an end, with what the leader remembers of them (gzip)
 *   /workers/<id>               desired: what a worker is for; outlives the worker
 *   /orders/freeze              desired: while it is there nothing moves from worker to worker
 *   /recoveries/<id>            a recovery program with all it has done; the leader works on it, operators write orders into it
 *   /progress/<route>/<topic>   leader's memory: timeline, started partitions
 *   /selections/<route>         leader's memory: which selection has been gone through
 *   /vanished/<route>           leader's memory: source topics that are gone, and since when (gzip)
 *   /schemas/<route>            an operator's word: the target's registry takes schemas of its own now (absent: it is a copy)
 *   /rights/<route>             leader's memory: ACLs and quotas that the route set at its target (gzip)
 *   /assignments/<worker>       leader -> worker (gzip; parts below 512 KiB as children `p1`, `p2`, ... of the node)
 *   /live/<worker>              ephemeral: the worker's incarnation and address
 *   /lanes/<transactional id>   persistent: which producer identities exist (whom to fence)
 *   /reports/<worker>           worker -> leader: generation applied, everything held or doubtful (gzip)
 *
 * The leader removes assignment and report of a worker that has been away for an hour with nothing left in them.
 */

export const FLEET = '/fleet';
export const EPOCH = '/epoch';
export const LEADER = '/leader';
export const CONTROLLERS = '/controllers';
export const ROUTES = '/routes';
export const TOPICS = '/topics';
export const EXCLUSIONS = '/exclusions';
export const DENIALS = '/denials';
export const JOBS = '/jobs';
export const WORKERS = '/workers';
export const ORDERS = '/orders';
export const FREEZE = 'freeze';
export const RECOVERIES = '/recoveries';
export const PROGRESS = '/progress';
export const SELECTIONS = '/selections';
export const RIGHTS = '/rights';
export const SCHEMAS = '/schemas';
export const VANISHED = '/vanished';
export const ASSIGNMENTS = '/assignments';
export const LIVE = '/live';
export const LANES = '/lanes';
export const REPORTS = '/reports';

/** Parents that a leader makes sure of before it does anything else (multis do not create parents). */
export const BASE_PATHS = [
  CONTROLLERS,
  ROUTES,
  TOPICS,
  EXCLUSIONS,
  DENIALS,
  JOBS,
  WORKERS,
  ORDERS,
  RECOVERIES,
  PROGRESS,
  SELECTIONS,
  RIGHTS,
  SCHEMAS,
  VANISHED,
  ASSIGNMENTS,
  LIVE,
  LANES,
  REPORTS,
] as const;

/** What is never made anew in a fleet that exists: an empty one would read as the order to copy nothing. */
export const LASTING_PATHS = [ROUTES, TOPICS, EXCLUSIONS, WORKERS, ORDERS, PROGRESS, ASSIGNMENTS] as const;

/** A topic name as one path segment: `.` and `..` are illegal topics and every other legal name is a legal segment. */
export const controllerPath = (id: string): string => `${CONTROLLERS}/${id}`;
export const routePath = (route: string): string => `${ROUTES}/${route}`;
export const topicsPath = (route: string): string => `${TOPICS}/${route}`;
export const topicPath = (route: string, topic: string): string => `${TOPICS}/${route}/${topic}`;
export const exclusionRoutePath = (route: string): string => `${EXCLUSIONS}/${route}`;
export const exclusionPath = (route: string, topic: string): string => `${EXCLUSIONS}/${route}/${topic}`;
export const denialRoutePath = (route: string): string => `${DENIALS}/${route}`;
export const denialPath = (route: string, topic: string): string => `${DENIALS}/${route}/${topic}`;
export const selectionPath = (route: string): string => `${SELECTIONS}/${route}`;
export const vanishedPath = (route: string): string => `${VANISHED}/${route}`;
export const schemasPath = (route: string): string => `${SCHEMAS}/${route}`;
export const rightsPath = (route: string): string => `${RIGHTS}/${route}`;
export const jobPath = (id: string): string => `${JOBS}/${id}`;
export const workerOrderPath = (worker: string): string => `${WORKERS}/${worker}`;
export const freezePath = `${ORDERS}/${FREEZE}`;
export const recoveryPath = (id: string): string => `${RECOVERIES}/${id}`;
export const progressRoutePath = (route: string): string => `${PROGRESS}/${route}`;
export const progressPath = (route: string, topic: string): string => `${PROGRESS}/${route}/${topic}`;
export const assignmentPath = (worker: string): string => `${ASSIGNMENTS}/${worker}`;
export const assignmentPartPath = (worker: string, part: number): string => `${ASSIGNMENTS}/${worker}/p${part}`;
export const livePath = (worker: string): string => `${LIVE}/${worker}`;
export const lanePath = (transactionalId: string): string => `${LANES}/${transactionalId}`;
export const reportPath = (worker: string): string => `${REPORTS}/${worker}`;
