import { CausewayError } from '../../common/errors/error.js';
import type { AclBinding } from '../../common/model/acl.js';
import type { ClusterRights } from '../metadata/acls/ports.js';
import type { Rights } from './ports.js';

/** Denials to write, by the same hand that keeps ACLs in step. */
export class RecoveryRights implements Rights {
  readonly #rights: Pick<ClusterRights, 'acls' | 'createAcls' | 'deleteAcls'>;

  constructor(rights: Pick<ClusterRights, 'acls' | 'createAcls' | 'deleteAcls'>) {
    this.#rights = rights;
  }

  async add(cluster: string, bindings: readonly AclBinding[]): Promise<void> {
    await this.list(cluster);
    raise(await this.#rights.createAcls(cluster, bindings));
  }

  async remove(cluster: string, bindings: readonly AclBinding[]): Promise<void> {
    raise(await this.#rights.deleteAcls(cluster, bindings));
  }

  async list(cluster: string): Promise<readonly AclBinding[]> {
    const found = await this.#rights.acls(cluster, ['topic']);
    if (found !== undefined) return found;
    throw new CausewayError(
      'CLUSTER_RIGHTS_MISSING',
      'the cluster has no authorizer: nobody can be denied to write there',
      {
        place: { cluster },
        fix: 'Order it without fencePrincipals and readOnlySource, and stop the producers.',
      },
    );
  }
}

function raise(outcomes: readonly (Error | undefined)[]): void {
  const fault = outcomes.find((outcome) => outcome !== undefined);
  if (fault !== undefined) throw fault;
}
