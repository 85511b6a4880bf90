// The binary under test: started on a free loopback port with a folder of its own, stopped afterwards.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env["POINTWORK"] ?? resolve(import.meta.dirname, "../target/release/pointwork");

/** How long the server may take until it answers, in milliseconds. */
const START_LIMIT = 20_000;

export class Server {
  private process: ChildProcess | undefined;
  /** What the server has said so far, for the message of a failed start. */
  private said: string[] = [];
  private address = "127.0.0.1:0";

  private constructor(readonly data: string) {}

  /** Starts a server with an empty data folder. */
  static async start(): Promise<Server> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: run 'make build'`);
    const server = new Server(await mkdtemp(join(tmpdir(), "pointwork-")));
    await server.again();
    return server;
  }

  /** The address of its pages, without a slash at the end. */
  get url(): string {
    return `http://${this.address}`;
  }

  /** Starts it with the data it had: at a free port the first time, at the same one from then on. */
  async again(): Promise<void> {
    const child = spawn(BINARY, ["serve", "--listen", this.address, "--data", this.data], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process = child;
    const started = new Promise<string>((found, fail) => {
      const limit = setTimeout(() => fail(this.notStarted("said no address")), START_LIMIT);
      child.once("error", fail);
      child.once("exit", (code, signal) => {
        clearTimeout(limit);
        fail(this.notStarted(`ended with ${code ?? signal}`));
      });
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on("line", (line) => {
          this.said.push(line);
          const address = /http:\/\/([\w.:[\]-]+:\d+)/.exec(line)?.[1];
          if (address) {
            clearTimeout(limit);
            found(address);
          }
        });
      }
    });
    this.address = await started;
  }

  /** Ends it at once and without warning, as a power cut would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends it in good order and removes its data. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.data, { recursive: true, force: true });
  }

  private async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  private notStarted(what: string): Error {
    return new Error(`${BINARY} serve: ${what}\n${this.said.join("\n")}`);
  }
}
