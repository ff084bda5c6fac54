import type { LocationView, MapSummaries, MapView, RebuildView, TranslationList } from './offset-shapes.js';
import { type RestTransport, topicUrl } from './rest-transport.js';

/** A position to translate, or many of them. */
export type TranslateQuery =
  | { readonly partition: number; readonly offset: string }
  | { readonly group: string }
  | { readonly timestamp: number; readonly partition?: number };

/** Where copies of records lie, over the transport of a client. */
export class OffsetClient {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  translate(route: string, topic: string, query: TranslateQuery): Promise<TranslationList> {
    return this.#transport.json('GET', `${offsetsUrl(route, topic)}/translate`, { query: { ...query } });
  }

  inverse(route: string, topic: string, partition: number, offset: string): Promise<TranslationList> {
    return this.#transport.json('GET', `${offsetsUrl(route, topic)}/inverse`, { query: { partition, offset } });
  }

  locate(route: string, topic: string, partition: number, offset: string): Promise<LocationView> {
    return this.#transport.json('GET', `${offsetsUrl(route, topic)}/locate`, { query: { partition, offset } });
  }

  rebuild(route: string, topic: string): Promise<RebuildView> {
    return this.#transport.json('POST', `${offsetsUrl(route, topic)}/rebuild`);
  }

  maps(route: string, topic: string): Promise<MapSummaries> {
    return this.#transport.json('GET', `${offsetsUrl(route, topic)}/map`);
  }

  map(
    route: string,
    topic: string,
    partition: number,
    page: { readonly limit?: number; readonly cursor?: string } = {},
  ): Promise<MapView> {
    return this.#transport.json('GET', `${offsetsUrl(route, topic)}/map/${partition}`, { query: { ...page } });
  }
}

function offsetsUrl(route: string, topic: string): string {
  return `${topicUrl(route, topic)}/offsets`;
}
