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

  test("the list of tasks is a tree with the same selection and commands", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.group("pause", "length", "Slow part");
    await page.keyboard.press("Tab");
    await edit.stage.focus();
    await page.keyboard.press("l");
    const tree = page.getByRole("tree", { name: "Tasks in their order" });
    await expect(tree).toMatchAriaSnapshot(`
      - tree "Tasks in their order":
        - treeitem "greet log connects to pause" [level=1]
        - treeitem "Slow part 2" [expanded] [level=1]
        - treeitem "pause delay connects to length" [level=2]
        - treeitem "length switch connects to cheer, marvel" [level=2]
        - treeitem "cheer shell" [level=1]
        - treeitem "marvel log" [level=1]
    `);
    await accessible();

    // One stop of the Tab key; what the keys are at is selected on the canvas too.
    await tree.focus();
    await page.keyboard.press("Home");
    await expect(edit.card("greet")).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await expect(edit.card("pause")).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("Shift+ArrowDown");
    await expect(tree.getByRole("treeitem", { selected: true })).toHaveCount(2);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await expect(tree.getByRole("treeitem", { name: /^Slow part/ })).toHaveAttribute("aria-expanded", "false");
    await expect(tree.getByRole("treeitem")).toHaveCount(4);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("End");

    // The commands are those of the canvas.
    await page.keyboard.press("Control+d");
    await expect(tree.getByRole("treeitem", { name: /^marvel-2/ })).toBeVisible();
    await page.keyboard.press("Delete");
    await expect(tree.getByRole("treeitem", { name: /^marvel-2/ })).toBeHidden();
    await tree.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Shift+F10");
    await expect(page.getByRole("menuitem", { name: /^Duplicate/ })).toBeVisible();
    await page.keyboard.press("Escape");
    await tree.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await expect(edit.inspector.getByRole("textbox", { name: "Name", exact: true })).toBeFocused();

    // A group has its menu too.
    await tree.getByRole("button", { name: "What to do with group Slow part" }).click();
    await page.getByRole("menuitem", { name: /^Collapse or expand/ }).click();
    await expect(edit.status).toHaveText("Done: Collapse group Slow part.");
  });

  test("the menu at the end of the bar is as high as its commands", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await page.getByRole("button", { name: "More" }).click();
    const items = page.getByRole("menu").getByRole("menuitem");
    await expect(items.last()).toBeInViewport();
    expect(await page.getByRole("menu").evaluate((menu) => menu.scrollHeight - menu.clientHeight)).toBe(0);
  });

  test("what is added to a flow is of the kind its schema wants", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const schedules = edit.inspector.locator(".ed-field").filter({ has: page.getByText("Schedules", { exact: true }) });
    await schedules.getByRole("button", { name: "Add" }).last().click();
    await edit.inspector.locator("#f-schedules-name1-cron").fill("0 6 * * *");
    await page.keyboard.press("Tab");
    expect(await edit.text()).toContain('schedules:\n  name1:\n    cron: "0 6 * * *"\n');
  });

  test("a part whose code cannot be fetched says so, and is fetched again", async ({ page, alive, accessible, forgiven }) => {
    forgiven.push(/ERR_FAILED|Failed to fetch/);
    let n_refused = 0;
    await page.route("**/pkg/*.wasm", (route) => {
      if (route.request().url().endsWith("_bg.wasm")) return route.continue();
      n_refused += 1;
      return route.abort();
    });
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    // At rest the editor tries by itself, once: from then on it is the button that does.
    await expect.poll(() => n_refused).toBeGreaterThan(0);
    await edit.stage.focus();
    await page.keyboard.press("l");
    const lost = page.getByRole("alert");
    await expect(lost).toContainText("The code of the list of tasks could not be fetched from the server.");
    await accessible();
    await page.unroute("**/pkg/*.wasm");
    await lost.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByRole("tree", { name: "Tasks in their order" })).toBeVisible();
    await expect(lost).toBeHidden();
  });

  test("what is wrong comes with the page; what needs expressions read waits for the code that reads them", async ({ page, api, alive, forgiven }) => {
    forgiven.push(/ERR_FAILED|Failed to fetch/);
    await api.save(`
flow: light
tasks:
  first: { type: shell, with: { command: "echo {{ inputs.who }}" } }
  second: { type: log, needs: [first], with: { message: "{{ tasks.first.output.stdout }}" } }
inputs: { who: { type: string, default: you } }
`);
    await page.route("**/pkg/*.wasm", (route) => (route.request().url().endsWith("_bg.wasm") ? route.continue() : route.abort()));
    const edit = new Edit(page);
    await edit.openEditor("light");
    await alive();
    await expect(page.getByRole("button", { name: "1 warning" })).toBeVisible();
    await edit.card("second").click();
    await page.keyboard.press("Delete");
    await expect(edit.card("second")).toBeHidden();
    await page.keyboard.press("Control+z");
    await edit.card("first").click();
    await page.keyboard.press("Delete");
    const why = "Not changed: what reads expressions could not be fetched from the server. Try again.";
    await expect(page.getByRole("alert").filter({ hasText: why })).toBeVisible();
    await expect(edit.card("first")).toBeVisible();
    await page.unroute("**/pkg/*.wasm");
    await page.keyboard.press("Delete");
    await expect(edit.card("first")).toBeHidden();
    await expect(page.getByRole("status").filter({ hasText: "still names first" }).first()).toBeVisible();
    await expect(page.getByRole("button", { name: /^\d+ errors?$/ })).toBeVisible();
  });

  test("groups and notes are drawn, each change one step", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.group("pause", "length", "Slow part");
    await edit.inspector.getByRole("button", { name: "blue" }).click();
    await accessible();
    await edit.inspector.getByRole("checkbox", { name: "Collapsed" }).check();
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

  test("a note says what it says as Markdown, and nothing of it is taken for HTML", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.note('# Mind the gap\n**Read** the [manual](https://example.org/a?b=1&c=2) first:\n- `one`\n- *two*\n<img src=x onerror="alert(1)">[no](javascript:alert(1))');
    const note = edit.stage.locator(".ed-note .says");
    await expect(note.locator("h3")).toHaveText("Mind the gap");
    await expect(note.locator("strong")).toHaveText("Read");
    await expect(note.locator("li")).toHaveText(["one", /^two/]);
    await expect(note).toContainText('<img src=x onerror="alert(1)">[no](javascript:alert(1))');
    await expect(note.locator("img, script")).toHaveCount(0);
    const links = note.locator("a");
    await expect(links).toHaveCount(1);
    await expect(links).toHaveAttribute("href", "https://example.org/a?b=1&c=2");
    await expect(links).toHaveAttribute("rel", "noopener");
    // Whoever cannot point at it finds the link beside the note.
    await expect(edit.inspector.getByRole("link", { name: "manual" })).toHaveAttribute("href", "https://example.org/a?b=1&c=2");
    await accessible();

    // A press on a link follows it; the note beside it is taken hold of as ever.
    await page.context().route("https://example.org/**", (route) => route.fulfill({ body: "The manual" }));
    const opened = page.waitForEvent("popup");
    await links.click();
    await expect((await opened).locator("body")).toHaveText("The manual");
    await edit.card("greet").click();
    await note.locator("h3").click();
    await expect(edit.status).toHaveText("Note selected");
  });

  test("a note is sized by its corner, in one step", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.note("Mind the gap");
    const note = edit.stage.locator(".ed-note");
    await expect(edit.stage.locator(".ed-over .grip")).toHaveCount(1);
    const before = (await note.boundingBox())!;
    const corner: [number, number] = [before.x + before.width - 5, before.y + before.height - 5];
    await page.mouse.move(...corner);
    await expect(edit.stage).toHaveCSS("cursor", "nwse-resize");
    await page.mouse.down();
    await page.mouse.move(corner[0] + 50, corner[1] + 20, { steps: 4 });
    await page.mouse.move(corner[0] + 100, corner[1] + 60, { steps: 4 });
    await page.mouse.up();
    await expect(edit.status).toContainText("Done: ");
    const after = (await note.boundingBox())!;
    expect(after.x).toBe(before.x);
    expect(Math.abs(after.width - before.width - 100)).toBeLessThan(10);
    expect(Math.abs(after.height - before.height - 60)).toBeLessThan(10);
    expect(await edit.text()).toContain("size: [");
    await edit.stage.focus();
    await page.keyboard.press("Control+z");
    await expect.poll(async () => (await note.boundingBox())?.width).toBe(before.width);
    // The keys have the sizes beside it.
    await edit.stage.focus();
    await edit.inspector.getByRole("button", { name: "Wide" }).press("Enter");
    await expect.poll(async () => (await note.boundingBox())?.width).toBe(before.width * 2);
  });

  test("an edge let go over a group that is one box asks which of its tasks is meant", async ({ page, alive, accessible }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.group("pause", "length", "Slow part");
    await edit.inspector.getByRole("checkbox", { name: "Collapsed" }).check();
    const box = edit.stage.getByRole("option", { name: "Group Slow part, 2 tasks" });
    await expect(box).toBeVisible();
    await edit.drag(edit.port("greet", "failed"), await edit.middle(box));
    await expect(page.getByText("to one of 2 tasks")).toBeVisible();
    await expect(box).toHaveClass(/wanted/);
    await page.mouse.up();
    await expect(page.getByRole("dialog", { name: "Connect to" }).getByRole("option")).toHaveText([/^pause/, /^length/]);
    await accessible();
    await edit.chooser.fill("len");
    await edit.chooser.press("Enter");
    await expect(edit.status).toHaveText("Done: Connect greet → length.");

    // With one task left that may be connected nobody is asked, with none it is said why.
    await edit.drag(edit.port("greet", "failed"), await edit.middle(box));
    await expect(page.getByText("to pause", { exact: true })).toBeVisible();
    await page.mouse.up();
    await expect(edit.status).toHaveText("Done: Change edge greet → pause.");
    // Of an edge that is selected the end would be in the hand.
    await page.mouse.click(...(await edit.free()));
    await edit.drag(edit.port("greet", "failed"), await edit.middle(box));
    await expect(page.getByText("already connected")).toBeVisible();
    await expect(box).toHaveClass(/refused/);
    await page.mouse.up();
    await expect(edit.status).toHaveText("Not connected: already connected.");
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
    await expect(edit.inspector).toContainText("has no input nothing");
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
    const list = page.getByRole("tree", { name: "Tasks in their order" });
    await expect(list.getByRole("treeitem", { name: /^greet/ })).toBeVisible();
    await accessible();
    await list.getByRole("button", { name: "What to do with greet" }).tap();
    await page.getByRole("menuitem", { name: /^Open/ }).tap();
    await edit.inspector.getByRole("textbox", { name: "Name", exact: true }).fill("Say hello");
    await accessible();
    await edit.inspector.getByRole("button", { name: "Back to the flow" }).tap();
    await expect(list.getByRole("treeitem", { name: /^Say hello/ })).toBeVisible();

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
