import type { Command } from 'commander';

const ROLES = {
  controller: 'run a controller: plans who copies what, and serves REST',
  worker: 'run a worker: copies the partitions it is assigned',
  standalone: 'run a controller and a worker in one process, for one machine',
} as const;

/** `causeway controller|worker|standalone -c file.yaml`. Each role's code is loaded only when it runs. */
export function addRunCommands(program: Command): void {
  for (const [role, description] of Object.entries(ROLES)) {
    program
      .command(role)
      .description(description)
      .requiredOption('-c, --config <file>', 'the configuration file')
      .action((options: { readonly config: string }) => start(role as keyof typeof ROLES, options.config));
  }
}

async function start(role: keyof typeof ROLES, file: string): Promise<void> {
  switch (role) {
    case 'controller':
      return (await import('../run/controller.js')).runController(file);
    case 'worker':
      return (await import('../run/worker.js')).runWorker(file);
    case 'standalone':
      return (await import('../run/standalone.js')).runStandalone(file);
  }
}
