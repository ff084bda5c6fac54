// The wire records of node-zookeeper-client 1.1.3, as far as the wrapper uses them; @types/node-zookeeper-client does not cover them.
declare module 'node-zookeeper-client/lib/jute/index.js' {
  export interface Stat {
    readonly czxid: Buffer;
    readonly version: number;
    readonly ephemeralOwner: Buffer;
  }
  export interface RecordBase {
    byteLength(): number;
    deserialize(buffer: Buffer, offset: number): number;
  }
  export class RequestHeader {
    xid: number;
    type: number;
  }
  export class Request {
    constructor(header: RequestHeader | null, payload: RecordBase | null);
    readonly header: RequestHeader;
    readonly payload: RecordBase | null;
    toBuffer(): Buffer;
  }
  export interface AclRecord {
    readonly perms: number;
  }
  export type TransactionOp =
    | { type: number; path: string; version: number }
    | { type: number; path: string; data: Buffer; version: number }
    | { type: number; path: string; data: Buffer; acls: readonly { toRecord(): AclRecord }[]; mode: number };
  interface Jute {
    readonly OP_CODES: Readonly<
      Record<
        | 'CREATE'
        | 'DELETE'
        | 'EXISTS'
        | 'GET_DATA'
        | 'SET_DATA'
        | 'GET_ACL'
        | 'SYNC'
        | 'GET_CHILDREN2'
        | 'CHECK'
        | 'MULTI'
        | 'AUTH'
        | 'CLOSE_SESSION'
        | 'ERROR',
        number
      >
    >;
    readonly XID_AUTHENTICATION: number;
    readonly Request: typeof Request;
    readonly TransactionRequest: new (ops: readonly TransactionOp[]) => RecordBase;
    readonly protocol: {
      readonly RequestHeader: new (xid?: number, type?: number) => RequestHeader;
      readonly CreateRequest: new (path: string, data: Buffer, acl: readonly AclRecord[], flags: number) => RecordBase;
      readonly DeleteRequest: new (path: string, version: number) => RecordBase;
      readonly ExistsRequest: new (path: string, watch: boolean) => RecordBase;
      readonly GetDataRequest: new (path: string, watch: boolean) => RecordBase;
      readonly SetDataRequest: new (path: string, data: Buffer, version: number) => RecordBase;
      readonly GetChildren2Request: new (path: string, watch: boolean) => RecordBase;
      readonly GetACLRequest: new (path: string) => RecordBase;
      readonly AuthPacket: new (type: number, scheme: string, auth: Buffer) => RecordBase;
      readonly WatcherEvent: new () => RecordBase & { readonly type: number; readonly path: string };
    };
  }
  const jute: Jute;
  // biome-ignore lint/style/noDefaultExport: the module is CommonJS, its exports are the default import
  export default jute;
}
