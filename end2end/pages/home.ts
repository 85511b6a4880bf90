import type { Locator, Page } from "@playwright/test";

/** The page at `/`. */
export class HomePage {
  readonly heading: Locator;
  readonly counter: Locator;

  constructor(readonly page: Page) {
    this.heading = page.getByRole("heading", { level: 1 });
    this.counter = page.getByRole("button", { name: "Clicked" });
  }

  async open(): Promise<void> {
    await this.page.goto("/");
  }
}
