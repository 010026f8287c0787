/**
 * A reply on the page. Draws what is new of it, at most once a frame.
 */

import { el, setText } from './dom.js';
import { wordsOf } from './notices.js';

/** @typedef {import('./reply.js').Reply} Reply */
/** @typedef {import('./reply.js').Part} Part */
/** @typedef {import('./reply.js').Run} Run */

const SAYS = {
  verified: 'verified by the target',
  alone: 'said by the device alone',
  confirmed: 'said alone, confirmed later',
};

export class ReplyView {
  #reply;
  #words = el('div', { class: 'words' });
  /** @type {WeakMap<Part, HTMLElement>} */
  #drawn = new WeakMap();
  #due = false;

  /** @param {Reply} reply */
  constructor(reply) {
    this.#reply = reply;
    this.element = el('article', { class: 'turn reply', 'aria-label': 'Reply' }, this.#words);
    this.#words.append(el('span', { class: 'pending', 'aria-label': 'Waiting for the first word' }));
  }

  /**
   * Draws with the next frame.
   * @param {() => void} then
   */
  later(then) {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.draw();
      then();
    });
  }

  draw() {
    if (this.#reply.parts.length === 0) return;
    let at = this.#words.firstChild;
    for (const part of this.#reply.parts) {
      const node = this.#drawn.get(part) ?? this.#make(part);
      if (part.kind === 'run') drawRun(node, part);
      if (node === at) at = at.nextSibling;
      else this.#words.insertBefore(node, at);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  /**
   * Ends the reply with what is said of the whole.
   * @param {...Node} below
   */
  end(...below) {
    this.draw();
    this.#words.querySelector('.pending')?.remove();
    if (this.#reply.parts.length === 0) this.#words.remove();
    this.element.classList.add('ended');
    this.element.append(...below);
  }

  /** @param {Part} part */
  #make(part) {
    const node = makePart(part);
    this.#drawn.set(part, node);
    return node;
  }
}

/**
 * @param {Part} part
 * @returns {HTMLElement}
 */
function makePart(part) {
  if (part.kind === 'run') return el('span', { class: 'run' });
  if (part.kind === 'removed') return el('del', { class: 'removed' }, part.text);
  const { tone, title, text } = wordsOf(part.event, part.removed);
  return el(
    'span',
    { class: 'notice', role: 'note', 'data-kind': part.event.kind, 'data-tone': tone },
    el('b', {}, title),
    ' ',
    text,
  );
}

/**
 * @param {HTMLElement} node
 * @param {Run} run
 */
function drawRun(node, run) {
  setText(node, run.text);
  if (node.dataset.mark === run.mark) return;
  node.dataset.mark = run.mark;
  const last = run.first + run.tokens;
  const which = run.tokens > 1 ? `tokens ${run.first + 1} to ${last}` : `token ${Math.max(last, 1)}`;
  node.title = `${which}: ${SAYS[run.mark]}`;
}
