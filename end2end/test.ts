// What every test begins with: a server of the worker's own, and a watch on what the browser complains of.

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test as base } from "@playwright/test";
import { Server } from "./server.ts";

interface ForTest {
  /** Fails the test if the page threw, or wrote an error to the console. */
  complaints: string[];
  /** Checks the page as it is now against WCAG 2.2 A and AA. */
  accessible: () => Promise<void>;
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
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(`${message.text()} (${message.location().url})`);
      });
      await use(complaints);
      expect(complaints, "what the browser complained of").toEqual([]);
    },
    { auto: true },
  ],
  accessible: async ({ page }, use) => {
    await use(async () => {
      const { violations } = await new AxeBuilder({ page })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
        .analyze();
      const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((n) => n.target).join(", ")}`);
      expect(found, "what axe found").toEqual([]);
    });
  },
});

/** Waits until the app has taken the page over; before that a click is the browser's alone. */
export async function live(page: Page): Promise<void> {
  await expect(page.locator("html")).toHaveAttribute("data-live", "");
}

export { expect };
