import type { BBox } from './api.ts';

/** What changed of a layer: features in places, or the layer as a whole. */
export interface LayerChange {
  layer: string;
  whole: boolean;
  /** Absent when there are many. */
  ids?: number[];
  /** Outside of these nothing changed; absent when `whole`. */
  boxes?: BBox[];
}

/** Whether the page hears of changes. */
export type LiveState = 'live' | 'lost';

export interface LiveListener {
  changed(layers: LayerChange[], seq: number): void;
  /** There may be other layers than before. */
  layers(seq: number): void;
  /** Too much was missed: everything is to be asked for again. */
  reset(seq: number): void;
  state(state: LiveState): void;
}

/** Milliseconds without a word, heartbeats included, after which a stream is taken for dead. */
const SILENCE = 40_000;
/** First and longest pause before another attempt. */
const PAUSES = [1_000, 30_000] as const;

/**
 * Follows the server's changes while the page can be seen. A stream that breaks is opened again from the last change
 * heard of. The browser's own retry would give up at the first 503, so this does without it.
 */
export class Live {
  private stream: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pause: number = PAUSES[0];
  /** A stream was there before this one, and what layers came or went meanwhile is not told. */
  private resumed = false;

  /** `after` is the change that the page reflects already. */
  constructor(
    private readonly url: (after: number | undefined) => string,
    private after: number | undefined,
    private readonly listener: LiveListener,
  ) {
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.close();
      else this.open();
    });
    // A page that comes back from the browser's store of pages left its stream behind.
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.open();
    });
    if (!document.hidden) this.open();
  }

  private open(): void {
    this.close();
    const stream = new EventSource(this.url(this.after));
    this.stream = stream;
    const listen = (name: string, hear: (data: { seq: number; layers?: LayerChange[] }) => void): void => {
      stream.addEventListener(name, (event: MessageEvent<string>) => {
        const data = JSON.parse(event.data) as { seq: number; layers?: LayerChange[] };
        this.alive();
        this.after = data.seq;
        if (this.resumed && name !== 'layers') this.listener.layers(data.seq);
        this.resumed = false;
        hear(data);
      });
    };
    listen('seq', () => undefined);
    listen('layers', ({ seq }) => this.listener.layers(seq));
    listen('change', ({ layers = [], seq }) => this.listener.changed(layers, seq));
    listen('reset', ({ seq }) => this.listener.reset(seq));
    stream.addEventListener('error', () => this.lose());
    this.expect();
  }

  private alive(): void {
    this.pause = PAUSES[0];
    this.listener.state('live');
    this.expect();
  }

  private expect(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lose(), SILENCE);
  }

  private lose(): void {
    this.close();
    this.listener.state('lost');
    // Not all pages at once after a restart of the server.
    this.timer = setTimeout(() => this.open(), this.pause * (0.5 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, PAUSES[1]);
  }

  private close(): void {
    clearTimeout(this.timer);
    if (this.stream) this.resumed = true;
    this.stream?.close();
    this.stream = undefined;
  }
}
