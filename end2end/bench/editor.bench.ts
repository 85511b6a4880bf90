// The editor on large flows: until it can be used, and what each frame costs while something moves.

import type { CDPSession, Locator, Page } from "@playwright/test";
import { Edit } from "../pages/edit.ts";
import { expect, live, test } from "../test.ts";
import { cost, devtools, elements, firstLoad, megabytes, memory, table, watch, watched, work } from "./measure.ts";

const say = table();

/** `n` tasks in rows of 50, each after the one before and every second also after the one above: three edges for two tasks. */
function mesh(flow: string, n: number): string {
  const tasks = Array.from({ length: n }, (_, at) => {
    const needs = [
      ...(at % 50 === 0 ? [] : [`t${at - 1}`]),
      ...(at >= 50 && at % 2 === 0 ? [`t${at - 50}`] : []),
    ];
    return `  t${at}: { type: noop, needs: [${needs.join(", ")}] }`;
  });
  return `flow: ${flow}\ntasks:\n${tasks.join("\n")}\n`;
}

async function opened(page: Page, flow: string): Promise<CDPSession> {
  const cdp = await devtools(page);
  await new Edit(page).openEditor(flow);
  await live(page);
  return cdp;
}

/** Where a card is that lies wholly on the canvas: some wait beside it. */
async function inSight(stage: Locator): Promise<[number, number]> {
  return stage.evaluate((stage) => {
    const around = stage.getBoundingClientRect();
    for (const card of stage.querySelectorAll("[role=option]")) {
      const box = card.getBoundingClientRect();
      const is_inside = box.left > around.left && box.top > around.top && box.right < around.right - 200 && box.bottom < around.bottom - 100;
      if (is_inside && box.width > 0) return [box.x + box.width / 2, box.y + box.height / 2];
    }
    throw new Error("no card is in sight");
  });
}

/** What each frame costs while `act` goes on: mean and the longest task. */
async function moving(page: Page, cdp: CDPSession, what: string, act: () => Promise<void>): Promise<void> {
  await watch(page);
  const before = await cost(cdp);
  await act();
  const after = await cost(cdp);
  const { frames, longest } = await watched(page);
  say(what, `${(work(before, after) / frames).toFixed(1)} ms; ${longest.toFixed(0)} ms`, "6 ms");
}

test("first load", async ({ page }) => {
  const { all } = await firstLoad(page, "/edit");
  say("first load of the editor, with headers, apart from fonts", `${(all / 1000).toFixed(0)} kB`, "600 kB");
});

test("a small flow is opened", async ({ page }) => {
  const cdp = await opened(page, "hello");
  say("a small flow opened: work", `${work({}, await cost(cdp)).toFixed(0)} ms`);
});

test("a flow of 1,000 tasks is opened", async ({ page, api }) => {
  await api.save(mesh("bench-1000", 1000));
  const cdp = await opened(page, "bench-1000");
  const after = await cost(cdp);
  // On the clock with a warm cache, as people have it who open a flow again; the server is not measured.
  await page.addInitScript(() => {
    const note = (): void => {
      (globalThis as { lived?: number }).lived ??= performance.now();
    };
    new MutationObserver(note).observe(document, { subtree: true, attributeFilter: ["data-live"] });
  });
  const clock: number[] = [];
  for (let time = 0; time < 5; time++) {
    await new Edit(page).openEditor("bench-1000");
    await live(page);
    clock.push(
      await page.evaluate(() => {
        const [page] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
        return ((globalThis as { lived?: number }).lived ?? Number.NaN) - (page?.responseEnd ?? 0);
      }),
    );
  }
  const usual = clock.sort((a, b) => a - b)[2] ?? 0;
  say("1,000 tasks opened: after the page came, on the clock with a warm cache, of 5 the middle; work the first time", `${usual.toFixed(0)} ms; ${work({}, after).toFixed(0)} ms`, "400 ms");
});

test("2,000 tasks and 3,000 edges", async ({ page, api }) => {
  await api.save(mesh("bench-mesh", 2000));
  const cdp = await opened(page, "bench-mesh");
  const edit = new Edit(page);
  const stage = await edit.stage.boundingBox();
  if (!stage) throw new Error("the canvas is not shown");
  const [x, y] = [stage.x + stage.width / 2, stage.y + stage.height / 2];
  await page.mouse.move(x, y);
  say("2,000 tasks opened: work", `${work({}, await cost(cdp)).toFixed(0)} ms`);
  // The editor begins so near that cards can be read: they come and go.
  await moving(page, cdp, "2,000 tasks, panned near: work per frame; longest task", async () => {
    for (let step = 0; step < 60; step++) await page.mouse.wheel(40, -10);
    for (let step = 0; step < 60; step++) await page.mouse.wheel(-40, 10);
  });
  say("the same: elements", `${await elements(page)}`, "4,000");
  const [left, top] = await inSight(edit.stage);
  await page.mouse.click(left, top);
  await moving(page, cdp, "the same, a task dragged", async () => {
    await page.mouse.move(left, top);
    await page.mouse.down();
    for (let step = 0; step < 120; step++) await page.mouse.move(left + step, top + step / 2);
  });
  await moving(page, cdp, "the same, dropped", () => page.mouse.up());
  await moving(page, cdp, "the same, undone", async () => {
    await page.keyboard.press("Control+z");
    await expect(edit.status).toHaveText(/^Undone/);
  });
  await edit.stage.press("1");
  await page.mouse.move(x, y);
  await moving(page, cdp, "all in sight, panned", async () => {
    for (let step = 0; step < 60; step++) await page.mouse.wheel(10, 5);
    for (let step = 0; step < 60; step++) await page.mouse.wheel(-10, -5);
  });
  await moving(page, cdp, "all in sight, zoomed in and out", async () => {
    await page.keyboard.down("Control");
    for (let step = 0; step < 60; step++) await page.mouse.wheel(0, -30);
    for (let step = 0; step < 60; step++) await page.mouse.wheel(0, 30);
    await page.keyboard.up("Control");
  });
  const heap = (await cost(cdp))["JSHeapUsedSize"] ?? 0;
  say("the same: elements; heap of scripts and memory of WASM", `${await elements(page)}; ${megabytes(heap + (await memory(page)))}`, "4,000; 80 MB");
});
