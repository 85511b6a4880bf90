import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

test.describe("the editor's desk @live", () => {
  test.use({ permissions: ["clipboard-read", "clipboard-write"] });

  test("tasks go through the clipboard, and what is none is told", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.card("greet").click();
    await page.keyboard.press("Control+c");
    await expect(edit.status).toHaveText("Copied greet.");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(JSON.parse(copied)).toHaveProperty("tasks.greet.type", "log");

    // It lands where the pointer is.
    const free = await edit.free();
    await page.mouse.move(...free);
    await page.keyboard.press("Control+v");
    await expect(edit.status).toHaveText("Done: Paste greet-2.");
    const [x, y] = await edit.middle(edit.card("greet-2"));
    expect(Math.abs(x - free[0]) + Math.abs(y - free[1])).toBeLessThan(24);
    await page.keyboard.press("Control+z");
    await expect(edit.card("greet-2")).toBeHidden();
    await expect(edit.status).toHaveText("Undone: Paste greet-2.");

    await edit.card("pause").click();
    await page.keyboard.press("Control+d");
    await expect(edit.card("pause-2")).toBeVisible();
    await page.keyboard.press("Control+x");
    await expect(edit.card("pause-2")).toBeHidden();
    await page.keyboard.press("Control+Shift+v");
    await expect(edit.card("pause-2")).toBeVisible();
    expect(await edit.text()).toContain("pause-2:\n    type: delay\n    needs: [greet]");

    await edit.stage.focus();
    await page.evaluate(() => navigator.clipboard.writeText("curl -X POST https://example.org/orders -d a=1"));
    await page.keyboard.press("Control+v");
    await expect(edit.inspector).toContainText("HTTP request");
    await page.evaluate(() => navigator.clipboard.writeText("just words"));
    await page.keyboard.press("Control+v");
    await expect(page.getByRole("alert")).toContainText("Not pasted: there are no tasks in what was pasted");
  });

  test("groups and notes are drawn, each change one step", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.card("pause").click();
    await edit.card("length").click({ modifiers: ["Shift"] });
    await page.keyboard.press("Control+g");
    await expect(edit.inspector).toContainText("Group");
    await edit.inspector.getByRole("textbox", { name: "Title" }).fill("Slow part");
    await edit.inspector.getByRole("button", { name: "blue" }).click();
    await accessible();
    await edit.inspector.getByRole("checkbox", { name: "Drawn as one box" }).check();
    const box = edit.stage.getByRole("option", { name: "Group Slow part, 2 tasks" });
    await expect(box).toBeVisible();
    await expect(edit.card("pause")).toBeHidden();

    // Keys come to it from the task before it.
    await edit.card("greet").click();
    await page.keyboard.press("ArrowRight");
    await expect(box).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("ArrowRight");
    await expect(edit.status).toHaveText(/^(cheer|marvel) selected$/);
    await page.keyboard.press("Control+f");
    await edit.chooser.fill("slow");
    await edit.chooser.press("Enter");
    await expect(box).toHaveAttribute("aria-selected", "true");

    // It is dragged as one, and opened again with two clicks.
    const [x, y] = await edit.middle(box);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 40, y + 160, { steps: 6 });
    await page.mouse.up();
    await expect(edit.status).toHaveText("Done: Move 2 tasks.");
    const [there, below] = await edit.middle(box);
    expect(Math.abs(there - x - 40) + Math.abs(below - y - 160)).toBeLessThan(16);
    await box.dblclick();
    await expect(edit.card("pause")).toBeVisible();

    await edit.stage.focus();
    await page.keyboard.press("Shift+s");
    await expect(edit.inspector.getByRole("textbox", { name: "Text" })).toBeFocused();
    await page.keyboard.type("Mind the gap");
    await page.keyboard.press("Escape");
    await expect(edit.stage.getByRole("option", { name: "Note: Mind the gap" })).toBeVisible();
    await accessible();
    // Group, title, colour, one box, move, open, note, its text.
    for (let n = 0; n < 8; n += 1) {
      await edit.stage.focus();
      await page.keyboard.press("Control+z");
      await expect(edit.status).toContainText("Undone");
    }
    await page.keyboard.press("Control+z");
    await expect(edit.status).toHaveText("Nothing to be undone.");
    await expect(edit.stage.getByRole("option", { name: /^Note|^Group/ })).toHaveCount(0);
  });

  test("the text and the canvas are one", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.card("length").click();
    await edit.text();
    await expect(page.locator(".ed-line.marked").first()).toBeVisible();
    await accessible();

    // The cursor in a task's lines selects it.
    await edit.caret("type: shell");
    await expect(edit.status).toHaveText("cheer selected");
    await expect(edit.card("cheer")).toHaveAttribute("aria-selected", "true");

    // What is typed is drawn; what cannot be read leaves the drawing.
    await edit.caret("type: delay");
    await page.keyboard.type("name: Wait a bit");
    await expect(page.getByText("What is drawn is from before.")).toBeVisible();
    await expect(edit.card("pause")).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(edit.card("Wait a bit")).toBeVisible();
    await expect(page.getByText("What is drawn is from before.")).toBeHidden();
    await page.keyboard.press("Control+z");
    await expect(edit.card("pause")).toBeVisible();
  });

  test("fields know what stands before them, and problems lead to fields", async ({ page, alive, api }) => {
    await api.finished("order-checks", { pace: 0 });
    const edit = new Edit(page);
    await edit.openEditor("order-checks");
    await alive();
    await edit.card("Tidy up").click();
    const message = edit.inspector.getByRole("combobox", { name: /^Message/ }).or(edit.inspector.getByRole("textbox", { name: /^Message/ }));
    await message.fill("{{ tasks.fe");
    const offered = page.getByRole("listbox", { name: "What may stand here" });
    await expect(offered.getByRole("option").first()).toContainText("fetch");
    await page.keyboard.press("Enter");
    await page.keyboard.type(".output }}");
    await expect(edit.inspector.locator(".ed-gives code").first()).not.toBeEmpty();
    await message.fill("{{ inputs.nothing }}");
    await page.keyboard.press("Tab");
    await expect(edit.inspector).toContainText("has no input `nothing`");
    await edit.stage.focus();
    await page.keyboard.press("Escape");
    await page.keyboard.press("F8");
    await expect(message).toBeFocused();
  });
});

test.describe("on a small screen @live", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test("a flow is edited in its list, and drawn by taps", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const list = page.getByRole("region", { name: "List of tasks" });
    await expect(list.getByRole("button", { name: /^greet/ })).toBeVisible();
    await accessible();
    await list.getByRole("button", { name: "What to do with greet" }).tap();
    await page.getByRole("menuitem", { name: /^Open/ }).tap();
    await edit.inspector.getByRole("textbox", { name: "Name", exact: true }).fill("Say hello");
    await accessible();
    await edit.inspector.getByRole("button", { name: "Back to the flow" }).tap();
    await expect(list.getByRole("button", { name: /^Say hello/ })).toBeVisible();

    // The canvas is there too: an edge by two taps.
    await page.getByRole("button", { name: "Show or hide the list of tasks" }).tap();
    await expect(edit.card("Say hello")).toBeVisible();
    await edit.card("Say hello").locator(".port[data-kind=failed]").tap();
    await expect(edit.status).toContainText("Connecting from Say hello");
    await edit.card("pause").tap();
    await expect(edit.status).toHaveText("Done: Change edge greet → pause.");

    // A finger held down opens the menu; two fingers move and zoom.
    const touch = await page.context().newCDPSession(page);
    const fingers = (type: "touchStart" | "touchMove" | "touchEnd", ...touchPoints: { x: number; y: number; id: number }[]) =>
      touch.send("Input.dispatchTouchEvent", { type, touchPoints });
    const [x, y] = await edit.middle(edit.card("Say hello"));
    await fingers("touchStart", { x, y, id: 0 });
    await expect(page.getByRole("menuitem", { name: /^Duplicate/ })).toBeVisible();
    await fingers("touchEnd");
    await expect(page.getByRole("menuitem", { name: /^Duplicate/ })).toBeVisible();
    await page.keyboard.press("Escape");
    const zoom = page.getByRole("button", { name: "Actual size" });
    const before = Number.parseInt(await zoom.innerText(), 10);
    await fingers("touchStart", { x: 120, y: 300, id: 0 }, { x: 200, y: 300, id: 1 });
    await fingers("touchMove", { x: 100, y: 310, id: 0 }, { x: 260, y: 310, id: 1 });
    await fingers("touchMove", { x: 80, y: 320, id: 0 }, { x: 280, y: 320, id: 1 });
    await fingers("touchEnd");
    await expect(async () => expect(Number.parseInt(await zoom.innerText(), 10)).toBeGreaterThan(before * 1.5)).toPass();
  });
});
