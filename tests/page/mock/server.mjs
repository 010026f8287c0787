/**
 * The mock's HTTP side: the page's files, and the API of docs/API.md as far as the page uses it.
 */

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { MockDevice } from './device.mjs';
import { reply } from './reply.mjs';

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

const PAGE = new URL('../../../edge-node/page/', import.meta.url);
/** @type {Record<string, string>} */
const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
};
const STATUS_MS = 500;

/**
 * @param {{keys?: string[], port?: number}} [options]
 * @returns {Promise<{url: string, device: MockDevice, close: () => void}>}
 */
export async function startMock({ keys = [], port = 0 } = {}) {
  const device = new MockDevice();
  const server = createServer((request, response) => {
    answer(device, keys, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', () => done(null)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    device,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {MockDevice} device
 * @param {string[]} keys
 * @param {Request} request
 * @param {Response} response
 */
async function answer(device, keys, request, response) {
  const path = new URL(request.url ?? '/', 'http://mock').pathname;
  if (path === '/' || path.startsWith('/page/')) return file(path, response);
  const key = (request.headers.authorization ?? '').replace('Bearer ', '');
  if (keys.length > 0 && !keys.includes(key)) {
    return refuse(response, 401, {
      message:
        key === '' ? 'this device wants a key: Authorization: Bearer KEY' : 'this key is not one of ours',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_api_key',
    });
  }
  switch (`${request.method} ${path}`) {
    case 'GET /causeway/v1/status':
      return json(response, 200, device.status());
    case 'GET /causeway/v1/events':
      return events(device, response);
    case 'POST /causeway/v1/link': {
      device.setCut((await body(request)).cut);
      return json(response, 200, { cut: device.cut });
    }
    case 'POST /v1/chat/completions':
      return chat(device, await body(request), response);
    default:
      return refuse(response, 404, {
        message: `there is nothing at ${path}`,
        type: 'invalid_request_error',
        param: null,
        code: null,
      });
  }
}

/**
 * @param {string} path
 * @param {Response} response
 */
async function file(path, response) {
  const name = path === '/' ? 'index.html' : path.slice('/page/'.length);
  const known = /^[a-z_]+\.(html|css|js|svg)$/.exec(name);
  const bytes = known ? await readFile(new URL(name, PAGE)).catch(() => null) : null;
  if (!known || !bytes)
    return refuse(response, 404, {
      message: `there is nothing at ${path}`,
      type: 'invalid_request_error',
      param: null,
      code: null,
    });
  response.writeHead(200, { ...HEADERS, 'content-type': TYPES[known[1]] }).end(bytes);
}

/**
 * @param {MockDevice} device
 * @param {Response} response
 */
function events(device, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = (/** @type {string} */ event, /** @type {unknown} */ data) =>
    device.silent || response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const notice = (/** @type {unknown} */ entry) => send('notice', entry);
  send('status', device.status());
  device.listeners.push(notice);
  const timer = setInterval(() => send('status', device.status()), STATUS_MS);
  response.on('close', () => {
    clearInterval(timer);
    device.listeners = device.listeners.filter((listener) => listener !== notice);
  });
}

/**
 * @param {MockDevice} device
 * @param {any} request
 * @param {Response} response
 */
async function chat(device, request, response) {
  if (device.fault) {
    const { status, error, retryAfterS } = device.fault;
    device.fault = null;
    device.requests.refused += 1;
    return refuse(response, status, error, retryAfterS);
  }
  device.requests.running += 1;
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-causeway-request': 'req-1' });
  const asked = {
    max: request.max_tokens ?? device.tokensMax,
    revise: request.causeway?.policy === 'revise',
    gone: () => response.destroyed,
  };
  let chunks = 0;
  for await (const chunk of reply(device, asked)) {
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    chunks += 1;
    if (chunks === 5 && device.midFault) return broken(device, response);
  }
  device.requests.running -= 1;
  device.requests[response.destroyed ? 'cancelled' : 'served'] += 1;
  response.end('data: [DONE]\n\n');
}

/**
 * Ends a reply in its middle.
 * @param {MockDevice} device
 * @param {Response} response
 */
function broken(device, response) {
  const error = device.midFault ?? {};
  device.midFault = null;
  device.requests.running -= 1;
  response.end('message' in error ? `data: ${JSON.stringify({ error })}\n\n` : '');
}

/**
 * @param {Request} request
 * @returns {Promise<any>}
 */
async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

/**
 * @param {Response} response
 * @param {number} status
 * @param {unknown} value
 */
function json(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/**
 * @param {Response} response
 * @param {number} status
 * @param {object} error
 * @param {number} [retryAfterS]
 */
function refuse(response, status, error, retryAfterS) {
  if (retryAfterS !== undefined) response.setHeader('retry-after', String(retryAfterS));
  json(response, status, { error });
}
