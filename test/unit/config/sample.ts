/** A configuration that uses every key of the ZooKeeper form; the secrets' twins and the embedded form are in the tests' own texts. */
export const FULL_CONFIG = `fleet: prod
coordination:
  type: zookeeper
  zookeeper:
    connect: zk1:2181,zk2:2181
    root: /causeway
    sessionTimeoutMs: 6000
    digest: causeway:secret
clusters:
  east:
    bootstrap: [east1:9092, "[fd00::1]:9092"]
    tls:
      serverName: kafka.east
      insecure: true
      passphrase: open
    sasl:
      mechanism: scram-sha-512
      username: causeway
      password: secret
    rack: zone-a
    zone: a
    connectTimeoutMs: 10000
    requestTimeoutMs: 30000
    schemaRegistry:
      url: https://schemas.east:8081
      username: causeway
      password: secret
      requestTimeoutMs: 5000
  west:
    bootstrap: [west1:9092]
    sasl:
      mechanism: oauthbearer
      tokenEndpoint:
        url: https://issuer.example/token
        clientId: causeway
        clientSecret: hidden
        scope: kafka
routes:
  east-west:
    source: east
    target: west
    naming:
      policy: default
      separator: "."
    delivery: transactional
    start: latest
    isolation: read_uncommitted
    targetTopics:
      create: true
      replicationFactor: 3
      shared: false
    compression: zstd
    coalesceBelowBytes: 16384
    onRefusedRecord: dead-letter
    deadLetterTopic: refused
    continuity:
      sourceRecreated: restart
      sourceDeleted: stop
      sourceTruncated: continue
      retentionOverrun: pause
      targetRecreated: continue
      targetTruncated: continue
    limits:
      bytesPerS: 1000000
      recordsPerS: 1000
    zones: [a, b]
    selection:
      include: ["orders[.].*"]
      exclude: [".*-tmp"]
      targetMustExist: false
      onUnmatched: stop
    rules:
      onUnreadable: dead-letter
      avro: { key: string, value: long }
      list:
        - name: hide
          when: { on: header, name: tenant, equals: acme }
          action: { do: hash, fields: [customer.mail], hmac: pii }
    partitionMapping:
      to: modulo
      partitions: 4
    provenance: true
    groups:
      include: ["team-.*"]
      exclude: ["team-x-.*"]
      intervalMs: 2000
      renames: [{ match: "team-(.*)", replacement: "dr-$1" }]
      allowRewind: true
      beforeMirror: earliest
      untranslatable: timestamp
    mm2:
      heartbeats: both
      heartbeatIntervalMs: 1000
      checkpoints: true
      checkpointIntervalMs: 5000
      offsetSyncs: source
      offsetLagMax: 10
      offsetSyncIntervalMs: 2000
      replicationFactor: 2
    acls:
      mode: mirror
      topics: true
      groups: false
      write: copy
      wildcard: copy
      principals:
        map: [{ match: "User:(.*)@east", to: "User:$1" }]
        exclude: ["User:admin"]
      remove: scope
      maxRemovals: 20
      maxRemovalsPercent: 10
      intervalMs: 30000
    schemaIds:
      keys: true
      values: true
      register: true
    quotas: sync
    users: report
    schemas:
      mode: report
      subjects:
        include: ["orders-.*"]
        exclude: [".*-tmp"]
      context: east
      topic: _schemas
      intervalMs: 30000
    metadata: manual
    topicSync:
      configs:
        mode: report
        include: ["retention[.].*", "cleanup[.]policy"]
        exclude: ["retention[.]bytes"]
        useDefaultsFrom: source
        intervalMs: 30000
      deletion:
        policy: delete
        delayMs: 3600000
        maxTopics: 5
        maxPercent: 10
controller:
  id: c1
  http:
    host: 0.0.0.0
    port: 9090
    advertised: c1.example:9090
    token: 0123456789abcdef
  takeoverDelayMs: 2000
  handoffTimeoutMs: 10000
  reconcileIntervalMs: 5000
  metadataIntervalMs: 2000
  legacyRoute: east-west
  deny: ["secret[.].*"]
  planner:
    maxActiveWorkers: 0
    maxMovesPerRound: 500
    maxLoadMovesPerRound: 20
    loadTolerance: 0.2
    loadFloorBytesPerS: 1048576
    loadIntervalMs: 10000
    settleMs: 60000
    moveCooldownMs: 600000
    workerBytesPerS: 50000000
    workerPartitions: 2000
    stuckAfterMs: 180000
worker:
  id: w1
  http:
    host: 127.0.0.1
    port: 9091
    advertised: w1.example:9091
    token: fedcba9876543210
  zone: a
  capacity: 2
  standby: false
  routes: [east-west]
  threads: 2
  maxInflightBytes: 268435456
  fetchMaxBytes: 16777216
  fetchMaxPartitionBytes: 1048576
  fetchMaxWaitMs: 500
  fetchConnections: 1
  limits:
    bytesPerS: 50000000
    recordsPerS: 50000
  produceConnections: 2
  crcCheckEvery: 100
  checkpointIntervalMs: 1000
  checkpointRefreshMs: 600000
  stallAfterMs: 25000
  onCoordinationLoss: stop
  shutdownTimeoutMs: 20000
ruleSecrets:
  pii:
    secret: known-to-every-worker
recovery:
  hooks:
    dns:
      when: after
      step: groups
      kinds: [failover, switchover]
      url: https://dns.example/point
      secret: sixteen-letters-or-more
      token: let-me-in
      timeoutMs: 5000
      retries: 3
      onFailure: continue
    proxies:
      step: stop
      command: [/usr/local/bin/repoint, --all]
logging:
  level: info
`;

export const SMALL_CONFIG = `coordination:
  type: embedded
  embedded:
    dir: state
clusters:
  a:
    bootstrap: [localhost:9092]
  b:
    bootstrap: [localhost:9093]
`;
