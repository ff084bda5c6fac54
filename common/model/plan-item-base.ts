/** What every item of a plan has. */
export interface PlanItemBase {
  /** What it takes to make the target as it should be; `report`: nothing is ever done about it, somebody should know. */
  readonly action: 'create' | 'change' | 'delete' | 'report';
  /** Where: a cluster's name. */
  readonly cluster: string;
  /** What is there now, and what would be; null: nothing. For people, and for telling plans apart. */
  readonly before: string | null;
  readonly after: string | null;
  readonly reason: string;
  /** Whether `apply` does it. */
  readonly applies: boolean;
}
