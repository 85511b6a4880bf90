import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

const FLOW = `flow: helped
tasks:
  fetch: { type: http.request, with: { url: "http://127.0.0.1:1" } }
  tell:
    type: log
    needs: [fetch]
    with: { message: hello }
    `;

test.describe("the document as text @live", () => {
  test("is helped with while it is typed, and says what everything is for", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.text();
    const area = edit.document;
    await area.fill(FLOW);
    await area.focus();
    await page.keyboard.press("Control+End");
    const list = page.getByRole("listbox", { name: "What may stand here" });
    const options = list.getByRole("option");

    // A field, what stands below it, and a value.
    await page.keyboard.type("re");
    await expect(options).toHaveText([/^retry/]);
    await expect(options.first()).toHaveAttribute("aria-selected", "true");
    await accessible();
    await page.keyboard.press("Enter");
    await expect(area).toHaveValue(/ {4}retry:\n {6}$/);
    await page.keyboard.type("bac");
    await page.keyboard.press("Tab");
    await expect(area).toHaveValue(/ {6}backoff: $/);
    await expect(options.filter({ hasText: "exponential" })).toBeVisible();
    await page.keyboard.type("ex");
    await page.keyboard.press("Enter");
    await expect(area).toHaveValue(/backoff: exponential$/);
    await expect(list).toBeHidden();
    // With the whole word there Enter begins a line.
    await page.keyboard.press("Enter");
    await expect(area).toHaveValue(/exponential\n {6}$/);
    await page.keyboard.press("Control+Space");
    await expect(options.first()).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(list).toBeHidden();

    // Tasks, and what they gave.
    await area.evaluate((element) => {
      const area = element as HTMLTextAreaElement;
      const at = area.value.indexOf("hello");
      area.setSelectionRange(at, at + 5);
    });
    await page.keyboard.type('"{{ tasks.f');
    await expect(options).toHaveText([/^fetch/]);
    await page.keyboard.press("Enter");
    await page.keyboard.type('.output }}"');
    await expect(area).toHaveValue(/message: "\{\{ tasks.fetch.output \}\}" \}/);

    // What stands at the cursor, and what the pointer rests on.
    await edit.caret("backoff");
    await expect(edit.document.locator("xpath=../..")).toContainText("backoff: text · How the pause grows");
    await area.evaluate((element) => element.scrollTo(0, 0));
    const box = (await area.boundingBox())!;
    await page.mouse.move(box.x + 12 + 6 * 7.2, box.y + 8 + 4 * 20 + 10);
    await expect(page.getByRole("tooltip")).toContainText("type: text · What it does");
    await page.mouse.move(box.x + 12 + 11 * 7.2, box.y + 8 + 4 * 20 + 10);
    await expect(page.getByRole("tooltip")).toContainText("Log:");
    await page.mouse.move(box.x + 300, box.y + box.height - 10);
    await expect(page.getByRole("tooltip")).toBeHidden();
  });
});

test.describe("help in the text @live", () => {
  test("comes to what was typed before it was there", async ({ page, alive }) => {
    let release = (): void => {};
    const held = new Promise<void>((done) => (release = done));
    await page.route("**/pkg/*.wasm", async (route) => {
      if (route.request().url().includes("engine")) await held;
      await route.continue();
    });
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.text();
    await edit.document.fill(FLOW);
    await page.keyboard.press("Control+End");
    await page.keyboard.type("re");
    const options = page.getByRole("listbox", { name: "What may stand here" }).getByRole("option");
    await expect(edit.card("tell")).toBeVisible();
    await expect(options).toHaveCount(0);
    release();
    await expect(options).toHaveText([/^retry/]);
  });

  test("goes along where the text moves, and away with what it is about", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.text();
    const wide = `${"# ".padEnd(200, "-")}\n`;
    await edit.document.fill(wide + FLOW.replace("    with: { message: hello }\n", `    with: { message: "${"m".repeat(60)}" }\n`) + wide.repeat(80));
    const area = edit.document;
    await edit.caret("with: { message: \"m");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await area.evaluate((element) => element.scrollTo(element.scrollLeft, 0));
    const list = page.getByRole("listbox", { name: "What may stand here" });
    // At the edge the text moves to the left with what is typed, and the list stays.
    await page.keyboard.type("{{ tasks.f");
    await expect(list.getByRole("option")).toHaveText([/^fetch/]);
    expect(await area.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0);
    const before = (await list.boundingBox())!;
    await area.evaluate((element) => element.scrollBy(0, 20));
    await expect.poll(async () => (await list.boundingBox())?.y).toBe(before.y - 20);
    await area.evaluate((element) => element.scrollTo(element.scrollLeft, 1200));
    await expect(list).toBeHidden();
  });
});

test.describe("the document as text, in both formats @live", () => {
  test("is written as JSON and back, and typed on in either", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const before = await edit.text();
    await page.getByRole("button", { name: "YAML → JSON" }).click();
    await expect(edit.status).toHaveText("Done: Write as JSON.");
    await expect(edit.document).toHaveValue(/^\{\n {2}"flow": "first-flow(-\d+)?",/);
    await edit.card("pause").click();
    await edit.inspector.getByRole("textbox", { name: "Name", exact: true }).fill("Wait a little");
    await page.keyboard.press("Tab");
    await expect(edit.document).toHaveValue(/"name": "Wait a little"/);
    await page.getByRole("button", { name: "JSON → YAML" }).click();
    await expect(edit.document).toHaveValue(/\n {4}name: Wait a little\n/);
    await expect(edit.card("Wait a little")).toBeVisible();
    await edit.stage.focus();
    for (let n = 0; n < 3; n += 1) await page.keyboard.press("Control+z");
    await expect(edit.document).toHaveValue(before);
  });
});
