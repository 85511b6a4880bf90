// The pages people look at: what a first visit loads, and what a page costs on large runs and under many events.

import { expect, live, test } from "../test.ts";
import { Proxy } from "../proxy.ts";
import { Run } from "../pages/run.ts";
import { chains, cost, devtools, elements, firstLoad, megabytes, table, watch, watched, work } from "./measure.ts";

const say = table();

test("first load", async ({ page, api }) => {
  const { id } = await api.finished("hello");
  for (const [name, path, aim] of [["home", "/", "350 kB"], ["a run", `/runs/${id}`, ""]] as const) {
    const { all, fonts } = await firstLoad(page, path);
    say(`first load of ${name}, with headers, apart from fonts (${(fonts / 1000).toFixed(0)} kB)`, `${(all / 1000).toFixed(0)} kB`, aim);
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

test("a table of 100,000 rows", async ({ page, api }) => {
  await api.save(`
flow: bench-rows
tasks:
  each: { type: transform, for_each: { items: "{{ range(100000) | list }}", max_parallel: 1000 }, with: { value: "{{ item }}" } }
`);
  const { id } = await api.finished("bench-rows");
  const cdp = await devtools(page);
  await page.goto(`/runs/${id}?view=tasks&rows=all`);
  await live(page);
  const opened = await cost(cdp);
  await watch(page);
  say("a table of 100,000 rows: work until it lives", `${work({}, opened).toFixed(0)} ms`);
  const run = new Run(page);
  await run.tasks.getByRole("columnheader", { name: "Task" }).getByRole("link").click();
  await expect(run.tasks.getByRole("columnheader", { name: "Task" })).toHaveAttribute("aria-sort", "ascending");
  const sorted = await cost(cdp);
  say("the same: work to put them in order", `${work(opened, sorted).toFixed(0)} ms`);
  const list = page.locator(".task-list");
  const frames = (await watched(page)).frames;
  for (let step = 1; step <= 60; step++) await list.evaluate((list, step) => (list.scrollTop = (list.scrollHeight * step) / 60), step);
  const scrolled = await cost(cdp);
  const { frames: after } = await watched(page);
  say("the same, a hundred thousand rows scrolled past in 60 steps: work per frame", `${(work(sorted, scrolled) / Math.max(1, after - frames)).toFixed(1)} ms`);
  say("the same: elements; heap of scripts", `${await elements(page)}; ${megabytes(scrolled["JSHeapUsedSize"])}`, "4,000; 80 MB");
});

test("a grid of 5,000 tasks by runs", async ({ page, api }) => {
  await api.save(chains("bench-grid", 4999, 100, "1ms"));
  for (let n = 0; n < 5; n++) await api.finished("bench-grid");
  const began = Date.now();
  const cdp = await devtools(page);
  await page.goto("/flows/bench-grid");
  await live(page);
  const took = Date.now() - began;
  const opened = await cost(cdp);
  say("a flow of 5,000 tasks with its grid: until the page lives; of it work", `${took} ms; ${work({}, opened).toFixed(0)} ms`);
  await watch(page);
  const grid = page.locator(".grid-scroll");
  await grid.scrollIntoViewIfNeeded();
  const frames = (await watched(page)).frames;
  for (let step = 1; step <= 60; step++) await grid.evaluate((grid, step) => (grid.scrollTop = (grid.scrollHeight * step) / 60), step);
  await expect(grid.locator(".grid-row").last()).toBeInViewport();
  const scrolled = await cost(cdp);
  const { frames: after } = await watched(page);
  say("the grid, scrolled past in 60 steps: work per frame", `${(work(opened, scrolled) / Math.max(1, after - frames)).toFixed(1)} ms`);
  say("the same: elements; heap of scripts", `${await elements(page)}; ${megabytes(scrolled["JSHeapUsedSize"])}`, "4,000; 80 MB");
});

test("a log of a million lines", async ({ page, api }) => {
  await api.save("flow: bench-log\ntasks:\n  talk: { type: shell, with: { command: seq 1 1000000 } }\n");
  const { id } = await api.finished("bench-log");
  const run = new Run(page);
  await page.goto(`/runs/${id}`);
  await live(page);
  const seen = (text: string): Promise<unknown> =>
    page.waitForFunction(
      (text) => [...document.querySelectorAll(".log li .t")].some((line) => line.textContent === text),
      text,
      { polling: "raf" },
    );
  const timed = async (act: () => Promise<unknown>, text: string): Promise<number> => {
    const began = Date.now();
    await act();
    await seen(text);
    return Date.now() - began;
  };
  const first = await timed(() => run.card("talk").click(), "1000000");
  say("a log of 1,000,000 lines: from the click until its end is there, for the first time", `${first} ms`, "300 ms");
  await run.close.click();
  const again = await timed(() => run.card("talk").click(), "1000000");
  say("the same again", `${again} ms`, "300 ms");
  const cdp = await devtools(page);
  const before = await cost(cdp);
  const middle = await timed(() => run.log.evaluate((log) => (log.scrollTop = 18 * 500_000)), "500010");
  say("the same, its middle: until it is there; work", `${middle} ms; ${work(before, await cost(cdp)).toFixed(0)} ms`, "300 ms");
  say("the same: rows drawn", `${await run.lines.count()}`, "200");
  const began = Date.now();
  await run.findInLog.fill("777777");
  await expect(run.hits).toHaveText("1 line");
  say("the same, searched: until what fits is counted and there, 150 ms of it waiting for more letters", `${Date.now() - began} ms`, "450 ms");
});
