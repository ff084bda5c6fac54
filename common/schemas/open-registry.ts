import { ApicurioClient, isApicurio } from './apicurio-client.js';
import { RegistryClient } from './registry-client.js';
import type { RegistryClientOptions } from './registry-transport.js';

/** The client that suits a cluster's registry. */
export function openRegistry(options: RegistryClientOptions): RegistryClient {
  return isApicurio(options.connection.url) ? new ApicurioClient(options) : new RegistryClient(options);
}
