// The pictures the README shows. They are always taken; PICTURES=1 keeps them.

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

test("a run at work", { tag: "@live" }, async ({ page, api }) => {
  const run = new Run(page);
  await page.emulateMedia({ colorScheme: "light" });
  await run.openRun(await api.start("order-checks", { pace: 5 }), "?task=credit");
  await live(page);
  const retrying = run.card("Check credit", "retrying").filter({ hasText: "retry 3/4" });
  await expect(retrying).toBeVisible();
  await expect(run.lines.last()).toContainText("the bank does not answer");
  await run.lines.last().scrollIntoViewIfNeeded();
  await take(page, "run-light.png");
  await page.emulateMedia({ colorScheme: "dark" });
  await take(page, "run-dark.png");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.reload();
  await live(page);
  await take(page, "run-narrow.png");
  await expect(retrying, "the pictures were taken too late").toBeVisible();
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
