// What is done with a flow in the editor beside drawing it: drafts, publishing, trials, simulations, imports.

import { Edit } from "../pages/edit.ts";
import { expect, live, test } from "../test.ts";

/** A flow with two shell tasks and a switch, under an id of its own. */
const flow = (id: string, more = ""): string => `flow: ${id}
name: ${id}
inputs: { n: { type: integer, default: 3 } }
tasks:
  first: { type: shell, with: { command: "echo {{ 7 }}" } }
  second: { type: shell, needs: [first], with: { command: "echo 5" } }
  third: { type: log, needs: [second], with: { message: "it is {{ tasks.second.output }}" } }
${more}`;

test.describe("in the editor @live", () => {
  test("two people edit at once, and nothing of either is lost", async ({ page, browser, server, api, alive, forgiven }) => {
    forgiven.push(/412 .*\/fn\/publish/);
    await api.save(flow("both"));
    const mine = new Edit(page);
    await mine.openEditor("both");
    await alive();
    const context = await browser.newContext({ baseURL: server.url });
    const other = await context.newPage();
    const theirs = new Edit(other);
    await theirs.openEditor("both");
    await live(other);

    await theirs.retitle("third", "Theirs");
    await theirs.publish("their third");
    await mine.retitle("first", "Mine");
    await expect(page.getByRole("button", { name: "Version 2 was published meanwhile" })).toBeVisible();
    await mine.publishButton.click();
    const dialog = page.getByRole("dialog", { name: "Publish" });
    // Different tasks were changed: they are put together by themselves.
    await expect(dialog).toContainText("Its changes are on your canvas now");
    await expect(mine.card("Theirs")).toBeVisible();
    await dialog.getByRole("button", { name: "Publish version 3" }).click();
    await expect(mine.status).toContainText("Published as version 3");

    await theirs.retitle("second", "Second of theirs");
    await expect(other.getByRole("button", { name: "Version 3 was published meanwhile" })).toBeVisible();
    await theirs.publishButton.click();
    const asked = other.getByRole("dialog", { name: "Publish" });
    await expect(asked).toContainText("Its changes are on your canvas now");
    await mine.retitle("second", "Second of mine");
    await mine.publish("my second");
    await asked.getByRole("button", { name: "Publish version 4" }).click();
    // The same field was changed by both: somebody has to choose.
    const conflict = asked.getByRole("group", { name: "second" });
    await expect(conflict).toContainText("Second of mine");
    await expect(asked.getByRole("button", { name: "Put together" })).toBeDisabled();
    await conflict.getByRole("radio", { name: /^Mine/ }).check();
    await asked.getByRole("button", { name: "Put together" }).click();
    await asked.getByRole("button", { name: "Publish version 5" }).click();
    await expect(theirs.status).toContainText("Published as version 5");
    await context.close();

    await page.goto("/flows/both/versions?from=1&to=5");
    const changed = page.getByRole("region", { name: "What changed" });
    for (const name of ["Mine", "Second of theirs", "Theirs"]) await expect(changed).toContainText(name);
    await expect(page.getByText("my second")).toBeVisible();
  });

  test("what a run in the editor gave is what fields show from then on", async ({ page, api, alive }) => {
    await api.save(`
flow: shown
tasks:
  first: { type: transform, with: { value: 20 } }
  second: { type: transform, needs: [first], with: { value: "{{ tasks.first.output + 1 }}" } }
`);
    const edit = new Edit(page);
    await edit.openEditor("shown");
    await alive();
    await edit.card("second").click();
    await expect(edit.inspector).toContainText("`first` has not run yet");
    await edit.stage.focus();
    await page.keyboard.press("Control+Enter");
    await expect(edit.status).toContainText("succeeded");
    await expect(edit.inspector.getByText("21", { exact: true })).toBeVisible();
  });

  test("a flow whose id is changed is published as a flow of its own", async ({ page, api, alive }) => {
    await api.save(flow("old-name"));
    const edit = new Edit(page);
    await edit.openEditor("old-name");
    await alive();
    await edit.inspector.getByRole("textbox", { name: "Id*", exact: true }).fill("new-name");
    await edit.inspector.getByRole("textbox", { name: "Id*", exact: true }).blur();
    await edit.publishButton.click();
    const dialog = page.getByRole("dialog", { name: "Publish" });
    await expect(dialog).toContainText("this is a new flow, new-name. old-name stays as it was published.");
    await dialog.getByRole("button", { name: "Publish as a new flow" }).click();
    await expect(edit.status).toContainText("Published as version 1");
    await expect(page).toHaveURL(/\/flows\/new-name\/edit$/);
    await expect(edit.publishButton).toBeVisible();
    expect(await api.source("old-name")).toContain("flow: old-name");
  });

  test("two tabs of one browser change a draft, and nothing of either is lost", async ({ page, context, api, alive, forgiven }) => {
    forgiven.push(/4(09|12) .*\/fn\/save_draft/);
    await api.save(flow("tabs"));
    const one = new Edit(page);
    await one.openEditor("tabs");
    await alive();
    const tab = await context.newPage();
    const other = new Edit(tab);
    await other.openEditor("tabs");
    await live(tab);
    await one.retitle("first", "In the one");
    await expect(one.keeping).toContainText("Draft saved");
    await other.retitle("second", "In the other");
    await expect(other.keeping).toContainText("Kept here: Another tab");
    await tab.close();
    await one.retitle("third", "In the one too");
    await expect(one.keeping).toContainText("Draft saved");
    await page.reload();
    await alive();
    await expect(one.card("In the one too")).toBeVisible();
    const note = page.getByRole("status").filter({ hasText: "Another draft of" });
    await note.getByRole("button", { name: "Open it instead" }).click();
    await expect(one.card("In the other")).toBeVisible();
    await expect(one.card("In the one too")).toBeHidden();
    await expect(one.keeping).toContainText("Draft saved");
    await page.reload();
    await alive();
    await expect(one.card("In the other")).toBeVisible();
    await note.getByRole("button", { name: "Open it instead" }).click();
    await expect(one.card("In the one too")).toBeVisible();
    await note.getByRole("button", { name: "Discard it" }).click();
    await expect(note).toBeHidden();
    await expect(one.keeping).toContainText("Draft saved");
    await page.reload();
    await alive();
    await expect(one.card("In the one too")).toBeVisible();
    await expect(note).toBeHidden();
  });

  test("what is typed while the server is away is there when it is back", async ({ page, context, api, alive, forgiven }) => {
    forgiven.push(/ERR_INTERNET_DISCONNECTED|Failed to load resource/);
    await api.save(flow("away"));
    const edit = new Edit(page);
    await edit.openEditor("away");
    await alive();
    await edit.retitle("first", "Kept there");
    await expect(edit.keeping).toContainText("Draft saved");
    await context.setOffline(true);
    await edit.retitle("second", "Kept here");
    await expect(edit.keeping).toContainText("Offline, kept here");
    await context.setOffline(false);
    await expect(edit.keeping).toContainText("Draft saved", { timeout: 15_000 });

    await page.reload();
    await live(page);
    await expect(page.getByText(/^Your draft of/)).toBeVisible();
    await expect(edit.card("Kept here")).toBeVisible();
    await page.getByRole("button", { name: "Discard" }).click();
    await expect(edit.card("second")).toBeVisible();
    await page.reload();
    await live(page);
    await expect(edit.card("second")).toBeVisible();
    await expect(page.getByText(/^Your draft of/)).toBeHidden();
  });

  test("a draft that was discarded is one press away, also after the page was left", async ({ page, api, alive, accessible }) => {
    await api.save(flow("regretted"));
    const edit = new Edit(page);
    const gone = page.getByRole("status").filter({ hasText: /^Your draft was discarded/ });
    for (const id of ["regretted", undefined]) {
      await edit.openEditor(id);
      await alive();
      if (id) {
        await edit.retitle("first", "Regretted");
      } else {
        await edit.palette.getByRole("button", { name: "No operation" }).click();
        await edit.inspector.getByRole("textbox", { name: "Name", exact: true }).fill("Regretted");
        await page.keyboard.press("Tab");
        await edit.card("Regretted").waitFor();
      }
      await expect(edit.keeping).toContainText("Draft saved");
      await edit.command("Discard the draft");
      await expect(gone).toBeVisible();
      await accessible();
      await expect(edit.card("Regretted")).toBeHidden();
      await page.reload();
      await alive();
      await gone.getByRole("button", { name: "Restore" }).click();
      await expect(edit.card("Regretted")).toBeVisible();
      await expect(gone).toBeHidden();
      await expect(edit.keeping).toContainText("Draft saved");
      // Declined, it is not offered again, and the menu has it still.
      await edit.command("Discard the draft");
      await gone.getByRole("button", { name: "Close" }).click();
      await page.reload();
      await alive();
      await expect(edit.stage).toBeVisible();
      await expect(gone).toBeHidden();
      await edit.command("Restore the discarded draft");
      await expect(edit.card("Regretted")).toBeVisible();
      await edit.command("Discard the draft");
      await expect(edit.card("Regretted")).toBeHidden();
    }
  });

  test("versions are told, held side by side and brought back", async ({ page, api, alive, accessible }) => {
    await api.save(flow("told"));
    const edit = new Edit(page);
    await edit.openEditor("told");
    await alive();
    await edit.retitle("third", "At last");
    await edit.publish("the third has a name", "spring");
    await page.goto("/flows/told/versions");
    await live(page);
    await expect(page.getByText("the third has a name")).toBeVisible();
    await expect(page.getByRole("listitem").filter({ hasText: "Version 2" })).toContainText("spring");
    await expect(page.getByRole("group", { name: "Both versions in one graph" })).toContainText("1 change");
    await expect(page.getByRole("region", { name: "What changed" })).toContainText("At last");
    await accessible();
    // It asks first.
    await page.getByText("Restore… version 1").click();
    await expect(page.getByText("No version is lost")).toBeVisible();
    await accessible();
    await page.getByRole("button", { name: "Restore version 1" }).click();
    await expect(page.getByText("Version 1 again")).toBeVisible();
    await expect(page.getByRole("region", { name: "From version 1 to 3" })).toContainText("They mean the same");

    // Edges that came and went are drawn beside those that stayed.
    await api.save(flow("told").replace("needs: [second]", "needs: [{ task: first, on: failed }]").replace("tasks.second.output", "inputs.n"));
    await page.goto("/flows/told/versions");
    await live(page);
    const both = page.getByRole("group", { name: "Both versions in one graph" });
    await expect(both.locator(".e[data-taken=same]:has(path.l)")).toHaveCount(1);
    await expect(both.locator(".e[data-taken=added][data-kind=failed]:has(path.l)")).toHaveCount(1);
    const gone = both.locator(".e[data-taken=removed] path.l");
    await expect(gone).toHaveCount(1);
    await expect(gone).not.toHaveCSS("stroke-dasharray", "none");
    await accessible();
  });

  test("a failure is simulated without a server", async ({ page, api, alive, accessible }) => {
    await api.save(flow("feigned"));
    const edit = new Edit(page);
    await edit.openEditor("feigned");
    await alive();
    const panel = await edit.panel("Simulate");
    await edit.card("second").click();
    await panel.getByLabel("The task").selectOption("Fails");
    await panel.getByLabel("because").fill("no more disk");
    await panel.getByRole("button", { name: "To the end" }).click();
    await expect(panel).toContainText("The run would have failed");
    await expect(panel).toContainText("no more disk");
    await expect(edit.card("second")).toHaveAttribute("data-state", "failed");
    await expect(edit.card("third")).toHaveAttribute("data-state", "skipped");
    await accessible();
  });

  test("the document runs up to a task before it is published, on the same canvas", async ({ page, api, alive }) => {
    await api.save(flow("tried"));
    await api.finished("tried");
    const edit = new Edit(page);
    await edit.openEditor("tried");
    await alive();
    await edit.retitle("second", "Twice");
    await edit.card("Twice").click();
    const panel = await edit.panel("Run to here");
    await panel.getByRole("button", { name: "Start" }).click();
    await expect(edit.card("Twice")).toHaveAttribute("data-state", "succeeded");
    await expect(edit.card("first")).toHaveAttribute("data-state", /succeeded/);
    await expect(edit.card("third")).not.toHaveAttribute("data-state");
    await expect(panel).toContainText("1 result of earlier runs taken: first");
    await expect(panel.getByRole("tree", { name: "Output" }).getByRole("treeitem").locator(".val")).toHaveText("5");
    // Pinned, it stands for the work; the canvas was open all the time.
    await edit.stage.focus();
    await page.keyboard.press("p");
    await expect(edit.card("Twice").locator(".pinned")).toBeVisible();
    expect(await edit.text()).toContain("pins:");
    // No version came of it.
    await page.goto("/flows/tried/versions");
    await expect(page.getByText("This is the first version")).toBeVisible();
  });

  test("what is too large for the page is neither shown nor pinned in its place", async ({ page, api, alive, forgiven }) => {
    forgiven.push(/413/);
    await api.save(`
flow: large
tasks:
  big: { type: shell, with: { command: 'printf "\\"%0900000d\\"" 0' } }
`);
    const edit = new Edit(page);
    await edit.openEditor("large");
    await alive();
    await edit.card("big").click();
    await page.keyboard.press("Control+Enter");
    const panel = page.getByRole("region", { name: "Run", exact: true });
    await expect(edit.card("big")).toHaveAttribute("data-state", "succeeded");
    await expect(panel.getByRole("link", { name: "Download" })).toBeVisible();
    await edit.card("big").click();
    await page.keyboard.press("p");
    await expect(edit.status).toHaveText(/^Not pinned: what big gave is/);
    expect(await edit.text()).not.toContain("pins:");
  });

  test("flows come from elsewhere, and old runs say what an edit means", async ({ page, api, alive, accessible }) => {
    await api.save(flow("from-afar"));
    await api.finished("from-afar");
    const edit = new Edit(page);
    await edit.openEditor("from-afar");
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("Control+i");
    const dialog = page.getByRole("dialog", { name: "Import" });
    await dialog.getByLabel("Paste it here").fill("load >> [clean, count] >> report");
    await expect(dialog).toContainText("4 tasks from a chain of tasks");
    await accessible();
    await dialog.getByRole("button", { name: "Replace this flow" }).click();
    await expect(edit.card("report")).toBeVisible();
    const panel = await edit.panel("Back-test");
    await expect(panel).toContainText("The last run would have gone another way");
    await edit.stage.focus();
    await page.keyboard.press("Control+z");
    await expect(edit.card("third")).toBeVisible();
    await panel.getByRole("button", { name: "Look again" }).click();
    await expect(panel).toContainText("The last run would have gone the same way");
  });
});
