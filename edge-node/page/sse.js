/**
 * Server-sent events, from bytes: the part of the HTML standard's event stream that the API speaks
 * (section 9.2.6). `EventSource` can send no key, so the stream is read by hand.
 */

/** @typedef {{event: string, data: string}} SentEvent */

/** One event may be so long, in characters; a longer one is not ours. */
export const EVENT_CHARACTERS_MAX = 4 << 20;

/** Lines to events. Holds at most one event that is not whole. */
export class EventParser {
  #rest = '';
  #event = '';
  /** @type {string[]} */
  #data = [];
  #held = 0;

  /**
   * Takes more of the stream.
   * @param {string} text
   * @returns {SentEvent[]} the events that it completes
   */
  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    const events = [];
    for (const line of lines) {
      if (line === '') events.push(...this.#dispatch());
      else this.#take(line);
    }
    if (this.#held + this.#rest.length > EVENT_CHARACTERS_MAX)
      throw new Error('the stream holds an event without an end');
    return events;
  }

  /** @param {string} line */
  #take(line) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    if (field !== 'data') return;
    this.#data.push(value);
    this.#held += value.length;
  }

  #dispatch() {
    const [event, data] = [this.#event || 'message', this.#data];
    [this.#event, this.#data, this.#held] = ['', [], 0];
    return data.length > 0 ? [{ event, data: data.join('\n') }] : [];
  }
}

/**
 * The events of a response's body, until it ends.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<SentEvent>}
 */
export async function* eventsOf(body) {
  const parser = new EventParser();
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
