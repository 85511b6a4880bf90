import type { Locator } from "@playwright/test";
import { Frame } from "./frame.ts";

/** The list of flows. */
export class Flows extends Frame {
  readonly rows = this.page.getByRole("region", { name: "Flows" }).getByRole("listitem");
  readonly search = this.page.getByRole("searchbox", { name: "Search flows" });
  readonly newFlow = this.page.getByRole("link", { name: "New flow" });

  row(name: string): Locator {
    return this.rows.filter({ has: this.page.getByRole("heading", { name, exact: true }) });
  }

  /** The link to the form that starts a flow. */
  start(name: string): Locator {
    return this.page.getByRole("link", { name: `Start ${name}`, exact: true });
  }
}
