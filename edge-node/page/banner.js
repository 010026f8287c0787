/**
 * What stands between a person and the device, if anything does: it is gone, it loads, it wants a key.
 */

import { byId, setText } from './dom.js';

/** @typedef {import('./watch.js').Sight} Sight */
/** @typedef {import('./types.js').Status} Status */

export class Banner {
  #banner = byId('banner');
  #title = byId('banner-title');
  #text = byId('banner-text');
  #wait = byId('banner-wait');
  #progress = byId('banner-progress', HTMLProgressElement);
  #retry = byId('banner-retry');
  #lock = byId('lock', HTMLFormElement);
  #key = byId('key', HTMLInputElement);
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;

  /**
   * @param {{retry: () => void, unlock: (key: string) => void}} on
   */
  constructor(on) {
    this.#retry.addEventListener('click', on.retry);
    this.#lock.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#key.value !== '') on.unlock(this.#key.value.trim());
    });
  }

  /**
   * @param {Sight} sight
   * @param {boolean} hadKey whether one was sent
   */
  sight(sight, hadKey) {
    clearInterval(this.#clock);
    const locked = sight.kind === 'locked';
    const [opened, closed] = [locked && this.#lock.hidden, sight.kind === 'live' && !this.#lock.hidden];
    this.#lock.hidden = !locked;
    if (closed) byId('message').focus();
    if (locked) {
      setText(byId('key-why'), hadKey ? `The device does not take this key: ${sight.why}` : sight.why);
      this.#key.setAttribute('aria-invalid', String(hadKey));
      if (opened || hadKey) this.#key.select();
      if (opened) this.#key.focus();
    }
    if (sight.kind === 'gone') this.#gone(sight.why, sight.retryAtMs);
    else this.#banner.hidden = true;
  }

  /** @param {Status} status */
  show(status) {
    if (status.ready) {
      this.#banner.hidden = true;
      return;
    }
    const { loading, failed } = status;
    if (failed !== null) {
      this.#progress.hidden = true;
      this.#say('The device cannot start', failed, 'gone');
      return;
    }
    this.#say('Not ready', loading ? loading.step : 'The device takes no requests now.', 'waiting');
    this.#progress.hidden = !loading;
    if (!loading) return;
    if (loading.of > 0) {
      this.#progress.max = loading.of;
      this.#progress.value = loading.done;
    } else {
      this.#progress.removeAttribute('value');
    }
  }

  /**
   * @param {string} why
   * @param {number} retryAtMs
   */
  #gone(why, retryAtMs) {
    this.#say('The device is out of sight', why, 'gone');
    this.#progress.hidden = true;
    this.#retry.hidden = false;
    const tick = () => {
      const seconds = Math.ceil((retryAtMs - Date.now()) / 1000);
      setText(this.#wait, seconds > 0 ? `Trying again in ${seconds} s` : 'Trying again');
    };
    tick();
    this.#clock = setInterval(tick, 250);
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {'waiting' | 'gone'} kind
   */
  #say(title, text, kind) {
    setText(this.#title, `${title}.`);
    setText(this.#text, text);
    setText(this.#wait, '');
    this.#retry.hidden = true;
    this.#banner.dataset.kind = kind;
    this.#banner.hidden = false;
  }
}
