/**
 * The device's HTTP API: one call each, with the key that this tab was given, and errors that say
 * what the server said.
 */

import { eventsOf } from './sse.js';

/** @typedef {import('./types.js').Chunk} Chunk */
/** @typedef {import('./types.js').Message} Message */

const KEY = 'causeway-key';

/** The server answered, and the answer is no. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {{message: string, type?: string, code?: string | null, param?: string | null}} error
   * @param {number | null} retryAfterS
   */
  constructor(status, error, retryAfterS) {
    super(error.message);
    this.name = 'Refused';
    this.status = status;
    this.type = error.type ?? null;
    this.code = error.code ?? null;
    this.param = error.param ?? null;
    this.retryAfterS = retryAfterS;
  }

  /** Whether a key would help. */
  get wantsKey() {
    return this.status === 401;
  }
}

/** Nobody answered, or the answer broke off. */
export class Unreachable extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'Unreachable';
  }
}

/** The calls. The key outlives a reload, and no tab. */
export class Api {
  #key = sessionStorage.getItem(KEY) ?? '';

  get hasKey() {
    return this.#key !== '';
  }

  /** @param {string} key */
  setKey(key) {
    this.#key = key;
    sessionStorage.setItem(KEY, key);
  }

  /**
   * Status, twice a second, and notices, until the stream ends.
   * @param {AbortSignal} signal
   */
  async *events(signal) {
    const response = await this.#call('GET', '/causeway/v1/events', null, signal);
    yield* unbroken(response, signal);
  }

  /**
   * @param {boolean} cut
   */
  async cutLink(cut) {
    await this.#call('POST', '/causeway/v1/link', { cut }, AbortSignal.timeout(10_000));
  }

  /**
   * A reply as it grows. Ends after `[DONE]`, and with an error where there is none.
   * @param {Record<string, unknown>} request without `stream`
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<Chunk>}
   */
  async *chat(request, signal) {
    const body = { ...request, stream: true, stream_options: { include_usage: true } };
    const response = await this.#call('POST', '/v1/chat/completions', body, signal);
    for await (const { data } of unbroken(response, signal)) {
      if (data === '[DONE]') return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Refused(response.status, errorOf(chunk, response.status), null);
      yield chunk;
    }
    throw new Unreachable('The reply broke off: the device closed the stream.');
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   * @param {AbortSignal} signal
   */
  async #call(method, path, body, signal) {
    /** @type {Record<string, string>} */
    const headers = {};
    // A browser sends no others, and says so as if nobody were there.
    if (!/^[ -~]*$/.test(this.#key)) {
      throw new Refused(401, { message: 'it has characters beyond ASCII, which no key can have.' }, null);
    }
    if (this.hasKey) headers.authorization = `Bearer ${this.#key}`;
    if (body !== null) headers['content-type'] = 'application/json';
    const request = { method, headers, signal, body: body === null ? undefined : JSON.stringify(body) };
    const response = await fetch(path, request).catch((error) => {
      throw named(error, signal, 'The device does not answer.');
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }
}

/**
 * @param {Response} response
 * @param {AbortSignal} signal
 */
async function* unbroken(response, signal) {
  if (!response.body) throw new Unreachable('The device sent an empty answer.');
  try {
    yield* eventsOf(response.body);
  } catch (error) {
    throw named(error, signal, 'The connection to the device broke off.');
  }
}

/**
 * Whoever aborts knows why; anything else that the network throws has one meaning.
 * @param {unknown} error
 * @param {AbortSignal} signal
 * @param {string} message
 */
function named(error, signal, message) {
  return signal.aborted || !(error instanceof TypeError) ? error : new Unreachable(message);
}

/** @param {Response} response */
async function refusal(response) {
  const body = await response.json().catch(() => null);
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  return new Refused(
    response.status,
    errorOf(body, response.status),
    Number.isFinite(seconds) ? seconds : null,
  );
}

/**
 * @param {any} body what should be the API's error object
 * @param {number} status
 */
function errorOf(body, status) {
  const error = body?.error;
  if (typeof error?.message === 'string') return error;
  return { message: `The device answered with status ${status}.` };
}
