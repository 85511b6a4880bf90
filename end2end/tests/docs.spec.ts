import type { Page } from "@playwright/test";
import { expect, test } from "../test.ts";

/** Lets nothing out of this machine, and tells what wanted to. */
async function offline(page: Page): Promise<string[]> {
  const outside: string[] = [];
  await page.route(
    (url) => url.protocol.startsWith("http") && url.hostname !== "127.0.0.1",
    async (route) => {
      outside.push(route.request().url());
      await route.abort();
    },
  );
  return outside;
}

test("Swagger UI shows the calls, and loads nothing from elsewhere", { tag: "@live" }, async ({ page }) => {
  const outside = await offline(page);
  await page.goto("/docs");
  await expect(page.getByRole("heading", { name: /^Pointwork/ })).toBeVisible();
  // The page puts invisible breaks between the parts of a path.
  const paths = page.locator(".opblock-post .opblock-summary-path");
  await expect.poll(async () => (await paths.allTextContents()).map((path) => path.replace(/\u200b/g, ""))).toContain("/api/v1/flows");
  expect(outside).toEqual([]);
});

test("Redoc shows the calls, and loads nothing from elsewhere", { tag: "@live" }, async ({ page }) => {
  // It draws all calls before it shows any, and each of its many elements is recorded.
  test.slow();
  const outside = await offline(page);
  await page.goto("/redoc");
  await expect(page.getByRole("heading", { name: /^Pointwork/ })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("/api/v1/flows", { exact: true }).first()).toBeAttached();
  expect(outside).toEqual([]);
});
