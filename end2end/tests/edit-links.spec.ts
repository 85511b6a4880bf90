import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

test.describe("the edges of a task @live", () => {
  test("stand beside it as lists, and are added, changed and removed there by keys alone", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("ArrowRight");
    await expect(edit.status).toHaveText("greet selected");
    const before = edit.inspector.getByRole("region", { name: "Comes after" });
    const after = edit.inspector.getByRole("region", { name: "Leads to" });
    await expect(before).toContainText("Nothing.");
    await expect(after.getByRole("listitem")).toHaveCount(1);
    await accessible();

    // A second way out, taken on failure.
    await page.keyboard.press("c");
    await edit.chooser.fill("marvel");
    await page.keyboard.press("Tab");
    const way = page.getByRole("combobox", { name: /^Taken/ });
    await expect(way).toBeFocused();
    await way.selectOption("on failed");
    await accessible();
    await page.keyboard.press("Enter");
    await expect(edit.chooser).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(edit.status).toHaveText("Done: Connect greet → marvel.");
    expect(await edit.text()).toContain("{ task: greet, on: failed }");
    await expect(after.getByRole("listitem")).toHaveCount(2);
    await expect(after).toContainText("on failed");

    // From edge to edge, and to the tasks at its ends.
    await edit.stage.focus();
    await page.keyboard.press("e");
    await expect(edit.status).toHaveText(/^Edge from greet to \w+( on failed)? selected, 1 of 2$/);
    await page.keyboard.press("e");
    await expect(edit.status).toHaveText(/2 of 2$/);
    await page.keyboard.press("ArrowRight");
    await expect(edit.status).toHaveText(/^(pause|marvel) selected$/);
    await page.keyboard.press("Control+f");
    await edit.chooser.fill("marvel");
    await page.keyboard.press("Enter");
    await expect(edit.status).toHaveText("marvel selected");

    // Changed and removed in the list.
    const mark = before.getByRole("button", { name: "Change the edge greet → marvel" });
    await mark.focus();
    await page.keyboard.press("Enter");
    await expect(edit.inspector.getByRole("checkbox", { name: "succeeded" })).toBeFocused();
    await edit.inspector.getByRole("checkbox", { name: "skipped" }).check();
    expect(await edit.text()).toContain("{ task: greet, on: [failed, skipped] }");
    await edit.stage.focus();
    await page.keyboard.press("ArrowRight");
    await before.getByRole("button", { name: "Remove the edge greet → marvel" }).click();
    await expect(edit.status).toHaveText("Done: Disconnect greet → marvel.");
    await expect(before.getByRole("listitem")).toHaveCount(1);

    // What a task comes after is chosen from its own side too; what would be a circle says so.
    await edit.stage.focus();
    await page.keyboard.press("Shift+c");
    await edit.chooser.fill("greet");
    await page.keyboard.press("Enter");
    await expect(edit.status).toHaveText("Done: Connect greet → marvel.");
    await before.getByRole("button", { name: /^greet/ }).click();
    await expect(edit.status).toHaveText("greet selected");
    await edit.stage.focus();
    await page.keyboard.press("Shift+c");
    await expect(page.getByRole("option", { name: /^marvel/ })).toContainText("would make a cycle");
  });

  test("an edge from a task that is not there can be removed", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const text = await edit.text();
    await edit.document.fill(text.replace("needs: [greet]", "needs: [gone]"));
    await edit.card("pause").click();
    const before = edit.inspector.getByRole("region", { name: "Comes after" });
    await expect(before).toContainText("gone, which is not there");
    await before.getByRole("button", { name: "Remove the edge gone → pause" }).click();
    await expect(before).toContainText("Nothing.");
    expect(await edit.text()).not.toContain("gone");
  });

  test("tasks are switched off and on by a key, and runs pass over them", async ({ page, alive, api, accessible }) => {
    await api.save(`flow: switched
tasks:
  before: { type: log, with: { message: hello } }
  broken:
    type: shell
    needs: [before]
    with: { command: exit 3 }
  after: { type: log, needs: [broken], with: { message: "after all" } }
`);
    const edit = new Edit(page);
    await edit.openEditor("switched");
    await alive();
    const broken = edit.card("broken");
    await broken.click();
    await page.keyboard.press("d");
    await expect(edit.status).toHaveText("Done: Switch off broken.");
    await expect(broken).toContainText("off");
    await expect(broken).toHaveAttribute("aria-label", /switched off/);
    expect(await edit.text()).toContain("broken:\n    type: shell\n    disabled: true\n");
    await accessible();
    await edit.stage.focus();
    await page.keyboard.press("Control+Enter");
    await expect(edit.status).toHaveText("The run succeeded.");
    await expect(edit.card("after")).toHaveAttribute("data-state", "succeeded");
    await broken.click();
    await page.keyboard.press("d");
    await expect(edit.status).toHaveText("Done: Switch on broken.");
    expect(await edit.text()).not.toContain("disabled");
  });

  test("selected tasks become a flow of their own, and run as before", async ({ page, api, alive, accessible, forgiven }) => {
    forgiven.push(/412 .*\/fn\/publish/);
    await api.save(`flow: whole
tasks:
  first: { type: transform, with: { value: { n: 4 } } }
  double:
    type: transform
    needs: [first]
    with: { value: "{{ tasks.first.output.n * 2 }}" }
  more: { type: transform, needs: [double], with: { value: "{{ tasks.double.output + 1 }}" } }
  last: { type: transform, needs: [more], with: { value: "{{ tasks.more.output }}!" } }
`);
    const edit = new Edit(page);
    await edit.openEditor("whole");
    await alive();
    await edit.card("double").click();
    await edit.card("last").click({ modifiers: ["Shift"] });
    const ask = async (): Promise<void> => {
      await edit.stage.focus();
      await page.keyboard.press("Control+k");
      await edit.chooser.fill("make a flow");
      await edit.chooser.press("Enter");
    };
    await ask();
    const dialog = page.getByRole("dialog", { name: "Make a flow of these tasks" });
    await expect(dialog.getByRole("alert")).toContainText("`more` runs between these tasks");
    await expect(dialog.getByRole("button", { name: "Publish it" })).toBeDisabled();
    await page.keyboard.press("Escape");

    await edit.card("double").click();
    await edit.card("more").click({ modifiers: ["Shift"] });
    await ask();
    await expect(dialog).toContainText("first");
    await accessible();
    await dialog.getByRole("textbox").fill("whole");
    await dialog.getByRole("button", { name: "Publish it" }).click();
    await expect(dialog.getByRole("alert")).toContainText("There is a flow whole already");
    await dialog.getByRole("textbox").fill("doubling");
    await dialog.getByRole("button", { name: "Publish it" }).click();
    await expect(edit.status).toHaveText("Done: Make 2 tasks the flow doubling.");
    await expect(edit.card("doubling")).toBeVisible();
    await expect(edit.card("double")).toBeHidden();
    expect(await edit.text()).toContain("{{ tasks.doubling.output.more }}!");

    // It gives what the tasks gave.
    await edit.stage.focus();
    await page.keyboard.press("Control+Enter");
    await expect(edit.status).toHaveText("The run succeeded.");
    await edit.stage.focus();
    await page.keyboard.press("1");
    await edit.card("last").click();
    await page.keyboard.press("p");
    expect(await edit.text()).toContain('last: "9!"');
    await page.goto("/flows/doubling");
    await expect(page.locator("svg.graph")).toContainText("double");
  });
});
