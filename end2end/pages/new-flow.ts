import { Frame } from "./frame.ts";

/** The form that makes a flow from text. */
export class NewFlow extends Frame {
  readonly source = this.page.getByRole("textbox", { name: "The flow document" });
  readonly save = this.page.getByRole("button", { name: "Save flow" });
  readonly problems = this.main.getByRole("alert").getByRole("listitem");
}
