import type { Locator } from "@playwright/test";
import { Frame } from "./frame.ts";

/** The list of runs and its filters. */
export class Runs extends Frame {
  private readonly filters = this.main.getByRole("search");
  readonly rows = this.main.getByRole("table").getByRole("row").filter({ has: this.page.getByRole("cell") });
  /** The field for the query. */
  readonly query = this.filters.getByRole("combobox", { name: "Filter runs" });
  /** What it could go on with. */
  readonly offers = this.page.getByRole("listbox", { name: "How it could go on" }).getByRole("option");
  /** The terms of the query. */
  readonly chips = this.main.getByRole("list", { name: "Filters" }).getByRole("link");
  readonly views = this.main.getByRole("navigation", { name: "Views" });
  readonly command = this.main.getByRole("combobox", { name: "What to tell them" });
  readonly prepare = this.main.getByRole("button", { name: "Look at them…" });
  readonly apply = this.filters.getByRole("button", { name: "Filter" });
  readonly clear = this.filters.getByRole("link", { name: "Clear" });
  /** What says that there are newer runs than those shown. */
  readonly news = this.main.getByText(/^\d+ new runs?$/);

  /** The chip of a state. One that is chosen is marked as current. */
  state(name: string): Locator {
    return this.main.getByRole("navigation", { name: "States" }).getByRole("link", { name, exact: true });
  }

  /** The link that takes a term away. */
  chip(term: string): Locator {
    return this.chips.filter({ hasText: term });
  }

  /** The box that chooses a run. */
  box(id: string): Locator {
    return this.main.getByRole("checkbox", { name: `Choose run ${id.slice(-8)}` });
  }

  /** The row of a run; the list shows the end of its id. */
  row(id: string): Locator {
    return this.rows.filter({ has: this.page.getByRole("link", { name: id.slice(-8) }) });
  }
}
