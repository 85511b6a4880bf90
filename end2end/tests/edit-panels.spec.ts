import type { Locator } from "@playwright/test";
import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

async function width(of: Locator): Promise<number> {
  return Math.round((await of.boundingBox())!.width);
}

test.describe("the panels of the editor @live", () => {
  test("are as wide as they are made, by pointer and by keys, and stay so", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const edge = page.getByRole("separator", { name: "Width of the inspector" });
    await edge.waitFor();
    await expect(edge).toHaveAttribute("aria-valuenow", "372");
    const [x, y] = await edit.middle(edge);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - 60, y, { steps: 4 });
    await page.mouse.up();
    await expect(edge).toHaveAttribute("aria-valuenow", "432");
    expect(await width(edit.inspector)).toBe(432);

    await expect(edge).toBeFocused();
    await page.keyboard.press("ArrowLeft");
    await expect(edge).toHaveAttribute("aria-valuenow", "448");
    await page.keyboard.press("Home");
    await expect(edge).toHaveAttribute("aria-valuenow", "260");
    await page.keyboard.press("Shift+ArrowLeft");
    await expect(edge).toHaveAttribute("aria-valuenow", "340");
    await accessible();

    // The list of tasks and the text each have a width of their own.
    await edit.stage.focus();
    await page.keyboard.press("l");
    const list = page.getByRole("separator", { name: "Width of the list of tasks" });
    await list.focus();
    await page.keyboard.press("ArrowRight");
    await expect(list).toHaveAttribute("aria-valuenow", "216");
    await edit.text();
    const text = page.getByRole("separator", { name: "Width of the text" });
    await text.focus();
    await page.keyboard.press("Home");
    await expect(text).toHaveAttribute("aria-valuenow", "260");
    expect(await width(page.locator(".ed-text"))).toBe(260);

    await edit.openEditor();
    await alive();
    expect(await width(edit.inspector)).toBe(340);
    await edge.waitFor();
    await edge.dblclick();
    await expect(edge).toHaveAttribute("aria-valuenow", "372");
    await edit.openEditor();
    await alive();
    expect(await width(edit.inspector)).toBe(372);
    await edit.stage.focus();
    await page.keyboard.press("l");
    expect(await width(page.locator(".ed-outline"))).toBe(216);
  });

  test("the inspector can stay on a task while others are selected", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.card("greet").click();
    const pin = edit.inspector.getByRole("button", { name: "Keep the inspector on this task" });
    const id = edit.inspector.getByRole("textbox", { name: "Id", exact: true });
    await pin.click();
    await expect(pin).toHaveAttribute("aria-pressed", "true");
    await expect(edit.status).toHaveText("The inspector stays on greet.");
    await edit.card("pause").click();
    await expect(edit.card("pause")).toHaveAttribute("aria-selected", "true");
    await expect(id).toHaveValue("greet");
    await expect(edit.inspector.getByRole("region", { name: "Leads to" })).toContainText("pause");
    await accessible();
    // It follows its task to another id.
    await id.fill("hello");
    await page.keyboard.press("Tab");
    await expect(edit.card("hello")).toBeVisible();
    await expect(id).toHaveValue("hello");
    await pin.click();
    await expect(id).toHaveValue("pause");

    // What is opened is shown, and a task that is gone is not.
    await pin.click();
    await edit.card("length").dblclick();
    await expect(id).toHaveValue("length");
    await pin.click();
    await edit.card("length").click();
    await page.keyboard.press("Delete");
    await expect(edit.card("length")).toBeHidden();
    await edit.card("pause").click();
    await expect(id).toHaveValue("pause");
  });

  test("steps are listed by name, and undone or done again together", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const before = await edit.text();
    await edit.stage.focus();
    await page.keyboard.press("1");
    for (const card of ["greet", "pause"]) {
      await edit.card(card).click();
      await page.keyboard.press("Control+d");
    }
    await edit.card("marvel").click();
    await page.keyboard.press("Delete");
    await page.getByRole("button", { name: "Undo or redo several steps…" }).click();
    const list = page.getByRole("listbox", { name: "Undo or redo several steps" });
    await expect(list).toMatchAriaSnapshot(`
      - listbox:
        - option "Remove marvel undo 1 step" [selected]
        - option /Duplicate pause.* undo 2 steps/
        - option /Duplicate greet.* undo 3 steps/
    `);
    await accessible();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(edit.status).toHaveText(/^Undone: 2 steps, the last one Duplicate pause/);
    await expect(edit.card("marvel")).toBeVisible();
    await expect(edit.card("pause-2")).toBeHidden();

    // By its key, with what was taken back above what is done.
    await page.keyboard.press("Control+Alt+z");
    await expect(list.getByRole("option", { selected: true })).toHaveText(/Duplicate greet.*undo 1 step/);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    await expect(list.getByRole("option", { selected: true })).toHaveText(/Remove marvel.*redo 2 steps/);
    await page.keyboard.press("Enter");
    await expect(edit.card("marvel")).toBeHidden();
    await page.keyboard.press("Control+Alt+z");
    await edit.chooser.fill("greet");
    await page.keyboard.press("Enter");
    await expect(edit.document).toHaveValue(before);
  });
});
