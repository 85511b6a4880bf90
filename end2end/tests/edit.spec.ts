import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

test("without scripts the editor is a drawing and a form with the document @no-scripts", async ({ page, alive }) => {
  const edit = new Edit(page);
  await edit.openEditor("hello");
  await alive();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Edit Hello");
  await expect(page.getByRole("textbox", { name: "The flow document" })).toHaveValue(/flow: hello/);
});

test.describe("with scripts @live", () => {
  test("tasks are drawn from a port, told why not, undone and saved", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await expect(edit.card("greet")).toBeVisible();
    await accessible();

    // An edge that would close a circle says so, and is not drawn.
    await edit.drag(edit.port("length", "failed"), await edit.middle(edit.card("greet")));
    await expect(page.getByText("would make a cycle: length → greet → pause → length")).toBeVisible();
    await page.mouse.up();
    await expect(edit.status).toContainText("Not connected");

    // Let go over nothing, it asks for a task.
    const stage = (await edit.stage.boundingBox())!;
    await edit.drag(edit.port("greet", "failed"), [stage.x + 200, stage.y + stage.height - 60]);
    await page.mouse.up();
    await edit.chooser.fill("log");
    await edit.chooser.press("Enter");
    await expect(edit.card("log")).toBeVisible();
    await expect(edit.inspector).toContainText("Log");
    expect(await edit.text()).toContain("{ task: greet, on: failed }");

    await edit.stage.focus();
    await page.keyboard.press("Control+z");
    await expect(edit.card("log")).toBeHidden();
    await page.keyboard.press("Control+Shift+z");
    await expect(edit.card("log")).toBeVisible();

    await edit.inspector.getByRole("textbox", { name: /^Message/ }).fill("It failed");
    await edit.inspector.getByRole("textbox", { name: "Name", exact: true }).fill("Say so");
    await page.keyboard.press("Tab");
    await expect(edit.card("Say so")).toBeVisible();
    await edit.publish();
    await expect(edit.status).toContainText("Published as version");
    await page.goto("/flows/first-flow");
    await expect(page.locator("svg.graph")).toContainText("Say so");
    // The next one has an id of its own.
    await edit.openEditor();
    await alive();
    expect(await edit.text()).toMatch(/^flow: first-flow-\d+$/m);
  });

  test("everything can be done by keys", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor("order-checks");
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("ArrowRight");
    await expect(edit.status).toHaveText("Fetch order selected");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Control+f");
    await edit.chooser.fill("tidy");
    await edit.chooser.press("Enter");
    await expect(edit.status).toHaveText("Tidy up selected");
    await page.keyboard.press("a");
    await edit.chooser.fill("noop");
    await edit.chooser.press("Enter");
    await expect(edit.status).toHaveText("Done: Add noop.");
    await page.keyboard.press("Delete");
    await expect(edit.status).toHaveText("Done: Remove noop.");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeHidden();
  });
});
