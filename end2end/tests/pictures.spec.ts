// The pictures the README shows. They are always taken; PICTURES=1 keeps them.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Flows } from "../pages/flows.ts";
import { Run } from "../pages/run.ts";
import { expect, live, test } from "../test.ts";

const FOLDER = join(import.meta.dirname, "../pictures");
const KEEP = process.env["PICTURES"] === "1";

test.use({ viewport: { width: 1440, height: 900 } });

async function take(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  const png = await page.screenshot({ ...(KEEP && { path: join(FOLDER, name) }), animations: "disabled", caret: "hide" });
  expect(png.length).toBeGreaterThan(10_000);
}

test("a run at work", { tag: "@live" }, async ({ page, api, server }) => {
  test.setTimeout(120_000);
  // The example, but it begins when the pages are ready, its bank stays away for longer and its store has more shelves: all
  // pictures show the same moment.
  const gate = join(server.data, "gate-of-pictures");
  const source = await api.source("order-checks");
  await api.save(
    source
      .replace("flow: order-checks", "flow: order-checks-at-leisure")
      .replace('sleep "$PACE"', `until [ -e '${gate}' ]; do sleep 0.1; done`)
      .replace("first: 2s", "first: 10s")
      .replace("in A B C;", "in A B C D E F G H I J K L M N O P Q R S T U V W X Y Z;"),
  );
  const id = await api.start("order-checks-at-leisure", { pace: 2 });
  const narrow = await page.context().newPage();
  await narrow.setViewportSize({ width: 390, height: 844 });
  for (const each of [page, narrow]) {
    await each.emulateMedia({ colorScheme: "light" });
    await new Run(each).openRun(id, "?task=credit");
    await live(each);
  }
  await writeFile(gate, "");
  await page.bringToFront();
  const run = new Run(page);
  const retrying = (each: Run) => each.card("Check credit", "retrying").filter({ hasText: "retry 3/4" });
  await expect(retrying(run)).toBeVisible({ timeout: 40_000 });
  await expect(run.lines.last()).toContainText("the bank does not answer");
  await expect(run.card("Check stock", "running")).toBeVisible();
  await run.lines.last().evaluate((line) => line.scrollIntoView({ block: "nearest" }));
  await take(page, "run-light.png");
  await page.emulateMedia({ colorScheme: "dark" });
  await take(page, "run-dark.png");
  await narrow.bringToFront();
  await expect(retrying(new Run(narrow))).toBeVisible();
  await take(narrow, "run-narrow.png");
  await api.cancel(id);
  await api.archive("order-checks-at-leisure");
});

test("the flows", { tag: "@live" }, async ({ page, api }) => {
  const release = [true, false, true].map((healthy) => api.finished("release", { healthy }));
  const hello = [1, 2, 3, 4, 5, 6].map((times) => api.finished("hello", { times }));
  await Promise.all([...release, ...hello, api.finished("health-report"), api.finished("order-checks", { pace: 0 })]);
  const flows = new Flows(page);
  await page.emulateMedia({ colorScheme: "light" });
  await flows.open("/flows");
  await live(page);
  await expect(flows.row("Health report").getByRole("group")).toBeVisible();
  await take(page, "flows-light.png");
});
