/** The brokers that lead a partition at both ends, as names that differ between clusters; none: not known. */
export type BrokersOf = (key: string) => readonly string[];

/** A worker that may be given partitions. */
export interface PlanWorker {
  readonly worker: string;
  /** Relative share of the load; > 0. */
  readonly capacity: number;
}

/** Why a partition is with nobody. `moving`: it is on its way from one living worker to another. */
export type Homeless = 'new' | 'left' | 'drained' | 'died' | 'moving';

/**
 * Why a partition goes to a worker. `new`, `left`, `drained`, `died`: it had none, or its worker gives everything up ·
 * `joined`: for a worker that has little yet · `balance`: its worker has more partitions than its share ·
 * `load`: its worker carries more bytes and records than its share · `stuck`: it stands still where its neighbours move ·
 * `zone`, `dedicated`: its route belongs to other workers.
 */
export type MoveReason = Exclude<Homeless, 'moving'> | 'joined' | 'balance' | 'load' | 'stuck' | 'zone' | 'dedicated';

export interface PlanPartition {
  /** Unique over the fleet. */
  readonly key: string;
  /** What is spread over the workers: the partitions of one topic of one route. */
  readonly topic: string;
  /**
   * The worker that has it and may keep it, or why it has none. `stays`: it is not planned with, it stays there whatever the shares are.
   */
  readonly at: { readonly owner: string; readonly stays?: true } | { readonly homeless: Homeless };
  /** The worker it was with, or was promised to: it goes there if that worker has room. */
  readonly prefers?: string;
  /** The worker it was with until now, for the record of the move. */
  readonly from?: string;
  /** Why it began to move, where that is known. */
  readonly why?: MoveReason;
  /** What it costs its worker (`load.ts`); absent: not measured yet, it counts as the average. */
  readonly load?: number;
  /** It moved lately: nothing but need moves it again. */
  readonly rests?: boolean;
  /** It stands still, and its worker's others do not. */
  readonly stuck?: boolean;
  /** Its worker still looks for its position, or waits to try again: to move it would only begin that anew. Need moves it all the same. */
  readonly begins?: boolean;
  /** Name of the pool of workers that may have it; absent: all may. */
  readonly pool?: string;
}

/** Which workers some partitions are for. */
export interface PlanPool {
  readonly workers: readonly string[];
  /** What is said when a partition has to move because of it. */
  readonly reason: 'zone' | 'dedicated';
}

export interface LoadPolicy {
  /** Load moves begin when a worker has this share more than its part of the load (0.2: a fifth), and go on until it is half of that. */
  readonly tolerance: number;
  /** Differences below this, per unit of capacity, are not worth a move; in units of load. */
  readonly floor: number;
  /** Load and stuck moves of this round; 0: measured loads only decide where homeless partitions go. */
  readonly maxMoves: number;
}

export interface PlanInput {
  readonly workers: readonly PlanWorker[];
  readonly partitions: readonly PlanPartition[];
  /** Moves between living workers of this round, of whatever reason; the rest follows in later rounds. */
  readonly maxBalanceMoves: number;
  /** Absent: partitions are only counted. */
  readonly load?: LoadPolicy;
  /** By name. A pool none of whose workers is there is no pool: its partitions may be anywhere. */
  readonly pools?: ReadonlyMap<string, PlanPool>;
  /** Absent: which broker leads a partition decides nothing. */
  readonly brokersOf?: BrokersOf;
}

export interface Move {
  readonly key: string;
  readonly from: string | undefined;
  readonly to: string;
  readonly reason: MoveReason;
}

/** One worker's part in a plan, as it is once the plan is carried out. */
export interface WorkerShare {
  readonly worker: string;
  readonly partitions: number;
  /** Sum of its partitions' loads; null where partitions were only counted. */
  readonly load: number | null;
  /** What it would be were the load dealt out by capacity; null as above. */
  readonly fairLoad: number | null;
}

export interface Plan {
  /** Partition key -> worker. Partitions without a worker are absent. */
  readonly owners: ReadonlyMap<string, string>;
  readonly moves: readonly Move[];
  readonly unassigned: readonly string[];
  readonly shares: readonly WorkerShare[];
}
