// What hands do on the canvas beside drawing: edges cut and drawn backwards, tidying, files dropped; and what is seen of it.

import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

const CHAIN = (id: string, n: number): string => {
  const tasks = Array.from({ length: n }, (_, at) => `  t${at}: { type: noop${at > 0 ? `, needs: [t${at - 1}]` : ""} }`);
  return `flow: ${id}\ntasks:\n${tasks.join("\n")}\n`;
};

test.describe("hands @live", () => {
  test.use({ viewport: { width: 1440, height: 900 } });

  test("an edge is cut by its cross, and drawn backwards from where it entered", async ({ page, alive, api }) => {
    await api.save(CHAIN("hands-cut", 2));
    const edit = new Edit(page);
    await edit.openEditor("hands-cut");
    await alive();
    const one = (await edit.card("t0").boundingBox())!;
    const other = (await edit.card("t1").boundingBox())!;
    const [x, y] = [(one.x + one.width + other.x) / 2, one.y + 32];
    await page.mouse.move(x, y);
    await expect(edit.stage.locator(".ed-over .cut")).toHaveCount(1);
    await page.mouse.move(x, y - 24, { steps: 4 });
    await expect(edit.stage.locator(".ed-over .cut.hot")).toHaveCount(1);
    await page.mouse.click(x, y - 24);
    await expect(edit.status).toHaveText("Done: Disconnect t0 → t1.");

    await page.mouse.move(other.x + 1, other.y + 32);
    await page.mouse.down();
    await page.mouse.move(x, y + 60, { steps: 4 });
    await page.mouse.move(...(await edit.middle(edit.card("t0"))), { steps: 4 });
    await page.mouse.up();
    await expect(edit.status).toHaveText("Done: Connect t0 → t1.");

    // Let go over nothing, it asks for a task that leads there.
    await page.mouse.move(one.x + 1, one.y + 32);
    await page.mouse.down();
    await page.mouse.move(one.x - 20, one.y + 150, { steps: 4 });
    await page.mouse.move(one.x - 20, one.y + 180, { steps: 4 });
    await page.mouse.up();
    await edit.chooser.fill("fail");
    await expect(page.getByText("Nothing found.")).toBeVisible();
    await edit.chooser.fill("delay");
    await edit.chooser.press("Enter");
    await expect(edit.card("delay")).toBeVisible();
    expect(await edit.text()).toMatch(/t0:[^\n]*needs: \[delay\]/);
  });

  test("A adds where the pointer is, and what was done is seen for a while", async ({ page, alive, api }) => {
    await api.save(CHAIN("hands-add", 2));
    const edit = new Edit(page);
    await edit.openEditor("hands-add");
    await alive();
    const [x, y] = await edit.free();
    await page.mouse.move(x + 100, y - 60);
    await edit.stage.focus();
    await page.keyboard.press("a");
    await edit.chooser.fill("log");
    await edit.chooser.press("Enter");
    const [there, below] = await edit.middle(edit.card("log"));
    expect(Math.abs(there - x - 100) + Math.abs(below - y + 60)).toBeLessThan(24);
    const toast = page.locator(".ed-toast p").first();
    await expect(toast).toHaveText("Done: Add log.");
    // It lies over neither the map nor the zoom.
    const box = (await toast.boundingBox())!;
    const map = (await page.locator(".ed-map").boundingBox())!;
    expect(box.x + box.width).toBeLessThan(map.x);
    await expect(toast).toBeHidden({ timeout: 8000 });
    // What was added is offered first the next time.
    await expect(edit.palette.locator("section").first()).toContainText("Recently used");
  });

  test("tidying is one step, and cards are where they belong when it is over", async ({ page, alive, api }) => {
    await api.save(CHAIN("hands-tidy", 3));
    const edit = new Edit(page);
    await edit.openEditor("hands-tidy");
    await alive();
    const before = await edit.middle(edit.card("t2"));
    await edit.drag(edit.card("t2"), [before[0] - 100, before[1] + 200]);
    await page.mouse.up();
    await edit.stage.focus();
    await page.keyboard.press("Shift+Alt+T");
    await expect(edit.status).toHaveText("Done: Tidy.");
    await expect.poll(async () => (await edit.card("t2").boundingBox())!.y).toBe((await edit.card("t0").boundingBox())!.y);
    await page.keyboard.press("Control+z");
    await expect(edit.status).toHaveText("Undone: Tidy.");
    await expect.poll(async () => (await edit.card("t2").boundingBox())!.y - (await edit.card("t0").boundingBox())!.y).toBeGreaterThan(100);
  });

  test("a flow of ten tasks is seen as a whole", async ({ page, alive, api }) => {
    await api.save(CHAIN("hands-ten", 10));
    const edit = new Edit(page);
    await edit.openEditor("hands-ten");
    await alive();
    await expect(edit.card("t0")).toBeInViewport({ ratio: 1 });
    await expect(edit.card("t9")).toBeInViewport({ ratio: 1 });
  });

  test("a file that is dropped opens the import with it, and is added beside what is there", async ({ page, alive, api, accessible }) => {
    await api.save(CHAIN("hands-drop", 2));
    const edit = new Edit(page);
    await edit.openEditor("hands-drop");
    await alive();
    await edit.stage.evaluate((stage) => {
      const data = new DataTransfer();
      data.items.add(new File(["load >> clean"], "chain.txt", { type: "text/plain" }));
      stage.dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: data }));
    });
    const dialog = page.getByRole("dialog", { name: "Import" });
    await expect(dialog).toContainText("2 tasks from a chain of tasks");
    await accessible();
    await dialog.getByRole("button", { name: "Add to this flow" }).click();
    await expect(edit.card("load")).toBeVisible();
    await expect(edit.card("t1")).toBeVisible();
    await edit.stage.focus();
    await page.keyboard.press("Control+i");
    await dialog.getByLabel("Paste it here").fill("https://example.org/flow.yaml");
    await expect(dialog.getByRole("alert")).toContainText("open it in the browser");
    await page.keyboard.press("Escape");

    // Replaced by what stands elsewhere and brought back, it is in sight.
    await edit.stage.focus();
    await page.keyboard.press("Control+i");
    await dialog.getByLabel("Paste it here").fill("flow: far\ntasks:\n  far: { type: noop }\nlayout: { far: [9000, 9000] }\n");
    await dialog.getByRole("button", { name: "Replace this flow" }).click();
    await expect(edit.card("far")).toBeInViewport();
    await edit.stage.focus();
    await page.keyboard.press("Control+z");
    await expect(edit.card("t1")).toBeInViewport();

    const download = page.waitForEvent("download");
    await edit.command("Download as JSON");
    expect((await download).suggestedFilename()).toBe("hands-drop.json");
  });

  test("a dialog that is opened again in the moment it closes stays open", async ({ page, alive, api }) => {
    await api.save(CHAIN("hands-again", 1));
    const edit = new Edit(page);
    await edit.openEditor("hands-again");
    await alive();
    for (const [key, name] of [["i", "Import"], ["?", "Keyboard shortcuts"]] as const) {
      const pressed = { key, ctrlKey: key === "i", bubbles: true, cancelable: true };
      await edit.stage.focus();
      await edit.stage.dispatchEvent("keydown", pressed);
      const dialog = page.getByRole("dialog", { name });
      await expect(dialog).toBeVisible();
      // The browser tells of the first closing only after the second opening.
      await edit.stage.evaluate(async (stage, pressed) => {
        const dialog = document.querySelector<HTMLDialogElement>("dialog[open]")!;
        const told = new Promise((done) => dialog.addEventListener("close", done));
        dialog.close();
        stage.dispatchEvent(new KeyboardEvent("keydown", pressed));
        await told;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      }, pressed);
      await expect(dialog).toBeVisible();
      await page.keyboard.press("Escape");
      await expect(dialog).toBeHidden();
    }
  });

  test("a group that is one box says how its tasks stand", async ({ page, alive, api, accessible }) => {
    await api.save(`flow: hands-group
tasks:
  one: { type: noop }
  two: { type: fail, needs: [one], with: { message: no } }
  three: { type: noop, needs: [two] }
groups: { g: { title: Part, tasks: [one, two], collapsed: true } }
`);
    const edit = new Edit(page);
    await edit.openEditor("hands-group");
    await alive();
    const box = edit.stage.getByRole("option", { name: /^Group Part/ });
    await expect(box).toBeVisible();
    await edit.stage.focus();
    await page.keyboard.press("Control+Enter");
    await expect(edit.stage.getByRole("option", { name: "Group Part, 2 tasks, 1 failed, 1 succeeded" })).toBeVisible();
    await expect(box.locator(".stands")).toHaveAttribute("data-state", "failed");
    await accessible();
    // The panel is put away and brought back; what was run stays on the cards.
    const panel = page.getByRole("region", { name: "Run", exact: true });
    await edit.stage.focus();
    await page.keyboard.press("`");
    await expect(panel).toBeHidden();
    await expect(box.locator(".stands")).toBeVisible();
    await page.keyboard.press("`");
    await expect(panel).toBeVisible();
  });

  test("several tasks at once can be grouped, copied and run", async ({ page, alive, api }) => {
    await api.save(CHAIN("hands-many", 3));
    const edit = new Edit(page);
    await edit.openEditor("hands-many");
    await alive();
    await edit.card("t0").click();
    await edit.card("t1").click({ modifiers: ["Shift"] });
    for (const name of ["Copy", "Duplicate", "Run to the last one"]) {
      await expect(edit.inspector.getByRole("button", { name, exact: true })).toBeVisible();
    }
    await edit.inspector.getByRole("button", { name: "Group", exact: true }).click();
    await expect(edit.status).toHaveText("Done: Group 2 tasks.");
    await page.keyboard.press("Control+Shift+A");
  });
});

test("the first publish names the flow in the breadcrumb @live", async ({ page, alive }) => {
  const edit = new Edit(page);
  await edit.openEditor();
  await alive();
  await edit.inspector.getByRole("textbox", { name: /^Id/ }).fill("hands-new");
  await page.keyboard.press("Tab");
  await edit.publish();
  await expect(edit.status).toContainText("Published as version 1");
  await expect(page.getByRole("navigation", { name: "Breadcrumb" })).toContainText("hands-new · edit");
});
