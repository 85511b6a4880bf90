import type { Locator, Page, Response } from "@playwright/test";

/** What is around every page: the navigation, the connection dot, the themes. */
export class Frame {
  readonly main: Locator;
  readonly flows: Locator;
  readonly runs: Locator;
  readonly crumbs: Locator;
  /** How the page hangs on the server. */
  readonly dot: Locator;
  readonly heading: Locator;

  constructor(readonly page: Page) {
    const navigation = page.getByRole("navigation", { name: "Main" });
    const bar = page.getByRole("banner");
    this.main = page.getByRole("main");
    this.flows = navigation.getByRole("link", { name: "Flows" });
    this.runs = navigation.getByRole("link", { name: "Runs" });
    this.crumbs = bar.getByRole("navigation", { name: "Breadcrumb" });
    this.dot = bar.getByRole("status");
    this.heading = this.main.getByRole("heading", { level: 1 });
  }

  async open(path = "/"): Promise<Response | null> {
    return this.page.goto(path);
  }

  theme(name: "Light" | "Dark" | "As the system"): Locator {
    return this.page.getByRole("group", { name: "Theme" }).getByRole("button", { name });
  }
}
