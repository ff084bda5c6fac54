// Who may import whom (docs/DESIGN.md has the reasons). `npm run borders` checks it; type-only imports count as well.
const product = '^(common|controller|worker|cli|ui)/';
// Only what starts a process may see the composition roots.
const processStarters = '^cli/(main\\.ts|run/|commands/(run|controller|worker|standalone)[^/]*\\.ts)';

/** Allows an npm package in one place only. */
function onlyIn(name, place) {
  return {
    name: `${name}-in-one-place`,
    comment: `${name} is imported by ${place} alone; everybody else uses what that offers.`,
    severity: 'error',
    from: { path: product, pathNot: place },
    to: { path: `(^|/)node_modules/${name}/` },
  };
}

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'common-is-the-ground',
      comment: 'common/ imports nothing above it.',
      severity: 'error',
      from: { path: '^common/' },
      to: { path: '^(controller|worker|cli|ui)/' },
    },
    {
      name: 'controller-not-worker',
      comment: 'They meet in the records of the coordination store alone.',
      severity: 'error',
      from: { path: '^controller/' },
      to: { path: '^(worker|cli|ui)/' },
    },
    {
      name: 'worker-not-controller',
      comment: 'They meet in the records of the coordination store alone.',
      severity: 'error',
      from: { path: '^worker/' },
      to: { path: '^(controller|cli|ui)/' },
    },
    {
      name: 'cores-are-pure',
      comment:
        'A core takes values and returns values: no clock, socket, logger or npm package. A record batch is a value too: its layout may be known.',
      severity: 'error',
      from: { path: '^(controller|worker)/core/' },
      to: {
        pathNot: [
          '^$1/core/',
          '^common/(model|errors)/',
          '^common/kafka/wire/records/(batch-header|batch-scan|crc-delta|record-cursor)\\.ts$',
        ],
      },
    },
    {
      name: 'models-are-values',
      comment: 'node:crypto for digests only, which are pure functions, as operators’ patterns are.',
      severity: 'error',
      from: { path: '^common/(model|errors)/' },
      to: { pathNot: '^(common/(model|errors|patterns)/|crypto$)' },
    },
    {
      name: 'rules-are-pure',
      comment: 'Rules decide about records by values alone; who reads a record again decides the same.',
      severity: 'error',
      from: { path: '^common/rules/' },
      to: { pathNot: '^(common/(rules|avro|model|errors|patterns)/|crypto$)' },
    },
    {
      name: 'avro-is-pure',
      comment: 'Schemas and bytes in, values and bytes out.',
      severity: 'error',
      from: { path: '^common/avro/' },
      to: { pathNot: '^(common/(avro|errors|model)/|node_modules/avsc/)' },
    },
    {
      name: 'cli-speaks-rest',
      comment: 'A command talks to a controller over REST.',
      severity: 'error',
      from: { path: '^cli/', pathNot: processStarters },
      to: { path: '^(common|controller|worker|ui)/', pathNot: '^common/(api|config|errors|model|process)/' },
    },
    {
      name: 'cli-starts-processes-through-app',
      severity: 'error',
      from: { path: processStarters },
      to: { path: '^(controller|worker)/', pathNot: '^(controller|worker)/app\\.ts$' },
    },
    {
      name: 'ui-speaks-rest',
      severity: 'error',
      from: { path: '^ui/' },
      to: { path: '^(common|controller|worker|cli)/', pathNot: '^common/api/' },
    },
    {
      name: 'stores-are-chosen-by-app',
      comment: 'Only a composition root picks the coordination store; all others know the port.',
      severity: 'error',
      from: { path: '^(controller|worker|common/(?!coordination/))', pathNot: '^(controller|worker)/app\\.ts$' },
      // The form of a connect string is a matter of configuration too.
      to: {
        path: '^common/coordination/(zookeeper|embedded)/',
        pathNot: '^common/coordination/zookeeper/connect-string\\.ts$',
      },
    },
    onlyIn('node-zookeeper-client', '^common/coordination/zookeeper/'),
    onlyIn('kafkajs', '^common/kafka/admin/'),
    onlyIn('prom-client', '^common/observability/metrics\\.ts$'),
    onlyIn('avsc', '^common/avro/'),
    onlyIn('re2js', '^common/patterns/'),
    onlyIn('pino', '^common/observability/logger\\.ts$'),
    {
      name: 'product-needs-no-tests',
      severity: 'error',
      from: { path: product },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'product-needs-no-dev-dependency',
      severity: 'error',
      from: { path: product, pathNot: '^ui/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'], pathNot: 'node_modules/@types/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
