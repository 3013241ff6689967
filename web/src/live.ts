import type { Api, BBox } from './api.ts';

/** What changed of one layer. */
export interface ChangedLayer {
  layer: string;
  /** All of it did. */
  whole: boolean;
  /** Which features; absent when there are many. */
  ids?: number[];
  /** Where they were and are, in degrees. */
  boxes?: BBox[];
}

/** Changes that the server's answers reflect from now on. */
export interface Change {
  seq: number;
  layers: ChangedLayer[];
}

export interface LiveEvents {
  changed(change: Change): void;
  /** Too much was missed to be told: everything is to be asked for anew. */
  reset(seq: number): void;
  /** Whether changes arrive. */
  connected(connected: boolean): void;
}

/** First and longest pause before another try, in milliseconds. */
const PAUSES = { first: 1000, longest: 30_000 };

/** Follows what changes on the server, as long as somebody looks at the page. */
export class Live {
  private source: EventSource | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private pause = PAUSES.first;
  /** The last change that we have been told of. */
  private seq: number | undefined;

  constructor(
    private readonly api: Api,
    private readonly events: LiveEvents,
  ) {}

  start(): void {
    document.addEventListener('visibilitychange', () => this.turn());
    this.turn();
  }

  /** A page that nobody sees holds no stream open; when it is seen again it hears what it has missed. */
  private turn(): void {
    if (document.visibilityState === 'hidden') this.close();
    else if (!this.source) this.open();
  }

  private open(): void {
    clearTimeout(this.retry);
    const source = new EventSource(this.api.url('events', { after: this.seq }));
    this.source = source;
    source.addEventListener('seq', (event) => this.alive(event));
    source.addEventListener('change', (event) => {
      this.alive(event);
      this.events.changed(JSON.parse(event.data as string) as Change);
    });
    source.addEventListener('reset', (event) => {
      this.alive(event);
      this.events.reset(Number(event.lastEventId));
    });
    source.addEventListener('error', () => {
      this.events.connected(false);
      // The browser comes back by itself from a broken line, but not from a refusal.
      if (source.readyState !== EventSource.CLOSED) return;
      this.close();
      this.retry = setTimeout(() => this.turn(), this.pause);
      this.pause = Math.min(this.pause * 2, PAUSES.longest);
    });
  }

  private alive(event: MessageEvent): void {
    this.seq = Number(event.lastEventId);
    this.pause = PAUSES.first;
    this.events.connected(true);
  }

  private close(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = undefined;
  }
}
