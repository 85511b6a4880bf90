// What every test begins with: a server of the worker's own, the API, and a watch on what the browser complains of.

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test as base } from "@playwright/test";
import { Api } from "./api.ts";
import { Server } from "./server.ts";

interface ForTest {
  /** What the browser may complain of in this test: a request that the test itself makes fail. */
  forgiven: RegExp[];
  /** Fails the test if the page threw, or wrote an error to the console. */
  complaints: string[];
  /** The page lives as soon as it is open; without scripts it never does, and this waits for nothing. */
  alive: () => Promise<void>;
  /** Checks the page as it is now against WCAG 2.2 A and AA. */
  accessible: () => Promise<void>;
  api: Api;
}

interface ForWorker {
  server: Server;
}

export const test = base.extend<ForTest, ForWorker>({
  server: [
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  api: async ({ request }, use) => use(new Api(request)),
  forgiven: async ({}, use) => use([]),
  complaints: [
    async ({ page, forgiven }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(`${message.text()} (${message.location().url})`);
      });
      await use(complaints);
      const left = complaints.filter((complaint) => !forgiven.some((pattern) => pattern.test(complaint)));
      expect(left, "what the browser complained of").toEqual([]);
    },
    { auto: true },
  ],
  alive: async ({ page, javaScriptEnabled }, use) => {
    await use(async () => {
      if (javaScriptEnabled) await live(page);
    });
  },
  accessible: async ({ page, javaScriptEnabled }, use) => {
    await use(async () => {
      // The checker is a script itself.
      if (!javaScriptEnabled) return;
      const { violations } = await new AxeBuilder({ page })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
        .analyze();
      const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((n) => n.target).join(", ")}`);
      expect.soft(found, `what axe found on ${page.url()}`).toEqual([]);
    });
  },
});

/** Waits until the app has taken the page over; before that a click is the browser's alone. */
export async function live(page: Page): Promise<void> {
  await expect(page.locator("html")).toHaveAttribute("data-live", "", { timeout: 30_000 });
}

/** Leaves something in the page that is gone if the browser loads another from the server. */
export async function mark(page: Page): Promise<void> {
  await page.evaluate(() => document.body.setAttribute("data-mark", ""));
}

/** The page is still the one that was marked. */
export async function expectMarked(page: Page): Promise<void> {
  await expect(page.locator("body")).toHaveAttribute("data-mark", "");
}

export { expect };
