// A network that fails when told to: a TCP proxy between browser and server.

import { once } from "node:events";
import { createServer, connect, type Server, type Socket } from "node:net";

export class Proxy {
  private readonly sockets = new Set<Socket>();
  private isDown = false;
  /** Milliseconds that each piece waits on its way to the browser. */
  delay = 0;
  /** Connections that were opened through it so far. */
  opened = 0;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** Listens on a free port, for the server at this address. */
  static async to(target: string): Promise<Proxy> {
    const { hostname, port } = new URL(target);
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a proxy without a port");
    const proxy = new Proxy(server, `http://127.0.0.1:${address.port}`);
    server.on("connection", (browser) => proxy.join(browser, connect(Number(port), hostname)));
    return proxy;
  }

  private join(browser: Socket, upstream: Socket): void {
    if (this.isDown) {
      browser.destroy();
      upstream.destroy();
      return;
    }
    this.opened += 1;
    const both = [browser, upstream];
    for (const socket of both) {
      this.sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.sockets.delete(socket);
        for (const each of both) each.destroy();
      });
    }
    browser.on("data", (piece) => upstream.write(piece));
    // One timer a piece keeps them in order as long as the delay does not shrink.
    upstream.on("data", (piece) => {
      if (this.delay === 0) browser.write(piece);
      else setTimeout(() => browser.destroyed || browser.write(piece), this.delay);
    });
  }

  /** Breaks all connections; new ones are refused until `up`. */
  down(): void {
    this.isDown = true;
    this.cut();
  }

  up(): void {
    this.isDown = false;
  }

  /** Breaks all connections in the middle of whatever they carry. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }
}
