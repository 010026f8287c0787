/**
 * Tests, one after the other; each prints one line of JSON.
 */

import assert from 'node:assert/strict';

const tests = [];

/** Marks a test; its name is a sentence. */
export function test(name, run) {
  tests.push([name, run]);
}

/** Fails unless `found` is `wanted`. */
export const equal = (found, wanted, what) => assert.deepStrictEqual(found, wanted, what);

/** Fails unless `run` is refused as `Kind`, with what `says` has of the error; gives the error. */
export async function refused(Kind, says, run) {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof Kind, `it is refused as ${error}, and not as ${Kind.name}`);
    for (const [key, wanted] of Object.entries(says)) equal(error[key], wanted, `${key} of ${error}`);
    return error;
  }
  assert.fail(`it is not refused as ${Kind.name}`);
}

/** Waits until `isSo` gives something true. */
export async function until(isSo, what, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await isSo();
    if (found) return found;
    assert.ok(Date.now() < end, `after ${ms} ms it is not so that ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Runs all whose name has `only` in it. */
export async function runAll(only) {
  for (const [name, run] of tests) {
    if (only && !`node: ${name}`.includes(only)) continue;
    const began = performance.now();
    let [verdict, why] = ['ok', ''];
    try {
      await run();
    } catch (error) {
      [verdict, why] = ['FAIL', `${error.stack ?? error}`];
    }
    const took_s = (performance.now() - began) / 1000;
    process.stdout.write(`${JSON.stringify({ name, verdict, took_s, why })}\n`);
  }
}
