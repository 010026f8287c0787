/**
 * The drawer of parameters. What is left empty is not sent: the device's configuration decides.
 */

import { byId, setText } from './dom.js';

const NUMBERS = ['temperature', 'seed', 'max_tokens'];
const CHOICES = ['privacy', 'route', 'policy'];

/** What a request asks for beyond its messages. */
export class Settings {
  #drawer = byId('drawer', HTMLDialogElement);
  #form = byId('settings', HTMLFormElement);
  #chosen = byId('chosen');

  constructor() {
    byId('open-drawer').addEventListener('click', () => this.#drawer.showModal());
    byId('clear-settings').addEventListener('click', () => {
      this.#form.reset();
      this.#check();
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#check()) this.#drawer.close();
    });
    this.#form.addEventListener('input', () => this.#check());
    this.#drawer.addEventListener('click', (event) => {
      if (event.target === this.#drawer) this.#drawer.close();
    });
    // Escape closes the drawer too: what is wrong then is not sent.
    this.#drawer.addEventListener('close', () => {
      for (const name of [...NUMBERS, 'schema']) if (this.#fault(name)) this.#field(name).value = '';
      this.#check();
      setText(this.#chosen, this.#summary());
    });
  }

  /** @param {boolean} routes whether requests may say which way they go */
  setRoutes(routes) {
    byId('route-field').hidden = !routes;
    if (!routes) this.#field('route').value = '';
  }

  /** @returns {Record<string, unknown>} fields of a request */
  request() {
    /** @type {Record<string, unknown>} */
    const request = {};
    for (const name of NUMBERS) {
      const value = this.#value(name);
      if (value !== '') request[name] = Number(value);
    }
    const chosen = CHOICES.filter((name) => this.#value(name) !== '');
    if (chosen.length > 0)
      request.causeway = Object.fromEntries(chosen.map((name) => [name, this.#value(name)]));
    const schema = this.#value('schema');
    if (schema !== '') {
      request.response_format = {
        type: 'json_schema',
        json_schema: { name: 'reply', schema: JSON.parse(schema) },
      };
    }
    return request;
  }

  /** Shows what is wrong, if anything is. */
  #check() {
    let first = null;
    for (const name of [...NUMBERS, 'schema']) {
      const [field, fault] = [this.#field(name), this.#fault(name)];
      setText(byId(`${name}-wrong`), fault);
      field.setAttribute('aria-invalid', String(fault !== ''));
      field.setAttribute('aria-describedby', `${name}-wrong`);
      if (fault !== '') first ??= field;
    }
    if (first && !this.#form.contains(document.activeElement)) first.focus();
    return first === null;
  }

  /**
   * @param {string} name
   * @returns {string} what is wrong, and nothing where all is well
   */
  #fault(name) {
    const field = this.#field(name);
    if (name === 'schema') return schemaFault(this.#value(name));
    return field.validity.valid ? '' : field.validationMessage;
  }

  #summary() {
    const parts = [...NUMBERS, ...CHOICES].filter((name) => this.#value(name) !== '');
    const said = parts.map((name) => `${name.replace('_', ' ')} ${this.#value(name)}`);
    if (this.#value('schema') !== '') said.push('JSON Schema');
    return said.join(' · ');
  }

  /** @param {string} name */
  #value(name) {
    return this.#field(name).value.trim();
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement}
   */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem(name));
  }
}

/** @param {string} text */
function schemaFault(text) {
  if (text === '') return '';
  try {
    const schema = JSON.parse(text);
    const fits =
      typeof schema === 'boolean' ||
      (typeof schema === 'object' && schema !== null && !Array.isArray(schema));
    return fits ? '' : 'A schema is an object, or true or false.';
  } catch (error) {
    return `Not JSON: ${error instanceof Error ? error.message : error}`;
  }
}
