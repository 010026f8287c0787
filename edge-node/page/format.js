/**
 * Numbers as a person reads them. Pure. What is not known is a dash.
 */

const NONE = '–';

/** @param {number | null | undefined} value */
function known(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

/**
 * @param {number} value
 * @param {number} digits significant ones, below a thousand
 */
function rounded(value, digits) {
  if (value === 0) return '0';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(digits)));
}

/** @param {number | null | undefined} value a count */
export function count(value) {
  return known(value) ? Math.round(/** @type {number} */ (value)).toLocaleString('en') : NONE;
}

/** @param {number | null | undefined} bytes in powers of 1000, as links are priced */
export function bytes(bytes) {
  if (!known(bytes)) return NONE;
  let [value, unit] = [/** @type {number} */ (bytes), 0];
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${rounded(value, 3)} ${units[unit]}`;
}

/** @param {number | null | undefined} ms */
export function milliseconds(ms) {
  if (!known(ms)) return NONE;
  const value = /** @type {number} */ (ms);
  return value >= 999.5 ? `${rounded(value / 1000, 3)} s` : `${rounded(value, 3)} ms`;
}

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(/** @type {number} */ (seconds)));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s} s` : `${s} s`;
}

/** @param {number | null | undefined} share 0 to 1 */
export function percent(share) {
  return known(share) ? `${rounded(100 * /** @type {number} */ (share), 2)} %` : NONE;
}

/** @param {number | null | undefined} mbps */
export function rate(mbps) {
  return known(mbps) ? `${rounded(/** @type {number} */ (mbps), 2)} Mbit/s` : NONE;
}

/** @param {number | null | undefined} money in the currency of the configured prices */
export function money(money) {
  if (!known(money)) return NONE;
  const value = /** @type {number} */ (money);
  return value !== 0 && value < 0.01 ? value.toPrecision(2) : value.toFixed(2);
}

/** @param {number | null | undefined} joules */
export function energy(joules) {
  return known(joules) ? `${rounded(/** @type {number} */ (joules), 3)} J` : NONE;
}

/**
 * "1 token", "2 tokens".
 * @param {number} number
 * @param {string} noun
 */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}
