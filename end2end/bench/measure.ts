// What the benches of pages count, by what Chromium's DevTools say: time in scripts, styles and layout, not on the clock, so that a busy
// machine without a graphics card says the same as a quiet one.

import type { CDPSession, Page } from "@playwright/test";
import { live, test } from "../test.ts";

/** A Markdown table that is printed when the file's measurements are done. */
export function table(): (what: string, measured: string, aim?: string) => void {
  const rows: string[] = [];
  test.afterAll(() => {
    console.log(["", "| Page | Measured | Aim |", "| --- | --- | --- |", ...rows, ""].join("\n"));
  });
  return (what, measured, aim = "") => void rows.push(`| ${what} | ${measured} | ${aim} |`);
}

/** Chains of tasks side by side, each a short wait. They begin together, after a wait that lets the page be there first. */
export function chains(flow: string, n: number, length: number, wait: string, first = "1ms"): string {
  const tasks = Array.from({ length: n }, (_, at) => {
    const before = `, needs: [${at % length === 0 ? "gate" : `t${at - 1}`}]`;
    return `  t${at}: { type: delay, with: { for: "${wait}" }${before} }`;
  });
  return `flow: ${flow}\ntasks:\n  gate: { type: delay, with: { for: "${first}" } }\n${tasks.join("\n")}\n`;
}

/** What the page has cost so far, in milliseconds, and how large it is. */
export async function cost(cdp: CDPSession): Promise<Record<string, number>> {
  const { metrics } = await cdp.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

export const work = (before: Record<string, number>, after: Record<string, number>): number =>
  1000 * ["ScriptDuration", "LayoutDuration", "RecalcStyleDuration"].reduce((sum, name) => sum + (after[name] ?? 0) - (before[name] ?? 0), 0);

export const megabytes = (bytes: number | undefined): string => `${((bytes ?? 0) / 1e6).toFixed(0)} MB`;
export const elements = (page: Page): Promise<number> => page.evaluate(() => document.querySelectorAll("*").length);

/** What the app's own code holds, in bytes: memory of WASM grows and is never given back. */
export const memory = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const glue = document.querySelector<HTMLLinkElement>('link[rel="modulepreload"]')?.href ?? "";
    const app = (await import(glue)) as { initSync: () => { memory: WebAssembly.Memory } };
    return app.initSync().memory.buffer.byteLength;
  });

export async function devtools(page: Page): Promise<CDPSession> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  return cdp;
}

/** Counts frames and the longest task from now on, in the page. */
export async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen = { frames: 0, longest: 0 };
    Object.assign(globalThis, { seen });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
    }).observe({ type: "longtask" });
    const frame = (): void => {
      seen.frames += 1;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

export const watched = (page: Page): Promise<{ frames: number; longest: number }> =>
  page.evaluate(() => (globalThis as unknown as { seen: { frames: number; longest: number } }).seen);

export async function firstLoad(page: Page, path: string): Promise<{ all: number; fonts: number }> {
  const cdp = await devtools(page);
  await cdp.send("Network.enable");
  await cdp.send("Network.setCacheDisabled", { cacheDisabled: true });
  const kinds = new Map<string, string>();
  const sum = { all: 0, fonts: 0 };
  cdp.on("Network.responseReceived", ({ requestId, type, response }) => kinds.set(requestId, response.url.includes("/live") ? "live" : type));
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (kinds.get(requestId) === "Font") sum.fonts += encodedDataLength;
    else sum.all += encodedDataLength;
  });
  await page.goto(path);
  await live(page);
  await page.evaluate(() => document.fonts.ready);
  return sum;
}
