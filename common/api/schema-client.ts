import { type RestTransport, routeUrl } from './rest-transport.js';
import type {
  SchemaPromoteBody,
  SchemaPromoteView,
  SchemaSyncBody,
  SchemaSyncView,
  SchemasView,
} from './schema-shapes.js';

/** Schema registries of routes over REST. */
export class SchemaClient {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  /** @throws REGISTRY_MISSING, REGISTRY_UNREACHABLE, REGISTRY_REFUSED, INVALID_REQUEST */
  read(route: string): Promise<SchemasView> {
    return this.#transport.json('GET', `${routeUrl(route)}/schemas`);
  }

  /** @throws SCHEMA_CONFLICT, and as `read` */
  sync(route: string, body: SchemaSyncBody): Promise<SchemaSyncView> {
    return this.#transport.json('POST', `${routeUrl(route)}/schemas/sync`, { body });
  }

  promote(route: string, body: SchemaPromoteBody): Promise<SchemaPromoteView> {
    return this.#transport.json('POST', `${routeUrl(route)}/schemas/promote`, { body });
  }
}
