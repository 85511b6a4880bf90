// Ways around in the editor: links to tasks, back and forth, from task to task through expressions, to other flows.

import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

const CHILD = `flow: places-child
tasks:
  only: { type: log, with: { message: hi } }
`;

const PARENT = `flow: places-parent
name: The parent
tasks:
  first: { type: transform, description: Takes what is given, with: { value: 20 } }
  second: { type: transform, needs: [first], with: { value: "{{ tasks.first.output + 1 }}" } }
  child: { type: subflow, needs: [second], with: { flow: places-child } }
`;

test.describe("ways around @live", () => {
  test.use({ viewport: { width: 1440, height: 900 } });

  test("the address names the task that is selected, and opens with it", async ({ page, api, alive, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await api.save(CHILD);
    await api.save(PARENT);
    const edit = new Edit(page);
    await page.goto("/flows/places-parent/edit?node=second");
    await alive();
    await expect(edit.card("second")).toHaveAttribute("aria-selected", "true");
    await expect(edit.card("second")).toBeInViewport();
    await edit.card("first").click();
    await expect(page).toHaveURL(/edit\?node=first$/);
    await edit.card("first").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Copy link to this task" }).click();
    await expect(page.locator(".ed-toast p").first()).toHaveText("Copied a link to first.");
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(/\/flows\/places-parent\/edit\?node=first$/);
    await page.mouse.click(...(await edit.free()));
    await expect(page).toHaveURL(/\/edit$/);
    await page.goto(link);
    await expect(edit.card("first")).toHaveAttribute("aria-selected", "true");
    // What is written about a task is marked on its card.
    await expect(edit.card("first").locator(".about")).toHaveAttribute("title", "Takes what is given");
    await expect(edit.card("second").locator(".about")).toHaveCount(0);
  });

  test("one goes back and forth through places", async ({ page, api, alive }) => {
    await api.save(PARENT);
    const edit = new Edit(page);
    await edit.openEditor("places-parent");
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("Control+Shift+ArrowLeft");
    await expect(edit.status).toHaveText("There is no previous place.");
    const find = async (text: string): Promise<void> => {
      await page.keyboard.press("Control+f");
      await edit.chooser.fill(text);
      await edit.chooser.press("Enter");
    };
    await find("first");
    await page.keyboard.press("Escape");
    await expect(edit.status).toContainText("first selected");
    await edit.stage.focus();
    await find("child");
    await expect(edit.status).toHaveText("child selected");
    await page.keyboard.press("Control+Shift+ArrowLeft");
    await expect(edit.card("child")).toHaveAttribute("aria-selected", "false");
    await page.keyboard.press("Control+Shift+ArrowRight");
    await expect(edit.status).toHaveText("child selected");
  });

  test("a subflow leads to its flow, and back to the task", async ({ page, api, alive, accessible }) => {
    await api.save(CHILD);
    await api.save(PARENT);
    const edit = new Edit(page);
    await edit.openEditor("places-parent");
    await alive();
    await edit.card("second").click({ button: "right" });
    await expect(page.getByRole("menuitem", { name: "Rename" })).toBeVisible();
    await expect(page.getByRole("menuitem", { name: "Open its flow" })).toHaveCount(0);
    await page.keyboard.press("Escape");
    await edit.card("child").click({ button: "right" });
    await expect(page.getByRole("menuitem", { name: "Open its flow" })).toBeVisible();
    await page.keyboard.press("Escape");
    await edit.inspector.getByRole("link", { name: "Open its flow" }).click();
    await expect(page).toHaveURL(/\/flows\/places-child\/edit\?from=/);
    await alive();
    const from = page.getByRole("navigation", { name: "Came from" });
    await expect(from).toContainText("places-parent");
    await accessible();
    await from.getByRole("link").click();
    await expect(edit.card("child")).toHaveAttribute("aria-selected", "true");
  });

  test("a task that an expression names is gone to by Ctrl and a click", async ({ page, api, alive }) => {
    await api.save(PARENT);
    const edit = new Edit(page);
    await edit.openEditor("places-parent");
    await alive();
    await edit.card("second").click();
    const field = page.locator('[id="f-tasks-second-with-value"]');
    await field.click({ position: { x: 60, y: 12 }, modifiers: ["Control"] });
    await expect(edit.card("first")).toHaveAttribute("aria-selected", "true");
    // By keys it is the task at the cursor.
    await edit.card("second").click();
    await field.focus();
    await field.evaluate((element) => (element as HTMLTextAreaElement).setSelectionRange(10, 10));
    await page.keyboard.press("Control+.");
    await expect(edit.card("first")).toHaveAttribute("aria-selected", "true");
    // In the text an id may stand alone too.
    await edit.text();
    await edit.document.evaluate((element) => {
      const area = element as HTMLTextAreaElement;
      const at = area.value.indexOf("[second]") + 3;
      area.focus();
      area.setSelectionRange(at, at);
      area.dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: true }));
    });
    await expect(edit.card("second")).toHaveAttribute("aria-selected", "true");
  });

  test("commands, tasks and other flows are found by their letters, those of late first", async ({ page, api, alive, accessible }) => {
    await api.save(CHILD);
    await api.save(PARENT);
    const edit = new Edit(page);
    await edit.openEditor("places-parent");
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("Control+k");
    await edit.chooser.fill("zmin");
    await expect(page.locator(".ed-choose [role=option]").first()).toContainText("Zoom in");
    await edit.chooser.press("Enter");
    await edit.stage.focus();
    await page.keyboard.press("Control+k");
    await expect(page.locator(".ed-choose .head").first()).toHaveText("Recently used");
    await expect(page.locator(".ed-choose [role=option]").first()).toContainText("Zoom in");
    await accessible();
    await edit.chooser.fill("places-ch");
    await expect(page.locator(".ed-choose [role=option]").first()).toContainText("flow");
    await edit.chooser.fill("secnd");
    await expect(page.locator(".ed-choose [role=option]").first()).toContainText("task");
    await edit.chooser.press("Enter");
    await expect(edit.status).toHaveText("second selected");
  });

  test("Enter goes on to the next match", async ({ page, api, alive }) => {
    await api.save(PARENT);
    const edit = new Edit(page);
    await edit.openEditor("places-parent");
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("Control+f");
    await edit.chooser.fill("transform");
    await edit.chooser.press("Enter");
    // The card shows itself for a moment.
    await expect(edit.card("first")).toHaveAttribute("data-pulse", "");
    await expect(edit.status).toHaveText("first selected");
    await edit.chooser.press("Enter");
    await expect(edit.status).toHaveText("second selected");
    await edit.chooser.press("Enter");
    await expect(edit.status).toHaveText("first selected");
    await page.keyboard.press("Escape");
    await expect(edit.chooser).toBeHidden();
    await edit.stage.focus();
    await page.keyboard.press("f");
    await expect(edit.status).toHaveText("second selected");
  });

  test("g and a letter lead to other pages, and the sheet of keys holds the settings", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor("order-checks");
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("Control+,");
    const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await sheet.getByRole("checkbox", { name: /^The wheel zooms/ }).check();
    await accessible();
    await page.keyboard.press("Escape");
    await expect(sheet).toBeHidden();
    const zoom = page.getByRole("button", { name: "Actual size" });
    const before = await zoom.textContent();
    await page.mouse.move(...(await edit.free()));
    await page.mouse.wheel(0, -200);
    await expect(zoom).not.toHaveText(before ?? "");
    await edit.stage.focus();
    await page.keyboard.press("0");
    await expect(zoom).toHaveText("100 %");
    await page.keyboard.press("`");
    await expect(edit.status).toContainText("Nothing has been run yet");
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await expect(page).toHaveURL(/\/flows$/);
  });
});
