/** Metric names are an interface: never renamed, only added. `docs/metrics.md` is checked against this catalogue. */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in seconds. */
  readonly buckets?: readonly number[];
}

const counter = (help: string, ...labels: string[]): MetricSpec => ({ type: 'counter', help, labels });
const gauge = (help: string, ...labels: string[]): MetricSpec => ({ type: 'gauge', help, labels });
const histogram = (help: string, buckets: readonly number[], ...labels: string[]): MetricSpec => ({
  type: 'histogram',
  help,
  labels,
  buckets,
});

const HTTP_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];
const LOOP_BUCKETS = [0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

export const METRICS = {
  causeway_build_info: gauge('Always 1; what runs here', 'version', 'role', 'node'),
  // worker
  causeway_records_copied_total: counter('Records acknowledged by the target', 'route', 'topic'),
  causeway_bytes_copied_total: counter('Batch bytes acknowledged by the target', 'route', 'topic'),
  causeway_lag_records: gauge('Records at the source not yet copied', 'route', 'topic'),
  causeway_lag_seconds: gauge('Age of the oldest record not yet copied, estimated', 'route', 'topic'),
  causeway_inflight_bytes: gauge('Bytes fetched or being fetched and not yet acknowledged'),
  causeway_batches_total: counter('Batches by how they passed: raw, or decoded or skipped and why', 'how', 'reason'),
  causeway_partitions: gauge('Partitions of this worker by state', 'route', 'state'),
  causeway_partitions_stalled: gauge(
    'Partitions of this worker that have something to do and do not move, by what blocks them (stalls.md)',
    'route',
    'cause',
  ),
  causeway_partition_stalls_total: counter('Times that a partition stalled, by what blocked it', 'route', 'cause'),
  causeway_watchdog_kicks_total: counter(
    'Partitions that were pushed because nothing blocked them and nothing moved; more than 0 is a bug of ours',
    'route',
    'cause',
  ),
  causeway_assigned_partitions: gauge('Partitions assigned to this worker'),
  causeway_assignment_generation: gauge('Generation of the assignment applied'),
  causeway_lanes: gauge('Producer identities in use', 'target'),
  causeway_transactions_total: counter(
    'Transactions of transactional routes that ended at the target; what was aborted is copied again',
    'target',
    'outcome',
  ),
  causeway_job_offsets_left: gauge(
    'Source offsets of a job under way that are not settled yet, as written down every ten seconds; told by the leader',
    'job',
  ),
  causeway_jobs_done_total: counter('Jobs that this controller saw reach their ends while it led'),
  causeway_drift_items: gauge(
    'Differences between the ends of a route’s topics, by what differs (metadata.md); told by the leader',
    'route',
    'kind',
  ),
  causeway_sync_changes_total: counter(
    'Changes of topics and configs made at the target by the leader itself: done, or failed',
    'route',
    'kind',
    'outcome',
  ),
  causeway_source_topics_gone: gauge('Source topics of the route that are gone while their copy is there', 'route'),
  causeway_deletions_held: gauge(
    'Source topics gone at once, more than topicSync.deletion lets the leader follow by itself',
    'route',
  ),
  causeway_rights_drift: gauge(
    'ACLs, quotas and users in which the target differs and that nothing is done about by itself',
    'route',
    'part',
  ),
  causeway_rights_changes_total: counter(
    'ACLs created and removed, quotas set or removed at the target',
    'route',
    'change',
  ),
  causeway_schema_drift: gauge('Differences between the schema registries of a route’s clusters', 'route'),
  causeway_schema_changes_total: counter(
    'Schemas registered and deleted, levels set at the target’s registry',
    'route',
  ),
  causeway_schema_failures_total: counter('Rounds over a route’s schema registries that failed', 'route', 'code'),
  causeway_rights_failures_total: counter(
    'Rounds in which rights, quotas or users could not be compared',
    'route',
    'part',
  ),
  causeway_broker_connections_total: counter(
    'Connections opened to brokers; all but the first to each are reconnects',
    'cluster',
  ),
  causeway_throttle_ms_total: counter(
    'Milliseconds for which brokers throttled connections (quotas)',
    'cluster',
    'side',
  ),
  causeway_partition_errors_total: counter('Faults of single partitions', 'code'),
  causeway_gap_records_total: counter('Source records left out and declared as gaps', 'route', 'reason'),
  causeway_gaps_declared_total: counter(
    'Ranges declared in the gap topic, by kind (gap: not at the target, diverged: not at the source any more, recopied: copied again) and cause',
    'route',
    'kind',
    'reason',
  ),
  causeway_rule_records_total: counter(
    'Records that a rule of the route concerned, by what it did to them; outcome returned, without a rule: not copied because they come from the target. What is read again after an aborted transaction counts again',
    'route',
    'rule',
    'outcome',
  ),
  causeway_produce_duplicates_total: counter('Produce requests the target recognised as repeats', 'route'),
  causeway_checkpoint_commits_total: counter('Checkpoint commits', 'outcome'),
  causeway_offset_map_runs_total: counter('Closed runs written into the offset map topic', 'outcome'),
  causeway_limit_wait_seconds_total: counter(
    'Time that rate limits held partitions of the route back, summed over threads',
    'route',
    'by',
  ),
  causeway_thread_utilization: gauge('Share of the last second the data thread was busy, 0 to 1', 'thread'),
  causeway_thread_loop_delay_seconds: gauge('Longest the data thread’s loop was late in the last second', 'thread'),
  causeway_thread_partitions: gauge('Partitions the data thread holds', 'thread'),
  causeway_thread_moves_total: counter('Partitions moved between the data threads of this worker'),
  causeway_thread_restarts_total: counter('Data threads started again after a failure'),
  // controller
  causeway_leader: gauge('1 on the controller that leads'),
  causeway_leader_epoch: gauge('Epoch of the latest reign this controller knows of'),
  causeway_store_alarms: gauge('What is wrong with the store itself and needs a human: wiped, restored, damaged nodes'),
  causeway_fenced_writes_total: counter('Writes refused because another reign had begun'),
  causeway_lane_fences_total: counter(
    'Lanes of exactly-once routes fenced, by how: at the target, or only waited for because the target did not let itself be asked',
    'target',
    'way',
  ),
  causeway_delivery_proven: gauge(
    '1 where the target of an exactly-once route has shown that it refuses what a fenced producer sends, else 0',
    'target',
  ),
  causeway_reconcile_seconds: histogram('One full compare of desired and actual', LOOP_BUCKETS),
  causeway_reconcile_errors_total: counter('Compares that failed', 'code'),
  causeway_assignment_moves_total: counter('Partitions given to a worker', 'reason'),
  causeway_leader_work_failures_total: counter(
    'What the leader does beside assigning partitions failed and was begun again',
    'work',
  ),
  causeway_mm2_records_total: counter('Records written to MirrorMaker 2’s own topics', 'route', 'part'),
  causeway_mm2_failures_total: counter('Turns of writing MirrorMaker 2’s own topics that failed', 'route', 'part'),
  causeway_rpo_records: gauge(
    'Records that a loss of the route’s source would cost now, over all its topics; told by the leader while it knows',
    'route',
  ),
  causeway_rpo_seconds: gauge('Age of the oldest of them', 'route'),
  causeway_recovery_steps_total: counter(
    'Steps of recovery programs that ended: done, skipped or failed (recovery.md)',
    'kind',
    'step',
    'outcome',
  ),
  causeway_group_sync_age_seconds: gauge(
    'Since when a consumer group has positions at the source that its target does not follow',
    'route',
    'group',
  ),
  causeway_groups: gauge('Consumer groups of a route by what became of them in the latest pass', 'route', 'verdict'),
  causeway_group_offsets_written_total: counter('Positions of consumer groups written to the target', 'route'),
  causeway_group_sync_failures_total: counter('Passes over a route’s consumer groups that failed', 'route', 'code'),
  causeway_topics_selected_total: counter('Topics that a route’s selection took up', 'route'),
  causeway_worker_load_bytes: gauge(
    'What the worker carries as the planner sees it, in bytes a second; each record counts as 64 more',
    'worker',
  ),
  causeway_expected_workers: gauge('Workers of capacity 1 that loads and partitions ask for; for autoscalers'),
  causeway_frozen: gauge('1 while an operator’s order keeps every partition where it is'),
  causeway_assignment_bytes: gauge('Size of the largest assignment node'),
  causeway_desired_partitions: gauge('Partitions that should be mirrored', 'route'),
  causeway_unassigned_partitions: gauge('Partitions that should be mirrored and are with no worker', 'route'),
  causeway_live_workers: gauge('Workers that are alive'),
  // both
  causeway_coordination_sessions_total: counter('Coordination sessions begun; all but the first are re-connections'),
  causeway_coordination_connected: gauge('1 while the coordination service answers'),
  causeway_http_request_seconds: histogram('HTTP requests', HTTP_BUCKETS, 'method', 'pattern', 'status'),
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;
