import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

test.describe("the keys of the editor @live", () => {
  test("are found by name or key, chosen, told when taken, and kept in the browser", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("?");
    const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    const search = sheet.getByRole("searchbox", { name: "Search shortcuts" });
    await expect(search).toBeFocused();
    await accessible();
    await search.fill("ctrl+f");
    await expect(sheet.getByText("Find a task", { exact: true })).toBeVisible();
    await expect(sheet.getByText("Zoom in", { exact: true })).toBeHidden();
    await search.fill("no such thing");
    await expect(sheet.getByText("No shortcut has such a name or key.")).toBeVisible();
    // What is behind it cannot be reached.
    for (let n = 0; n < 8; n += 1) await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement === document.body || !!document.activeElement?.closest("dialog"))).toBe(true);

    // Escape leaves the keys as they are, and the sheet open.
    await search.fill("zoom in");
    await sheet.getByRole("button", { name: "Change the keys of “Zoom in”" }).click();
    const field = sheet.getByRole("textbox", { name: "New keys of “Zoom in”" });
    await expect(field).toBeFocused();
    await accessible();
    await page.keyboard.press("j");
    await expect(field).toHaveValue("J");
    await page.keyboard.press("Escape");
    await expect(field).toBeHidden();
    await expect(sheet.getByRole("button", { name: "Change the keys of “Zoom in”" })).toBeFocused();
    await expect(sheet.getByText("+", { exact: true })).toBeVisible();

    // What another action has is refused, unless it is replaced there.
    await page.keyboard.press("Enter");
    await page.keyboard.press("m");
    await page.keyboard.press("Enter");
    await expect(sheet.getByRole("alert")).toHaveText("Taken by: Show or hide the map.");
    await accessible();
    await sheet.getByRole("button", { name: "Replace" }).click();
    await expect(sheet.getByRole("status")).toHaveText("Zoom in has M now.");
    await search.fill("map");
    await expect(sheet.getByText("none", { exact: true }).filter({ visible: true }).first()).toBeVisible();
    await search.fill("undo");
    await sheet.getByRole("button", { name: "Change the keys of “Undo”" }).click();
    await page.keyboard.press("Alt+k");
    await page.keyboard.press("u");
    await page.keyboard.press("Enter");
    await expect(sheet.getByRole("status")).toHaveText("Undo has Alt+K U now.");
    await page.keyboard.press("Escape");
    await expect(sheet).toBeHidden();

    // Keys, hints, the list of commands and menus know them, also after the page was loaded again.
    await edit.openEditor();
    await alive();
    await expect(page.getByRole("button", { name: "Zoom in" })).toHaveAttribute("title", "Zoom in (M)");
    await edit.stage.focus();
    await page.keyboard.press("m");
    await expect(page.getByRole("button", { name: "Actual size" })).not.toHaveText("100 %");
    await page.keyboard.press("Control+k");
    await edit.chooser.fill("undo");
    await expect(page.getByRole("option", { name: /^Undo Alt/ })).toContainText("Alt+K U");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");

    // One action gets back what it came with, if nobody has it meanwhile; then all do.
    await search.fill("map");
    await sheet.getByRole("button", { name: "Reset the keys of “Show or hide the map”" }).click();
    await expect(sheet.getByRole("alert")).toHaveText("Taken by: Zoom in.");
    await sheet.getByRole("button", { name: "Replace" }).click();
    await expect(sheet.getByRole("status")).toHaveText("Show or hide the map has M now.");
    await sheet.getByRole("button", { name: "Reset all" }).click();
    await expect(sheet.getByRole("button", { name: "Reset all" })).toHaveAttribute("aria-disabled", "true");
    await search.fill("undo");
    await expect(sheet.getByText("Ctrl+Z", { exact: true })).toBeVisible();
    expect(await page.evaluate(() => localStorage.getItem("editor-keys"))).toBeNull();
  });

  test("that are kept and cannot be read are ignored, and that is said", async ({ page, alive }) => {
    await page.addInitScript(() => localStorage.setItem("editor-keys", '{"fly":["F"],"find":["Ctrl+J"]}'));
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await expect(page.getByRole("status").filter({ hasText: "Keys of “fly” are ignored: there is no such action." })).toBeVisible();
    await edit.stage.focus();
    await page.keyboard.press("Control+j");
    await expect(edit.chooser).toBeFocused();
    await expect(page.getByRole("dialog", { name: "Find a task" })).toBeVisible();
  });
});
