/**
 * A gate between the browser and the server: while it is shut, the server is gone. Bytes pass as
 * they are, so that it works in front of any server.
 */

import { connect, createServer } from 'node:net';

export class Gate {
  #target;
  #port = 0;
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  /** @type {import('node:net').Server | null} */
  #server = null;

  /** @param {string} url of the server behind it */
  constructor(url) {
    this.#target = new URL(url);
  }

  get url() {
    return `http://localhost:${this.#port}`;
  }

  async open() {
    const server = createServer((socket) => this.#pass(socket));
    await new Promise((done) => server.listen(this.#port, '127.0.0.1', () => done(null)));
    this.#port = /** @type {import('node:net').AddressInfo} */ (server.address()).port;
    this.#server = server;
  }

  /** Ends every connection, and takes no more. */
  async shut() {
    const closed = new Promise((done) => this.#server?.close(() => done(null)));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** @param {import('node:net').Socket} socket */
  #pass(socket) {
    const server = connect(Number(this.#target.port || 80), this.#target.hostname);
    for (const [one, other] of [
      [socket, server],
      [server, socket],
    ]) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
