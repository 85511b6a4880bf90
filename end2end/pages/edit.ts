import { expect, type Locator } from "@playwright/test";
import { Frame } from "./frame.ts";

/** The flow editor. */
export class Edit extends Frame {
  readonly stage: Locator = this.page.getByRole("listbox", { name: /^Tasks/ });
  readonly status: Locator = this.page.locator(".ed > [role=status]");
  readonly chooser: Locator = this.page.locator(".ed-choose").getByRole("combobox").first();
  readonly inspector: Locator = this.page.getByRole("complementary", { name: "Inspector" });
  readonly palette: Locator = this.page.getByRole("complementary", { name: "Task types" });
  readonly publishButton: Locator = this.page.getByRole("button", { name: "Publish", exact: true });
  /** Where the draft is kept. */
  readonly keeping: Locator = this.page.locator(".ed-bar .ed-keeping").first();

  async openEditor(flow?: string): Promise<void> {
    await this.page.goto(flow ? `/flows/${flow}/edit` : "/edit");
  }

  card(name: string): Locator {
    return this.stage.getByRole("option", { name: new RegExp(`^${name},`) });
  }

  /** A port of a card: `succeeded`, `failed`, `always`. */
  port(card: string, kind: string): Locator {
    return this.card(card).locator(`.port[data-kind=${kind}]`);
  }

  /** Where the middle of something is in the window. */
  async middle(of: Locator): Promise<[number, number]> {
    const box = await of.boundingBox();
    if (!box) throw new Error("it is not to be seen");
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  async drag(from: Locator, to: [number, number]): Promise<void> {
    await this.page.mouse.move(...(await this.middle(from)));
    await this.page.mouse.down();
    await this.page.mouse.move(to[0] - 20, to[1], { steps: 4 });
    await this.page.mouse.move(...to, { steps: 4 });
  }

  get document(): Locator {
    return this.page.getByRole("textbox", { name: "The flow document" });
  }

  /** The document; its panel stays open. */
  async text(): Promise<string> {
    const button = this.page.getByRole("button", { name: "Text", exact: true });
    if ((await button.getAttribute("aria-pressed")) !== "true") await button.click();
    return this.document.inputValue();
  }

  /** Puts the cursor into the first line of the document that has this, as a click does. */
  async caret(mark: string): Promise<void> {
    await this.document.evaluate((element, mark) => {
      const area = element as HTMLTextAreaElement;
      const at = area.value.indexOf(mark);
      area.focus();
      area.setSelectionRange(at, at);
      area.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    }, mark);
  }

  /** A place on the stage where nothing stands. */
  async free(): Promise<[number, number]> {
    const stage = (await this.stage.boundingBox())!;
    return [stage.x + 160, stage.y + stage.height - 70];
  }

  /** Gives a task another name. */
  async retitle(task: string, name: string): Promise<void> {
    await this.card(task).click();
    await this.inspector.getByRole("textbox", { name: "Name", exact: true }).fill(name);
    await this.page.keyboard.press("Tab");
    await this.card(name).waitFor();
  }

  /** Makes a group of two tasks, which stays open in the inspector. */
  async group(one: string, other: string, title: string): Promise<void> {
    await this.card(one).click();
    await this.card(other).click({ modifiers: ["Shift"] });
    await this.page.keyboard.press("Control+g");
    await expect(this.inspector).toContainText("Group");
    await this.inspector.getByRole("textbox", { name: "Title" }).fill(title);
  }

  /** Adds a note that says this; it stays selected. */
  async note(text: string): Promise<void> {
    await this.stage.focus();
    await this.page.keyboard.press("Shift+s");
    await this.inspector.getByRole("textbox", { name: "Text" }).fill(text);
    await this.page.keyboard.press("Escape");
  }

  /** Publishes what is on the canvas. */
  async publish(message = "", name = ""): Promise<void> {
    await this.publishButton.click();
    const dialog = this.page.getByRole("dialog", { name: "Publish" });
    await dialog.getByRole("textbox", { name: /^What has changed/ }).fill(message);
    await dialog.getByRole("textbox", { name: /^Name of this version/ }).fill(name);
    await dialog.getByRole("button", { name: /^Publish version/ }).click();
    await dialog.waitFor({ state: "hidden" });
  }

  /** Something of the menu at the end of the bar. */
  async command(name: string): Promise<void> {
    await this.page.getByRole("button", { name: "More" }).click();
    await this.page.getByRole("menuitem", { name: new RegExp(`^${name}`) }).click();
  }

  /** A panel opened by the menu, once the canvas has made room for it: what is clicked earlier moves away under the pointer. */
  async panel(name: string): Promise<Locator> {
    await this.command(name);
    const panel = this.page.getByRole("region", { name });
    await panel.waitFor();
    await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return panel;
  }
}
