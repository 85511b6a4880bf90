import { HomePage } from "../pages/home.ts";
import { expect, live, test } from "../test.ts";

test("the first page is there before any script", async ({ page }) => {
  const home = new HomePage(page);
  await home.open();
  await expect(home.heading).toHaveText("Pointwork");
});

test("the app takes the page over", { tag: "@live" }, async ({ page, accessible }) => {
  const home = new HomePage(page);
  await home.open();
  await live(page);
  await home.counter.click();
  await expect(home.counter).toHaveText("Clicked 1 times");
  await accessible();
});

test("what has a hash in its name is kept for ever", { tag: "@live" }, async ({ page }) => {
  const parts: Record<string, string | undefined>[] = [];
  page.on("response", (response) => {
    if (response.url().includes("/pkg/")) parts.push(response.headers());
  });
  await new HomePage(page).open();
  await live(page);
  expect(parts.length).toBeGreaterThanOrEqual(3);
  for (const headers of parts) {
    expect(headers["cache-control"]).toContain("immutable");
    expect(headers["content-encoding"]).toBeDefined();
  }
});
