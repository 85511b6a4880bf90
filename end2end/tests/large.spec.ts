import type { Page } from "@playwright/test";
import type { Api } from "../api.ts";
import { Run } from "../pages/run.ts";
import { expect, live, test } from "../test.ts";

/** Chains of tasks side by side, more than anybody sees at once. */
function chains(n: number, length: number): string {
  const task = (at: number): string => `  t${at}: { type: noop${at % length === 0 ? "" : `, needs: [t${at - 1}]`} }`;
  return `flow: large\ntasks:\n${Array.from({ length: n * length }, (_, at) => task(at)).join("\n")}\n`;
}

async function large(api: Api): Promise<string> {
  await api.save(chains(40, 50));
  return (await api.shown("large")).id;
}

const elements = (page: Page): Promise<number> => page.evaluate(() => document.querySelectorAll("*").length);
const cards = (page: Page): Promise<number> => page.locator(".graph a.n").count();

/** What a page may have, whatever it shows. */
const ELEMENTS_MAX = 4000;

test("a run of 2,000 tasks stays light wherever one looks", { tag: "@live" }, async ({ page, api }) => {
  test.setTimeout(120_000);
  const run = new Run(page);
  await run.openRun(await large(api));
  await live(page);
  await expect(run.card("t0")).toBeVisible();
  const zoomer = page.getByRole("group", { name: "Zoom" });
  expect(await elements(page)).toBeLessThan(ELEMENTS_MAX);
  for (const button of ["Actual size", "Larger", "Larger", "Smaller", "Smaller", "Smaller", "Smaller", "Smaller", "Fit"]) {
    await zoomer.getByRole("button", { name: button }).click();
    expect.soft(await elements(page), button).toBeLessThan(ELEMENTS_MAX);
  }
  // Fitted, nothing can be read: there are boxes, and the card that Tab comes to.
  expect(await cards(page)).toBeLessThanOrEqual(2);
  await zoomer.getByRole("button", { name: "Actual size" }).click();
  await expect.poll(() => cards(page)).toBeGreaterThan(10);
});

test("cards come into sight with the camera, the keyboard and the address", { tag: "@live" }, async ({ page, api }) => {
  test.setTimeout(120_000);
  const id = await large(api);
  const run = new Run(page);
  await run.openRun(id, "?task=t1999");
  await live(page);
  await expect(run.card("t1999", "succeeded")).toBeInViewport();
  await expect(run.card("t1999")).toHaveAttribute("aria-current", "true");
  await expect(run.card("t0", "succeeded")).toHaveCount(1);
  await run.card("t1999").focus();
  await page.keyboard.press("ArrowLeft");
  await expect(run.card("t1998")).toBeFocused();
  for (let step = 0; step < 12; step++) await page.keyboard.press("ArrowLeft");
  await expect(run.card("t1986")).toBeFocused();
  await expect(run.card("t1986")).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/task=t1986/);
  await page.keyboard.press("Home");
  await expect(run.card("t0")).toBeFocused();
  await expect(run.card("t0")).toBeInViewport();
  // What is open stays in the page, however far away it is.
  await expect(run.card("t1986")).toHaveAttribute("aria-current", "true");
  expect(await elements(page)).toBeLessThan(ELEMENTS_MAX);
});

test("a large run at work shows each state, near and far", { tag: "@live" }, async ({ page, api }) => {
  test.setTimeout(120_000);
  const source = chains(40, 5).replace("flow: large", "flow: large-gate").replace("t0: { type: noop }", "t0: { type: signal }");
  await api.save(source);
  const id = await api.start("large-gate");
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await expect(run.card("t0", "waiting")).toBeVisible();
  await page.getByRole("button", { name: "Fit", exact: true }).click();
  const boxes = (state: string) => page.locator(`.graph .tiles .box[data-state="${state}"]`);
  await expect.poll(() => boxes("blocked").count()).toBeGreaterThan(0);
  await api.signal(id, "t0");
  await expect(run.state).toHaveText("succeeded");
  await expect(boxes("blocked")).toHaveCount(0);
  await page.getByRole("button", { name: "Actual size" }).click();
  await expect(run.card("t0", "succeeded")).toBeVisible();
});

test("a large graph is there without scripts", { tag: "@no-scripts" }, async ({ page, api }) => {
  const run = new Run(page);
  await run.openRun(await large(api));
  await expect(run.card("t0", "succeeded")).toBeVisible();
  expect(await elements(page)).toBeLessThan(ELEMENTS_MAX);
  await run.card("t0").click();
  await expect(run.heading).toHaveText("t0");
});
