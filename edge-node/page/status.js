/**
 * A status as the device says it, made whole. Pure. While a device starts it says little of itself.
 */

/** @typedef {import('./types.js').Status} Status */

/** What is not known before the models are open. */
const UNKNOWN = {
  node: 'device',
  routes: false,
  failed: null,
  models: { target: null, draft: null },
  mode: '',
  plan: null,
  links: [],
};

/**
 * @param {Partial<Status>} said
 * @returns {Status}
 */
export function wholeStatus(said) {
  const whole = /** @type {Status} */ ({ ...UNKNOWN, ...said });
  return { ...whole, layers: said.layers ?? 0 };
}

/**
 * The mode that the device is in; of one that plans for itself the one that it has found.
 * @param {Status} status
 */
export function modeOf({ mode, plan }) {
  return mode === 'auto' ? (/^\w+/.exec(plan?.text ?? '')?.[0] ?? '') : mode;
}
