/**
 * A reply as it grows: its text, who vouches for which part of it, and what happened on the way.
 * Pure: chunks go in, parts come out.
 *
 * # Invariants
 *
 * - `text` is the runs' text in order; what was taken back is not in it.
 * - A run is as good as the weakest of its tokens: a chunk says who vouches for each of its tokens,
 *   and not where one ends.
 */

/** @typedef {import('./types.js').Chunk} Chunk */
/** @typedef {import('./types.js').ChunkExtra} ChunkExtra */
/** @typedef {import('./types.js').ReplyEvent} ReplyEvent */
/** @typedef {import('./types.js').Usage} Usage */

/** @typedef {'verified' | 'alone' | 'confirmed'} Mark by the target at once; by nobody; by the target later */
/** @typedef {{kind: 'run', text: string, mark: Mark, first: number, tokens: number}} Run text, and its tokens: half-open from `first` */
/** @typedef {{kind: 'removed', text: string}} Removed text that was taken back */
/** @typedef {{kind: 'notice', event: ReplyEvent, removed: number}} Notice what happened; of `revised` how many tokens went */
/** @typedef {Run | Removed | Notice} Part */

/** From weak to strong. */
/** @type {Mark[]} */
const MARKS = ['alone', 'confirmed', 'verified'];

export class Reply {
  /** @type {Part[]} In the order in which they are read. */
  parts = [];
  /** @type {Mark[]} One for each token, those without text too. */
  marks = [];
  /** @type {Usage | null} */
  usage = null;
  /** @type {string | null} */
  finish = null;
  /** @type {ChunkExtra} What the last chunk of the choice says of the whole. */
  outcome = {};

  get text() {
    return this.parts.map((part) => (part.kind === 'run' ? part.text : '')).join('');
  }

  /**
   * How many tokens have a mark.
   * @param {Mark} mark
   */
  count(mark) {
    return this.marks.filter((found) => found === mark).length;
  }

  /**
   * Takes the next chunk.
   * @param {Chunk} chunk
   * @returns {Notice | null} what happened, where the chunk says so
   */
  take(chunk) {
    if (chunk.usage) this.usage = chunk.usage;
    const choice = chunk.choices?.[0];
    const extra = chunk.causeway ?? {};
    this.#say(choice?.delta?.content ?? '', extra.verified ?? []);
    if (choice?.finish_reason) {
      this.finish = choice.finish_reason;
      this.outcome = extra;
    }
    return extra.event ? this.#happened(extra.event) : null;
  }

  /**
   * @param {string} text
   * @param {boolean[]} verified one for each new token
   */
  #say(text, verified) {
    const first = this.#tokensWithText();
    this.marks.push(...verified.map((vouched) => /** @type {Mark} */ (vouched ? 'verified' : 'alone')));
    if (text === '') return;
    // Tokens without text of their own (half a character) belong to the next that has some.
    const run = /** @type {Run} */ ({
      kind: 'run',
      text,
      mark: 'verified',
      first,
      tokens: this.marks.length - first,
    });
    run.mark = this.#weakest(run);
    this.parts.push(run);
  }

  #tokensWithText() {
    const run = this.parts.findLast((part) => part.kind === 'run');
    return run?.kind === 'run' ? run.first + run.tokens : 0;
  }

  /** @param {Run} run */
  #weakest(run) {
    const marks = this.marks.slice(run.first, run.first + run.tokens);
    // Text that was held back comes without a token of its own: it is of the one before.
    if (marks.length === 0) return this.marks.at(-1) ?? 'verified';
    return MARKS.find((mark) => marks.includes(mark)) ?? 'verified';
  }

  /**
   * @param {ReplyEvent} event
   * @returns {Notice | null}
   */
  #happened(event) {
    if (event.kind === 'vouched') {
      this.#vouch(event.token ?? -1);
      return null;
    }
    const removed = event.kind === 'revised' ? this.#cut(event.tokens ?? 0, event.text ?? '') : 0;
    const notice = /** @type {Notice} */ ({ kind: 'notice', event, removed });
    this.parts.push(notice);
    return notice;
  }

  /** @param {number} token */
  #vouch(token) {
    if (this.marks[token] !== 'alone') return;
    this.marks[token] = 'confirmed';
    for (const part of this.parts) {
      if (part.kind !== 'run' || part.first > token || part.first + part.tokens < token) continue;
      part.mark = this.#weakest(part);
    }
  }

  /**
   * Cuts the reply to its first tokens.
   * @param {number} tokens how many stay
   * @param {string} text what they spell
   * @returns {number} how many went
   */
  #cut(tokens, text) {
    const went = Math.max(0, this.marks.length - tokens);
    this.marks.length = Math.min(this.marks.length, tokens);
    if (!this.text.startsWith(text)) {
      this.parts = [{ kind: 'removed', text: this.text }];
      this.#sayAgain(text);
      return went;
    }
    let room = text.length;
    /** @type {Part[]} */
    const parts = [];
    for (const part of this.parts) {
      if (part.kind !== 'run') {
        parts.push(part);
        continue;
      }
      const stays = part.text.slice(0, room);
      const goes = part.text.slice(room);
      room -= stays.length;
      if (stays !== '') parts.push(this.#shortened(part, stays));
      if (goes !== '') parts.push({ kind: 'removed', text: goes });
    }
    this.parts = parts;
    return went;
  }

  /**
   * @param {Run} run
   * @param {string} stays
   */
  #shortened(run, stays) {
    run.text = stays;
    run.tokens = Math.max(0, Math.min(run.tokens, this.marks.length - run.first));
    run.mark = this.#weakest(run);
    return run;
  }

  /** @param {string} text of all the tokens that stand */
  #sayAgain(text) {
    if (text === '') return;
    const run = /** @type {Run} */ ({
      kind: 'run',
      text,
      mark: 'verified',
      first: 0,
      tokens: this.marks.length,
    });
    run.mark = this.#weakest(run);
    this.parts.push(run);
  }
}
