// The pages people look at: what a first visit loads, and what a page costs on large runs and under many events.

import { expect, live, test } from "../test.ts";
import { Proxy } from "../proxy.ts";
import { Run } from "../pages/run.ts";
import { chains, cost, devtools, elements, firstLoad, megabytes, table, watch, watched, work } from "./measure.ts";

const say = table();

test("first load", async ({ page, api }) => {
  const { id } = await api.finished("hello");
  for (const [name, path] of [["home", "/"], ["a run", `/runs/${id}`]] as const) {
    const { all, fonts } = await firstLoad(page, path);
    say(`first load of ${name}, with headers, apart from fonts (${(fonts / 1000).toFixed(0)} kB)`, `${(all / 1000).toFixed(0)} kB`, "350 kB");
  }
});

test("2,000 tasks at work", async ({ page, api }) => {
  await api.save(chains("bench-2000", 1999, 50, "80ms", "15s"));
  const id = await api.start("bench-2000");
  await page.goto(`/runs/${id}`);
  await live(page);
  const cdp = await devtools(page);
  await watch(page);
  const [before, at, began] = [await cost(cdp), (await api.run(id)).last_seq, Date.now()];
  await expect(new Run(page).state).toHaveText("succeeded", { timeout: 120_000 });
  const [after, end, took] = [await cost(cdp), (await api.run(id)).last_seq, Date.now() - began];
  const { frames, longest } = await watched(page);
  const rate = Math.round((1000 * (end - at)) / took);
  say(`2,000 tasks, ${rate} events a second: work per frame`, `${(work(before, after) / frames).toFixed(1)} ms`, "6 ms");
  say("the same: longest task; share of one processor", `${longest.toFixed(0)} ms; ${((100 * work(before, after)) / took).toFixed(0)} %`, "50 ms");
  say("the same: elements; heap of scripts", `${await elements(page)}; ${megabytes(after["JSHeapUsedSize"])}`, "4,000; 80 MB");

  const stage = page.locator(".stage").first();
  const box = await stage.boundingBox();
  if (!box) throw new Error("the graph is not shown");
  const panned = await cost(cdp);
  const frames_before = (await watched(page)).frames;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  for (let step = 0; step < 120; step++) await page.mouse.move(box.x + box.width / 2 + 3 * step, box.y + box.height / 2 + step);
  await page.mouse.up();
  const n = (await watched(page)).frames - frames_before;
  say("2,000 tasks, panned: work per frame", `${(work(panned, await cost(cdp)) / n).toFixed(1)} ms`, "6 ms");
});

test("the first page", async ({ page, api }) => {
  await api.save("flow: bench-short\ntasks:\n  a: { type: noop }\n");
  for (let n = 0; n < 300; n++) await api.start("bench-short");
  const cdp = await devtools(page);
  await page.goto("/");
  await live(page);
  const opened = await cost(cdp);
  say("the first page: work until it lives", `${work({}, opened).toFixed(0)} ms`);
  const began = Date.now();
  for (let n = 0; n < 300; n++) await api.start("bench-short");
  const after = await cost(cdp);
  const rate = Math.round(300_000 / (Date.now() - began));
  say(`the first page, ${rate} runs a second: share of one processor`, `${((100 * work(opened, after)) / (Date.now() - began)).toFixed(0)} %`);
  say("the same: elements; heap of scripts", `${await elements(page)}; ${megabytes(after["JSHeapUsedSize"])}`, "4,000; 80 MB");
});

test("the network comes back", async ({ page, api, server, forgiven }) => {
  forgiven.push(/net::ERR/);
  await api.save(chains("bench-talk", 1, 1, "1ms", "60s"));
  const proxy = await Proxy.to(server.url);
  const id = await api.start("bench-talk");
  await page.goto(`${proxy.url}/runs/${id}`);
  await live(page);
  const { dot } = new Run(page);
  await expect(dot).toHaveText("live");
  const waits: number[] = [];
  for (let cut = 0; cut < 9; cut++) {
    const began = Date.now();
    proxy.cut();
    await expect(dot).toHaveText(/^reconnecting/);
    await page.waitForFunction(() => document.querySelector(".dot")?.textContent === "live", undefined, { polling: "raf" });
    waits.push(Date.now() - began);
  }
  waits.sort((a, b) => a - b);
  say("a cut connection stands again, p50; longest of 9", `${waits[4]}; ${waits[8]} ms`, "1,000 ms");
  await api.cancel(id);
  await proxy.stop();
});

test("10,000 tasks to look at", async ({ page, api }) => {
  await api.save(chains("bench-10000", 9999, 100, "1ms"));
  const { id } = await api.finished("bench-10000");
  const cdp = await devtools(page);
  const began = Date.now();
  await page.goto(`/runs/${id}`);
  await live(page);
  const took = Date.now() - began;
  const after = await cost(cdp);
  say("10,000 tasks: until the page lives; of it work", `${took} ms; ${(1000 * (after["ScriptDuration"] ?? 0)).toFixed(0)} ms`, "1,500 ms");
  say("10,000 tasks: elements; heap of scripts", `${await elements(page)}; ${megabytes(after["JSHeapUsedSize"])}`, "4,000; –");
});

test("from commit to paint", async ({ page, api }) => {
  await api.save(chains("bench-chain", 40, 40, "100ms", "5s"));
  const id = await api.start("bench-chain");
  await page.goto(`/runs/${id}`);
  await live(page);
  await page.evaluate(() => {
    const painted: Record<string, number> = {};
    Object.assign(globalThis, { painted });
    new MutationObserver((changes) => {
      for (const { target } of changes) {
        const card = target as Element;
        const key = card.getAttribute("data-n");
        // The frame after the next has the change on the screen.
        if (key !== null && card.getAttribute("data-state") === "succeeded")
          requestAnimationFrame(() => requestAnimationFrame(() => (painted[`t${Number(key) - 1}`] ??= Date.now())));
      }
    }).observe(document.body, { subtree: true, attributeFilter: ["data-state"] });
  });
  await expect(new Run(page).state).toHaveText("succeeded", { timeout: 60_000 });
  const painted = await page.evaluate(() => (globalThis as unknown as { painted: Record<string, number> }).painted);
  const response = await page.request.get(`/api/v1/runs/${id}`);
  const { tasks } = (await response.json()) as { tasks: { path: string; finished_at: string }[] };
  const waits = tasks
    .flatMap(({ path, finished_at }) => (painted[path] ? [painted[path] - Date.parse(finished_at)] : []))
    .sort((a, b) => a - b);
  const at = (share: number): string => `${(waits[Math.floor(share * (waits.length - 1))] ?? 0).toFixed(0)} ms`;
  expect(waits.length).toBeGreaterThan(20);
  say(`from commit to paint, p50; p95 (of ${waits.length})`, `${at(0.5)}; ${at(0.95)}`, "50; 120 ms");
});
