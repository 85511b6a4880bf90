import type { Page } from "@playwright/test";
import type { Api } from "../api.ts";
import { Flow } from "../pages/flow.ts";
import { Frame } from "../pages/frame.ts";
import { Run } from "../pages/run.ts";
import { expect, live, mark, expectMarked, test } from "../test.ts";

/** Every kind of page there is, with something on it. */
async function pages(api: Api): Promise<string[]> {
  const { id } = await api.shown("release", { healthy: false });
  const chain = Array.from({ length: 12 }, (_, at) => `  t${at}: { type: noop${at ? `, needs: [t${at - 1}]` : ""} }`).join("\n");
  await api.save(`flow: long-chain\ntasks:\n${chain}`);
  await api.save(`flow: long-chain\ntasks:\n${chain}\n  end: { type: noop, needs: [t11] }`);
  return [
    "/",
    "/flows",
    "/flows?q=nothing-is-called-that",
    "/flows/order-checks",
    "/flows/new",
    "/flows/long-chain/versions",
    "/runs",
    "/runs?q=nothing-is-called-that",
    "/runs?q=state:open,succeeded dur:>=0s",
    `/runs/${id}`,
    `/runs/${id}?task=check`,
    `/runs/${id}?view=tasks&task=build`,
    `/runs/${id}?do=retry`,
    "/no/such/page",
  ];
}

const scheme = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
const paper = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

test("the theme is kept, and is there with the first byte", async ({ page, alive, javaScriptEnabled }) => {
  await page.emulateMedia({ colorScheme: "light" });
  const frame = new Frame(page);
  await frame.open("/flows");
  await alive();
  const root = page.locator("html");
  await expect(root).not.toHaveAttribute("data-theme");
  await expect(frame.theme("As the system")).toHaveAttribute("aria-pressed", "true");
  const light = await paper(page);

  if (javaScriptEnabled) await mark(page);
  const kept = page.waitForResponse((response) => response.url().includes("/fn/set_theme"));
  await frame.theme("Dark").click();
  await kept;
  await expect(root).toHaveAttribute("data-theme", "dark");
  if (javaScriptEnabled) await expectMarked(page);
  expect(await paper(page)).not.toBe(light);

  const html = await (await frame.open("/runs"))?.text();
  expect(html).toMatch(/<html[^>]* data-theme="dark"/);
  await alive();
  await expect(frame.theme("Dark")).toHaveAttribute("aria-pressed", "true");
  expect(await scheme(page)).toBe("dark");

  const undone = page.waitForResponse((response) => response.url().includes("/fn/set_theme"));
  await frame.theme("As the system").click();
  await undone;
  await expect(root).not.toHaveAttribute("data-theme");
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await paper(page)).not.toBe(light);
});

test("who wants less motion gets none", { tag: "@live" }, async ({ page, api }) => {
  const id = await api.start("order-checks", { pace: 30 });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await expect(run.card("Fetch order", "running")).toBeVisible();
  const moving = () => page.evaluate(() => document.getAnimations().filter((animation) => animation.playState === "running").length);
  await expect.poll(moving).toBeGreaterThan(0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await expect.poll(moving).toBe(0);
  await api.cancel(id);
});

for (const width of [320, 390, 1440]) {
  test(`no page is wider than a screen of ${width} pixels`, async ({ page, api, alive, forgiven }) => {
    test.setTimeout(120_000);
    forgiven.push(/status of 404/);
    await page.setViewportSize({ width, height: 800 });
    for (const path of await pages(api)) {
      await page.goto(path);
      if (path.startsWith("/runs/")) await alive();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect.soft(over, `${path} is wider than the screen`).toBeLessThanOrEqual(0);
    }
  });
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`every page can be used by everybody, ${colorScheme}`, { tag: "@live" }, async ({ page, api, accessible, forgiven }) => {
    test.setTimeout(120_000);
    forgiven.push(/status of 404/);
    await page.emulateMedia({ colorScheme });
    for (const path of await pages(api)) {
      await page.goto(path);
      await live(page);
      await expect(page.getByRole("main")).toBeVisible();
      await accessible();
    }
  });
}

test("names are legible where a wide graph is seen whole", { tag: "@live" }, async ({ page, api }) => {
  await page.setViewportSize({ width: 3840, height: 2160 });
  const names = ["Load customer records", "Write the ledger", "Notify accounts"];
  const tasks = Array.from({ length: 24 }, (_, n) => `  t${n}: { name: ${names[n % 3]}, type: noop${n ? `, needs: [t${n - 1}]` : ""} }`);
  await api.save(`flow: wide\ntasks:\n${tasks.join("\n")}\n`);
  const { id } = await api.finished("wide");
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  for (const name of names) {
    const card = run.card(name).first();
    await expect(card).toBeVisible();
    const seen = await card.evaluate((card) => {
      const text = card.querySelector("text") as SVGTextElement;
      const scale = text.getScreenCTM()?.a ?? 0;
      return {
        scale,
        size: Number.parseFloat(getComputedStyle(text).fontSize) * scale,
        name: text.getBoundingClientRect().right,
        state: card.querySelector(".si")?.getBoundingClientRect().left ?? 0,
      };
    });
    expect(seen.scale).toBeLessThan(0.6);
    expect(seen.size).toBeGreaterThan(10);
    // It does not run into what is said of the state.
    expect(seen.name).toBeLessThanOrEqual(seen.state + 1);
  }
});

test("a run that is at work can be used by everybody", { tag: "@live" }, async ({ page, api, accessible }) => {
  await api.save(`
flow: stubborn
tasks:
  tries: { type: shell, with: { command: "echo trying; exit 1" }, retry: { max_attempts: 3, first: 10m, max: 10m, jitter: none } }
  works: { type: shell, with: { command: "echo at work; sleep 600" } }
  after: { type: noop, needs: [tries, works] }
`);
  const id = await api.start("stubborn");
  const run = new Run(page);
  await run.openRun(id, "?task=tries");
  await live(page);
  await expect(run.card("tries", "retrying")).toBeVisible();
  await expect(run.lines).toHaveText(["trying"]);
  // The same word where they are counted.
  await expect(run.views).toContainText("1 retrying");
  await expect(run.views).not.toContainText("waiting");
  await accessible();
  await api.cancel(id);
});

test("a form's error can be used by everybody", { tag: "@live" }, async ({ page, accessible, forgiven }) => {
  forgiven.push(/status of 422/);
  const flow = new Flow(page);
  await flow.openFlow("hello");
  await live(page);
  await flow.field("times").evaluate((field) => field.removeAttribute("max"));
  await flow.field("times").fill("11");
  await flow.start.click();
  await expect(flow.field("times")).toHaveAttribute("aria-invalid", "true");
  await accessible();
});

test("with colours of the reader's own it is seen where one is, and what a bar says", { tag: "@live" }, async ({ page, api }) => {
  await page.emulateMedia({ forcedColors: "active" });
  const { id } = await api.finished("hello");
  const run = new Run(page);
  await run.openRun(id, "?view=timeline");
  await live(page);
  const paint = (selector: string) =>
    page.locator(selector).first().evaluate((element) => getComputedStyle(element).backgroundColor);
  expect(await paint(".rail a.item[aria-current]")).not.toBe(await paint(".rail a.item:not([aria-current])"));
  expect(await paint(".tabs a[aria-current]")).not.toBe(await paint(".tabs a.tab:not([aria-current])"));
  expect(await paint(".trows .tbar")).not.toBe(await paint(".timeline"));
  const ends = await page.locator(".trows .track").first().evaluate((element) => getComputedStyle(element).borderLeftColor);
  expect(ends).toBe("rgba(0, 0, 0, 0)");
});

test("the buttons of the zoom cover no card of a flow", { tag: "@live" }, async ({ page }) => {
  for (const size of [{ width: 1440, height: 900 }, { width: 390, height: 844 }]) {
    await page.setViewportSize(size);
    await new Flow(page).openFlow("order-checks");
    await live(page);
    const zoom = await page.getByRole("group", { name: "Zoom" }).boundingBox();
    const stage = await page.locator(".stage").first().boundingBox();
    expect((zoom?.y ?? 999) + (zoom?.height ?? 0)).toBeLessThanOrEqual(stage?.y ?? 0);
  }
});
