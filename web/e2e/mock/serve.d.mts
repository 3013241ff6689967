export function startMock(port?: number): Promise<{
  url: string;
  state: { preparing: string[]; failLookup: boolean; failCollections: boolean };
  close(): Promise<unknown>;
}>;
