import type { Locator, Page } from "@playwright/test";

/** What is around every page: the navigation. */
export class Frame {
  readonly main: Locator;
  readonly flows: Locator;
  readonly runs: Locator;

  constructor(readonly page: Page) {
    const navigation = page.getByRole("navigation", { name: "Main" });
    this.main = page.getByRole("main");
    this.flows = navigation.getByRole("link", { name: "Flows" });
    this.runs = navigation.getByRole("link", { name: "Runs" });
  }

  async open(path = "/"): Promise<void> {
    await this.page.goto(path);
  }
}
