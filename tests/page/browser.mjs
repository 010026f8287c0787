/**
 * A browser, and pages in it that are watched: what they say on the console, and whom they ask.
 */

import { chromium } from 'playwright-core';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').Browser} Browser */

const CHROMIUM = '/usr/bin/chromium';
const SWITCHES = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** What the browser itself says of an answer that is not 200, or did not come. */
const NO_ANSWER = /Failed to load resource/;

export const DESKTOP = { width: 1280, height: 860 };
export const PHONE = { width: 360, height: 740 };

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: SWITCHES });
}

/** A page, and what it did that no page of ours does. */
export class Watched {
  /** @type {string[]} */
  complaints = [];

  /**
   * @param {Page} page
   * @param {string} url
   * @param {boolean} mayFail whether answers may fail to come
   */
  constructor(page, url, mayFail) {
    this.page = page;
    this.url = url;
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      if (!(mayFail && NO_ANSWER.test(message.text()))) this.complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.stack ?? error}`));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== new URL(url).origin)
        this.complaints.push(`asked another origin: ${request.url()}`);
    });
  }

  /**
   * @param {Browser} browser
   * @param {string} url
   * @param {{mayFail?: boolean, options?: import('playwright-core').BrowserContextOptions}} [how]
   */
  static async open(browser, url, { mayFail = false, options = {} } = {}) {
    const context = await browser.newContext({ viewport: DESKTOP, ...options });
    const watched = new Watched(await context.newPage(), url, mayFail);
    watched.page.setDefaultTimeout(15_000);
    await watched.page.goto(url);
    return watched;
  }

  async close() {
    await this.page.context().close();
  }
}
