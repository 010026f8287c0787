/**
 * The page's eye on the device: one stream of events, opened again for as long as the page is.
 */

import { Refused } from './api.js';
import { wholeStatus } from './status.js';

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./types.js').Entry} Entry */
/**
 * @typedef {{kind: 'live'} | {kind: 'locked', why: string} | {kind: 'gone', why: string, retryAtMs: number}} Sight
 */

const WAIT_MS_MIN = 500;
const WAIT_MS_MAX = 8000;
/** Status comes twice a second; after so long without any the stream is taken for dead. */
const SILENCE_MS_MAX = 5000;

/** Keeps the stream up, and says what it sees. */
export class Watch {
  #api;
  #eyes;
  #waitMs = WAIT_MS_MIN;
  #live = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | undefined} */
  #stream;

  /**
   * @param {Api} api
   * @param {{status: (status: Status) => void, notice: (entry: Entry) => void, sight: (sight: Sight) => void}} eyes
   */
  constructor(api, eyes) {
    this.#api = api;
    this.#eyes = eyes;
  }

  /** Opens the stream now, in place of one that is open or waited for. */
  open() {
    clearTimeout(this.#timer);
    this.#stream?.abort();
    const stream = new AbortController();
    this.#stream = stream;
    this.#read(stream).then(
      () => this.#lost(stream, 'The device closed the connection.'),
      (error) => this.#failed(stream, error),
    );
  }

  /** @param {AbortController} stream */
  async #read(stream) {
    this.#expectMore(stream);
    for await (const { event, data } of this.#api.events(stream.signal)) {
      if (stream.signal.aborted) return;
      this.#expectMore(stream);
      if (event === 'status') this.#seen(wholeStatus(JSON.parse(data)));
      if (event === 'notice') this.#eyes.notice(JSON.parse(data));
    }
  }

  /** @param {Status} status */
  #seen(status) {
    this.#waitMs = WAIT_MS_MIN;
    if (!this.#live) this.#eyes.sight({ kind: 'live' });
    this.#live = true;
    this.#eyes.status(status);
  }

  /** @param {AbortController} stream */
  #expectMore(stream) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#lost(stream, 'The device has fallen silent.');
      stream.abort();
    }, SILENCE_MS_MAX);
  }

  /**
   * @param {AbortController} stream
   * @param {unknown} error
   */
  #failed(stream, error) {
    if (this.#stream !== stream) return;
    if (error instanceof Refused && error.wantsKey) {
      clearTimeout(this.#timer);
      this.#live = false;
      this.#eyes.sight({ kind: 'locked', why: error.message });
    } else {
      this.#lost(stream, error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * @param {AbortController} stream
   * @param {string} why
   */
  #lost(stream, why) {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#live = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), this.#waitMs);
    this.#eyes.sight({ kind: 'gone', why, retryAtMs: Date.now() + this.#waitMs });
    this.#waitMs = Math.min(2 * this.#waitMs, WAIT_MS_MAX);
  }
}
