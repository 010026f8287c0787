/**
 * The conversation: what is sent, the reply that is under way, and what was said before.
 */

import { Refused } from './api.js';
import { byId, el } from './dom.js';
import { counted } from './format.js';
import { wordsOf } from './notices.js';
import { Reply } from './reply.js';
import { ReplyView } from './reply_view.js';
import { usageOf } from './usage.js';

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('./types.js').Message} Message */

/** The model's name that every device answers to. */
const MODEL = 'causeway';
const SUGGESTIONS = ["I'd like a table for two tonight.", "What's the weather like in San Jose today?"];
/** Who scrolled up so far, in pixels, wants to read there. */
const AT_END_PX = 60;

export class Chat {
  #api;
  #settings;
  #announce;
  #log = byId('log');
  #empty = byId('empty');
  #input = byId('message', HTMLTextAreaElement);
  #send = byId('send', HTMLButtonElement);
  #stop = byId('stop', HTMLButtonElement);
  #fresh = byId('fresh', HTMLButtonElement);
  /** @type {Message[]} */
  #messages = [];
  /** @type {AbortController | null} */
  #running = null;
  #ready = false;

  /**
   * @param {Api} api
   * @param {Settings} settings
   * @param {(text: string) => void} announce tells those who do not see the page
   */
  constructor(api, settings, announce) {
    this.#api = api;
    this.#settings = settings;
    this.#announce = announce;
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#sendMessage();
    });
    this.#input.addEventListener('keydown', (event) => this.#typed(event));
    this.#stop.addEventListener('click', () => this.#halt());
    this.#fresh.addEventListener('click', () => this.#startAfresh());
    byId('suggestions').append(...SUGGESTIONS.map((text) => this.#suggestion(text)));
    this.#showButtons();
  }

  /** @param {boolean} ready whether the device would take a request now */
  setReady(ready) {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#showButtons();
  }

  /** @param {KeyboardEvent} event */
  #typed(event) {
    if (event.key === 'Escape') this.#halt();
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#sendMessage();
  }

  async #sendMessage() {
    const text = this.#input.value.trim();
    if (text === '' || this.#running || !this.#ready) return;
    this.#input.value = '';
    this.#empty.hidden = true;
    this.#messages.push({ role: 'user', content: text });
    this.#log.append(el('article', { class: 'turn user', 'aria-label': 'You' }, text));
    const running = new AbortController();
    this.#running = running;
    this.#showButtons();
    this.#input.focus();
    const reply = new Reply();
    const view = new ReplyView(reply);
    this.#log.append(view.element);
    this.#scroll(true);
    const fault = await this.#receive(reply, view, running.signal);
    if (this.#running === running) this.#conclude(reply, view, fault, text);
  }

  /**
   * @param {Reply} reply
   * @param {ReplyView} view
   * @param {AbortSignal} signal
   * @returns {Promise<unknown>} why it ended early, if it did
   */
  async #receive(reply, view, signal) {
    try {
      const request = { model: MODEL, messages: this.#messages, ...this.#settings.request() };
      for await (const chunk of this.#api.chat(request, signal)) {
        const follow = this.#atEnd();
        const notice = reply.take(chunk);
        if (notice) {
          const { title, text } = wordsOf(notice.event, notice.removed);
          this.#announce(`${title}: ${text}`);
        }
        view.later(() => this.#scroll(follow));
      }
      return null;
    } catch (error) {
      return error ?? new Error('it ended');
    }
  }

  /**
   * @param {Reply} reply
   * @param {ReplyView} view
   * @param {unknown} fault
   * @param {string} asked
   */
  #conclude(reply, view, fault, asked) {
    const follow = this.#atEnd();
    const stopped = this.#running?.signal.aborted ?? false;
    this.#running = null;
    const said = reply.text;
    if (said !== '') this.#messages.push({ role: 'assistant', content: said });
    else this.#messages.pop();
    // A question without an answer goes back to where it can be sent again.
    if (said === '' && fault !== null && this.#input.value === '') this.#input.value = asked;
    const below = stopped ? 'Stopped.' : fault === null ? silenceOf(reply) : '';
    view.end(
      ...(below === '' ? [] : [el('p', { class: 'quiet' }, below)]),
      ...(stopped || fault === null ? [] : [faultOf(fault)]),
      ...(reply.marks.length > 0 ? [usageOf(reply)] : []),
    );
    this.#announce(stopped ? 'Stopped.' : fault === null ? ending(reply) : '');
    this.#showButtons();
    this.#scroll(follow);
  }

  #halt() {
    this.#running?.abort();
  }

  #startAfresh() {
    this.#messages = [];
    this.#log.replaceChildren(this.#empty);
    this.#empty.hidden = false;
    this.#showButtons();
    this.#input.focus();
  }

  /** @param {string} text */
  #suggestion(text) {
    const button = el('button', { type: 'button', class: 'plain' }, text);
    button.addEventListener('click', () => {
      this.#input.value = text;
      this.#input.focus();
    });
    return button;
  }

  #showButtons() {
    const running = this.#running !== null;
    const hadFocus = document.activeElement === this.#stop;
    this.#stop.hidden = !running;
    this.#send.hidden = running;
    this.#send.disabled = !this.#ready;
    this.#fresh.hidden = running || this.#log.firstElementChild === this.#log.lastElementChild;
    if (hadFocus && !running) this.#input.focus();
  }

  #atEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < AT_END_PX;
  }

  /** @param {boolean} follow */
  #scroll(follow) {
    if (follow) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/** @param {Reply} reply */
function ending(reply) {
  const alone = reply.count('alone');
  const vouched = reply.marks.length - alone;
  return `The reply has ended: ${counted(reply.marks.length, 'token')}, ${vouched} vouched for by the target, ${alone} not.`;
}

/**
 * What is said of a reply without text.
 * @param {Reply} reply
 */
function silenceOf(reply) {
  if (reply.text !== '') return '';
  return reply.outcome.deferred
    ? 'It waits for the target, and is answered later.'
    : 'The reply has no text.';
}

/** @param {unknown} fault */
function faultOf(fault) {
  const message = fault instanceof Error ? fault.message : String(fault);
  const box = el('div', { class: 'fault', role: 'alert' }, el('p', {}, message));
  if (!(fault instanceof Refused)) return box;
  const details = [
    ...(fault.param ? [`parameter ${fault.param}`] : []),
    ...(fault.code ? [`code ${fault.code}`] : []),
    ...(fault.type ? [fault.type] : []),
    ...(fault.status === 200 ? [] : [`status ${fault.status}`]),
    ...(fault.retryAfterS === null ? [] : [`worth another try in ${fault.retryAfterS} s`]),
  ];
  box.append(el('p', { class: 'quiet' }, details.join(' · ')));
  return box;
}
