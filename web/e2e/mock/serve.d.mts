export function startMock(port?: number): Promise<{
  url: string;
  state: {
    preparing: string[];
    failLookup: boolean;
    failCollections: boolean;
    failEvents: boolean;
    /** Ends every stream. */
    hangUp(): void;
    tell(name: string, data: { seq: number; layers?: object[] }): void;
  };
  close(): Promise<unknown>;
}>;
