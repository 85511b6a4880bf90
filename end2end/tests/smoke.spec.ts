import { Frame } from "../pages/frame.ts";
import { expect, live, test } from "../test.ts";

test("every page is there before any script", async ({ page }) => {
  const frame = new Frame(page);
  await frame.open();
  await expect(frame.crumbs).toHaveText("Home");
  await frame.runs.click();
  await expect(page).toHaveURL(/\/runs$/);
  await expect(frame.main).toBeVisible();
});

test("the app takes the page over", { tag: "@live" }, async ({ page }) => {
  const frame = new Frame(page);
  await frame.open();
  await live(page);
  // What a script left in the page is gone if the browser loads the next one from the server.
  await page.evaluate(() => document.body.setAttribute("data-mark", ""));
  await frame.runs.click();
  await expect(page).toHaveURL(/\/runs$/);
  await expect(frame.runs).toHaveAttribute("aria-current", "page");
  await expect(page.locator("body")).toHaveAttribute("data-mark", "");
});

test("what has a hash in its name is kept for ever", { tag: "@live" }, async ({ page }) => {
  const parts: Record<string, string>[] = [];
  page.on("response", (response) => {
    if (response.url().includes("/pkg/")) parts.push(response.headers());
  });
  await new Frame(page).open();
  await live(page);
  expect(parts.length).toBeGreaterThanOrEqual(3);
  for (const headers of parts) {
    expect(headers["cache-control"]).toContain("immutable");
    expect(headers["content-encoding"]).toBeDefined();
  }
});

test("an address that leads nowhere is not found", { tag: "@no-scripts" }, async ({ request }) => {
  expect((await request.get("/no/such/page")).status()).toBe(404);
  expect((await request.get("/pkg/app-0000000000000000.js")).status()).toBe(404);
});
