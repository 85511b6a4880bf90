import type { Locator, Response } from "@playwright/test";
import { Frame } from "./frame.ts";

/** A flow: its graph, its document, the form that starts a run. */
export class Flow extends Frame {
  readonly graph = this.page.getByRole("group", { name: /^Graph of / });
  readonly form = this.page.getByRole("region", { name: "Start a run" });
  readonly start = this.form.getByRole("button", { name: "Start run" });
  readonly starters = this.page.getByRole("region", { name: "Starts by itself" });
  readonly calendar = this.page.getByRole("table", { name: /^Runs by day/ });
  readonly runs = this.page.getByRole("region", { name: "Newest runs" }).getByRole("link");

  async openFlow(id: string): Promise<Response | null> {
    return this.open(`/flows/${id}`);
  }

  /** The field of an input. Its label also says what kind of value it takes. */
  field(name: string): Locator {
    const label = { name: new RegExp(`^${name}\\b`) };
    return this.form.getByRole("textbox", label).or(this.form.getByRole("spinbutton", label));
  }
}
