import type { Locator } from "@playwright/test";
import { Frame } from "./frame.ts";

/** The first page. */
export class Home extends Frame {
  readonly needs = this.page.locator('[data-part="needs"]');
  readonly recent = this.page.getByRole("region", { name: "Newest runs" });
  readonly due = this.page.getByRole("region", { name: "Due in the next 24 hours" });
  readonly flows = this.page.getByRole("region", { name: "Last 30 runs of each flow" });
  readonly news = this.recent.getByRole("button", { name: /^\d+ new runs?$/ });

  /** The heading of a kind of need, which leads to all runs of it. */
  need(words: RegExp): Locator {
    return this.needs.getByRole("heading", { level: 3 }).getByRole("link", { name: words });
  }

  /** A number with its title. */
  tile(title: string): Locator {
    return this.page.locator("a.tile").filter({ hasText: title });
  }
}
