// Values in the editor: what trials take of earlier ones, and what a task alone is given.

import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

/** Three tasks, each of which reads the one before it. */
const flow = (id: string): string => `flow: ${id}
tasks:
  first: { type: transform, with: { value: { rows: [{ id: 7 }, { id: 8 }], n: 2 } } }
  second: { type: transform, needs: [first], with: { value: "{{ tasks.first.output.n + 1 }}" } }
  third: { type: transform, needs: [second], with: { value: "{{ tasks.second.output * 10 }}" } }
`;

test.describe("trials and values @live", () => {
  test.use({ viewport: { width: 1440, height: 900 } });

  test("a trial takes what trials before it gave", async ({ page, api, alive, accessible }) => {
    await api.save(flow("again"));
    const edit = new Edit(page);
    await edit.openEditor("again");
    await alive();
    await edit.card("second").click();
    await page.keyboard.press("Control+Shift+Enter");
    const part = page.getByRole("region", { name: "Run to here" });
    await expect(edit.card("second")).toHaveAttribute("data-state", "succeeded");
    await expect(part).not.toContainText("of earlier runs");
    await edit.card("third").click();
    await page.keyboard.press("Control+Shift+Enter");
    await expect(part).toContainText("2 results of earlier runs taken: first, second");
    await expect(edit.card("first").locator(".doing")).toHaveText("reused");

    // A whole run does everything, unless it is told not to; that is remembered.
    await edit.stage.focus();
    await page.keyboard.press("Control+Enter");
    const whole = page.getByRole("region", { name: "Run", exact: true });
    await expect(edit.status).toContainText("succeeded");
    await expect(edit.card("first").locator(".doing")).not.toHaveText("reused");
    const take = whole.getByRole("checkbox", { name: "Take results of the last run that still hold" });
    await take.check();
    await whole.getByRole("button", { name: "Run again" }).click();
    await expect(whole).toContainText("3 results of earlier runs taken");
    await accessible();
    await whole.getByRole("button", { name: "Close" }).click();
    await edit.stage.focus();
    await page.keyboard.press("Control+Enter");
    await expect(take).toBeChecked();
  });

  test("a task alone is given what is known, or what is written", async ({ page, api, alive, accessible }) => {
    await api.save(flow("alone"));
    const edit = new Edit(page);
    await edit.openEditor("alone");
    await alive();
    await edit.card("third").click();
    await page.keyboard.press("Shift+Enter");
    const panel = page.getByRole("region", { name: "Run one task" });
    const given = panel.getByRole("textbox", { name: "second" });
    await expect(given).toHaveValue("null");
    await expect(given).toHaveAccessibleDescription("nothing is known: null");
    await expect(panel.getByRole("button", { name: "Start" })).toBeFocused();
    await given.fill("[1, 2");
    await panel.getByRole("button", { name: "Start" }).click();
    await expect(panel.getByRole("alert")).toContainText("This is not JSON");
    await expect(given).toBeFocused();
    await accessible();
    await given.fill("4");
    await panel.getByRole("button", { name: "Start" }).click();
    await expect(panel.getByRole("tree", { name: "Output" }).locator(".val")).toHaveText("40");
    await expect(edit.card("second").locator(".doing")).toHaveText("given");
    await expect(edit.card("first").locator(".doing")).toHaveText("unknown: null");

    await edit.card("second").click();
    await page.keyboard.press("Control+Shift+Enter");
    await expect(edit.card("second").locator(".doing")).not.toHaveText("given");
    await edit.card("third").click();
    await page.keyboard.press("Shift+Enter");
    await expect(given).toHaveValue("3");
    await expect(given).toHaveAccessibleDescription("of an earlier run");
    await given.fill("5");
    await panel.getByRole("button", { name: "As it was" }).click();
    await expect(given).toHaveValue("3");
    await panel.getByRole("button", { name: "Start" }).click();
    await expect(panel.getByRole("tree", { name: "Output" }).locator(".val")).toHaveText("30");
    await expect(edit.card("second").locator(".doing")).toHaveText("reused");
  });

  test("what a task did last stands beside its form, and is pinned and changed there", async ({ page, api, alive, accessible }) => {
    await api.save(`${flow("beside")}  fourth: { type: shell, needs: [third], with: { command: "echo {{ tasks.third.output }}" } }
`);
    await api.finished("beside");
    const edit = new Edit(page);
    await edit.openEditor("beside");
    await alive();
    await edit.card("first").click();
    await edit.inspector.getByText("Last run").click();
    const output = edit.inspector.getByRole("tree", { name: "Output" });
    await expect(output.getByRole("treeitem", { name: /^rows/ })).toBeVisible();
    await expect(output.getByRole("treeitem", { name: /^n: 2/ })).toBeVisible();
    await expect(edit.inspector).toContainText("The input of such a task is not kept.");
    await accessible();
    await edit.card("fourth").click();
    await expect(edit.inspector.getByRole("tree", { name: "Input" })).toContainText("echo 30");
    await edit.card("first").click();
    const download = page.waitForEvent("download");
    await edit.inspector.getByRole("link", { name: "Download" }).first().click();
    expect((await download).suggestedFilename()).toBe("first-output.json");

    // Pinned it is a part of the document, marked on its card, and text in a field.
    await edit.inspector.getByRole("button", { name: "Pin this" }).click();
    const pinned = edit.inspector.getByRole("textbox", { name: "Pinned output" });
    await expect(pinned).toHaveValue(/"n": 2/);
    await expect(edit.card("first").locator(".pinned")).toBeVisible();
    expect(await edit.card("first").evaluate((card) => getComputedStyle(card, "::after").height)).toBe("4px");
    await edit.inspector.getByRole("button", { name: "Edit the pin" }).click();
    await expect(pinned).toBeFocused();
    await pinned.fill('{ "n": 9, }');
    await page.keyboard.press("Tab");
    await expect(edit.inspector.getByRole("alert")).toContainText("This is not JSON: trailing comma at line 1");
    await expect(pinned).toHaveAttribute("aria-invalid", "true");
    await accessible();
    await pinned.fill('{ "n": 9 }');
    await page.keyboard.press("Tab");
    await expect(edit.inspector.getByRole("alert")).toBeHidden();
    await expect(pinned).toHaveValue('{\n  "n": 9\n}');
    await edit.card("second").click();
    await expect(edit.inspector.getByText("10", { exact: true })).toBeVisible();

    // What trials after it do is what stands there then.
    await edit.stage.focus();
    await page.keyboard.press("Control+Enter");
    await expect(edit.card("first").locator(".doing")).toHaveText("pinned");
    await expect(edit.inspector.getByRole("tree", { name: "Output" })).toContainText("10");
    await expect(edit.inspector.getByRole("link", { name: "Open the trial" })).toBeVisible();
    await edit.card("first").click();
    await expect(edit.inspector.getByRole("link", { name: "Open the run" })).toBeVisible();
    await edit.inspector.getByRole("button", { name: "Unpin" }).click();
    await expect(pinned).toBeHidden();
    await expect(edit.card("first").locator(".pinned")).toBeHidden();
  });

  test("values from before are put into fields by clicks, by keys and by dragging", async ({ page, api, alive, accessible }) => {
    await api.save(`flow: put
inputs: { day: { type: string, default: today } }
tasks:
  first: { type: transform, with: { value: { rows: [{ id: 7 }, { id: 8 }], "the n": 2 } } }
  second: { type: log, needs: [first], with: { message: "it is " } }
  third: { type: delay, needs: [second], with: { for: 5s } }
  other: { type: log, with: { message: "x" } }
`);
    await api.finished("put");
    const edit = new Edit(page);
    await edit.openEditor("put");
    await alive();
    await edit.card("second").click();
    await edit.stage.focus();
    await page.keyboard.press("v");
    const tree = edit.inspector.getByRole("tree", { name: "Values from before" });
    const item = (name: RegExp) => tree.getByRole("treeitem", { name });
    await expect(item(/^first/)).toHaveAttribute("aria-expanded", "true");
    await expect(item(/^the n/)).toContainText("2");
    await expect(tree).not.toContainText("other");
    await accessible();

    // Without a field it says what to do.
    await item(/^the n/).click();
    await expect(page.getByRole("alert")).toContainText("Put the cursor into one of the task's fields");
    const message = page.locator('[id="f-tasks-second-with-message"]');
    await message.focus();
    await page.keyboard.press("End");
    await item(/^the n/).click();
    await expect(message).toHaveValue("it is {{ tasks.first.output['the n'] }}");
    await expect(message).toBeFocused();
    await expect(edit.inspector.getByText("it is 2", { exact: true })).toBeVisible();

    // By keys: into the expression at the cursor.
    await message.fill("{{ 1 +  }}");
    await message.evaluate((field: HTMLTextAreaElement) => field.setSelectionRange(7, 7));
    await item(/^first/).focus();
    await page.keyboard.press("ArrowDown");
    await expect(item(/^rows/)).toBeFocused();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await expect(item(/^id/)).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(message).toHaveValue("{{ 1 + tasks.first.output.rows[0].id }}");
    await expect(message).toBeFocused();
    await expect(edit.inspector.locator(".ed-gives").first()).toContainText("8");

    // Dragged onto a literal it takes its place.
    await edit.card("third").click();
    const wait = page.locator('[id="f-tasks-third-with-for"]');
    await item(/^inputs/).click();
    await item(/^day/).dragTo(wait);
    await expect(wait).toHaveValue("{{ inputs.day }}");
    await edit.stage.focus();
    await page.keyboard.press("Control+z");
    await expect(wait).toHaveValue("5s");
  });

  test("a part of an expression says what it gives, and what is at fault is underlined", async ({ page, api, alive, accessible }) => {
    await api.save(flow("hints"));
    await api.finished("hints");
    const edit = new Edit(page);
    await edit.openEditor("hints");
    await alive();
    await edit.card("second").click();
    const value = page.locator('[id="f-tasks-second-with-value"]');
    await value.fill("{{ tasks.first.output.n }} and {{ tasks.frist.output }} é {{ tasks.third.output }}");
    const marks = edit.inspector.locator(".ed-marks");
    const wrong = marks.locator("i.wrong");
    await expect(wrong).toHaveText(["tasks.frist.output", "tasks.third.output"]);
    await expect(wrong.first()).toHaveCSS("text-decoration-style", "wavy");
    // The text over the field stands where that of the field does.
    const [field, over] = [await value.boundingBox(), await marks.boundingBox()];
    expect(over).toEqual(field);

    const hint = page.locator(".ed-hint");
    await page.mouse.move(...(await edit.middle(marks.locator("i.gives"))));
    await expect(hint).toHaveText("= 2");
    await page.mouse.move(...(await edit.middle(wrong.last())));
    await expect(hint).toHaveText("`third` does not come before this: connect it first");
    await page.mouse.move(5, 5);
    await expect(hint).toBeHidden();
    // By keys it is that at the cursor.
    await value.focus();
    await page.keyboard.press("Control+Home");
    for (let n = 0; n < 5; n += 1) await page.keyboard.press("ArrowRight");
    await expect(hint).toHaveText("= 2");
    await accessible();
    await value.fill("{{ tasks.first.output.n + }}");
    await expect(wrong).toHaveText(["tasks.first.output.n +"]);
    await value.fill("{{ tasks.first.output.n + 2 }}");
    await expect(marks.locator("i.gives")).toHaveText(["tasks.first.output.n"]);
    await expect(wrong).toHaveCount(0);
  });
});
