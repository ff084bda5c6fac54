import { CausewayClient } from '../../common/api/client.js';
import { GroupClient } from '../../common/api/group-client.js';
import type { GroupList, GroupSyncBody, GroupSyncView, GroupView } from '../../common/api/group-shapes.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeController } from '../../common/coordination/records/control.js';
import { LEADER } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import { compareText } from '../core/text-order.js';
import { cursorAfter } from '../rest/paging.js';
import type { GroupSyncs } from './group-syncs.js';
import type { GroupSyncOptions, GroupSyncResult } from './ports.js';
import type { GroupReport } from './route-groups.js';

/** As long as a pass over many groups may take. */
const TIMEOUT_MS = 25_000;
/** Positions in one answer. */
const MAX_POSITIONS = 20_000;

export interface GroupServiceOptions {
  readonly store: Pick<CoordinationStore, 'get'>;
  readonly syncs: GroupSyncs;
  readonly token: string | undefined;
}

/** Page of groups, as asked for. */
export interface GroupPage {
  readonly group?: string;
  readonly limit?: string;
  readonly cursor?: string;
}

/** Groups are known to the leader alone: answered here where this controller leads, else by asking the leader. */
export class GroupService {
  readonly #options: GroupServiceOptions;

  constructor(options: GroupServiceOptions) {
    this.#options = options;
  }

  /** @throws ROUTE_UNKNOWN, NO_LEADER; CLUSTER_UNREACHABLE and the like */
  async list(
    route: string,
    page: GroupPage,
    own: boolean,
    cut: (names: readonly string[]) => { readonly names: readonly string[]; readonly next: string | null },
  ): Promise<GroupList> {
    const { syncs } = this.#options;
    if (!syncs.isLeading) {
      const { limit, cursor, group } = page;
      const query = {
        ...(limit === undefined ? {} : { limit: Number(limit) }),
        ...(cursor === undefined ? {} : { cursor }),
        ...(group === undefined ? {} : { group }),
      };
      return await (await this.#leader(own)).list(route, { ...query, own: true });
    }
    const report = await syncs.report(route);
    const groups = groupViews(report);
    const named = page.group === undefined ? groups : groups.filter(({ group }) => group === page.group);
    const { names, next } = cut(named.map(({ group }) => group));
    const asked = new Set(names);
    const shown = firstOf(named.filter(({ group }) => asked.has(group)));
    const last = shown.at(-1);
    const isCut = last !== undefined && shown.length < names.length;
    return { ...headOf(route, report), groups: shown, next: isCut ? cursorAfter(last.group) : next };
  }

  /** @throws as `list` */
  async sync(route: string, body: GroupSyncBody, own: boolean): Promise<GroupSyncView> {
    const { syncs } = this.#options;
    if (!syncs.isLeading) return await (await this.#leader(own)).sync(route, body, { own: true });
    const { groups: named, takeover = false, allowRewind, dryRun = false } = body;
    const options: GroupSyncOptions = {
      takeover,
      dryRun,
      ...(named === undefined ? {} : { groups: named }),
      ...(allowRewind === undefined ? {} : { allowRewind }),
    };
    const report = await syncs.syncNow(route, options);
    const groups = groupViews(report);
    const shown = firstOf(groups);
    return { ...headOf(route, report), groups: shown, dryRun, truncated: shown.length < groups.length };
  }

  async #leader(own: boolean): Promise<GroupClient> {
    const node = own ? undefined : await this.#options.store.get(LEADER);
    if (node === undefined) {
      throw new CausewayError('NO_LEADER', 'this controller does not lead', {
        fix: 'Ask the leader; GET /api/v1/status names it.',
      });
    }
    const { token } = this.#options;
    const baseUrl = decodeController(node.data, LEADER).http;
    const client = new CausewayClient({ baseUrl, timeoutMs: TIMEOUT_MS, ...(token === undefined ? {} : { token }) });
    return new GroupClient(client.transport);
  }
}

/** As many whole groups as an answer may hold; one at least. */
function firstOf(groups: readonly GroupView[]): GroupView[] {
  let positions = 0;
  const fits = groups.findIndex((group, index) => {
    positions += group.positions.length;
    return index > 0 && positions > MAX_POSITIONS;
  });
  return groups.slice(0, fits < 0 ? groups.length : fits);
}

function headOf(route: string, { atMs, results, failed }: GroupReport): Omit<GroupList, 'groups' | 'next'> {
  const of = (kind: string): number => results.filter(({ verdict }) => verdict.kind === kind).length;
  const names = new Set([...results.map(({ group }) => group), ...failed.keys()]);
  const rereads = results.reduce((sum, result) => sum + (result.rereads ?? 0n), 0n);
  return {
    route,
    at: new Date(atMs).toISOString(),
    counts: {
      groups: names.size,
      positions: results.length,
      written: of('write'),
      kept: of('keep'),
      refused: of('refuse'),
      rereads: String(rereads),
    },
  };
}

function groupViews({ results, failed }: GroupReport): GroupView[] {
  const views = new Map<string, GroupView>();
  for (const [group, fault] of failed) views.set(group, { group, targetGroup: group, fault, positions: [] });
  for (const result of results) {
    const { group, targetGroup } = result;
    let view = views.get(group);
    if (view === undefined) {
      view = { group, targetGroup, fault: null, positions: [] };
      views.set(group, view);
    }
    view.positions.push(positionView(result));
  }
  for (const { positions } of views.values()) {
    positions.sort((a, b) => compareText(a.topic, b.topic) || a.partition - b.partition);
  }
  return [...views.values()].sort((a, b) => compareText(a.group, b.group));
}

function positionView(result: GroupSyncResult): GroupView['positions'][number] {
  const { topic, partition, targetTopic, sourceOffset, translated, quality, targetOffset, verdict, detail, rereads } =
    result;
  const text = (value: bigint | null): string | null => (value === null ? null : String(value));
  return {
    ...{ topic, partition, targetTopic, quality, detail },
    sourceOffset: String(sourceOffset),
    translated: text(translated),
    targetOffset: text(targetOffset),
    verdict: verdict.kind,
    reason: verdict.reason,
    rereads: text(rereads),
  };
}
