/**
 * The switch that cuts the emulated link. Shown where the device has one; its state is the device's.
 */

import { byId, setText } from './dom.js';

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./types.js').Status} Status */

export class LinkSwitch {
  #api;
  #whole = byId('link');
  #button = byId('cut', HTMLButtonElement);
  #fault = byId('link-fault');
  #hint = byId('empty-hint');

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
    this.#button.addEventListener('click', () => this.#turn());
  }

  /** @param {Status} status */
  show(status) {
    this.#whole.hidden = !status.link_switch;
    this.#hint.hidden = !status.link_switch;
    if (this.#button.getAttribute('aria-busy') !== 'true') this.#set(status.links.some((link) => link.cut));
  }

  /** @param {boolean} live whether the device is there to be told */
  setLive(live) {
    this.#button.disabled = !live;
  }

  async #turn() {
    if (this.#button.getAttribute('aria-busy') === 'true') return;
    const cut = this.#button.getAttribute('aria-checked') !== 'true';
    this.#button.setAttribute('aria-busy', 'true');
    setText(this.#fault, '');
    try {
      await this.#api.cutLink(cut);
      this.#set(cut);
    } catch (error) {
      setText(this.#fault, error instanceof Error ? error.message : String(error));
    } finally {
      this.#button.removeAttribute('aria-busy');
    }
  }

  /** @param {boolean} cut */
  #set(cut) {
    this.#button.setAttribute('aria-checked', String(cut));
  }
}
