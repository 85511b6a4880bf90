import type { Locator } from "@playwright/test";
import { Frame } from "./frame.ts";

/** The list of runs and its filters. */
export class Runs extends Frame {
  private readonly filters = this.main.getByRole("search");
  readonly rows = this.main.getByRole("table").getByRole("row").filter({ has: this.page.getByRole("cell") });
  readonly flow = this.filters.getByRole("searchbox", { name: "Flow id" });
  readonly text = this.filters.getByRole("searchbox", { name: "Id, label or error" });
  readonly apply = this.filters.getByRole("button", { name: "Filter" });
  readonly clear = this.filters.getByRole("link", { name: "Clear" });
  /** What says that there are newer runs than those shown. */
  readonly news = this.main.getByText(/^\d+ new runs?$/);

  /** The chip of a state. One that is chosen is marked as current. */
  state(name: string): Locator {
    return this.main.getByRole("navigation", { name: "States" }).getByRole("link", { name, exact: true });
  }

  /** The row of a run; the list shows the end of its id. */
  row(id: string): Locator {
    return this.rows.filter({ has: this.page.getByRole("link", { name: id.slice(-8) }) });
  }
}
