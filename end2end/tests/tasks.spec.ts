import type { Api } from "../api.ts";
import { Run } from "../pages/run.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

async function tolerant(api: Api, n: number) {
  await api.save(`
flow: tolerant
inputs: { n: { type: integer, default: 20 } }
tasks:
  begin: { type: noop, name: Begin here }
  each:
    type: transform
    needs: [begin]
    for_each: { items: "{{ range(inputs.n) | list }}", on_item_failure: continue }
    with: { value: "{{ 100 // (item - 7) + 100 // (item - 11) }}" }
  broken: { type: fail, needs: [begin], with: { message: nothing to be done } }
`);
  return api.shown("tolerant", { n });
}

test("the table is filtered by state and text, and what it shows is an address", async ({ page, api, alive, accessible, javaScriptEnabled }) => {
  const { id } = await tolerant(api, 20);
  const run = new Run(page);
  await run.openRun(id, "?view=tasks&rows=all");
  await alive();
  const rows = run.tasks.locator("tbody").getByRole("row");
  await expect(rows).toHaveCount(23);
  await accessible();
  await run.states.getByRole("link", { name: "4 failed" }).click();
  await expect(page).toHaveURL(/state=failed/);
  await expect(rows).toHaveCount(4);
  await expect(rows).toContainText(["each", "each[7]", "each[11]", "broken"]);
  if (javaScriptEnabled) {
    await run.find.fill("nothing to");
  } else {
    await run.openRun(id, "?view=tasks&rows=all&state=failed&text=nothing+to");
  }
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("nothing to be done");
  await expect(page).toHaveURL(/text=nothing/);
});

test("a number in the tabs leads to exactly those it counts", async ({ page, api, alive }) => {
  const { id } = await tolerant(api, 20);
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  await run.views.getByRole("link", { name: "2 failed" }).click();
  await expect(page).toHaveURL(/view=tasks/);
  await expect(run.tasks.locator("tbody").getByRole("row")).toContainText(["each", "broken"]);
  // The items of one task.
  await run.tasks.getByRole("link", { name: "Items of each" }).click();
  await expect(page).toHaveURL(/under=each/);
  await expect(run.tasks.locator("tbody").getByRole("row")).toHaveCount(21);
});

test("a column orders the rows, up, down and not at all", async ({ page, api, alive }) => {
  const { id } = await tolerant(api, 20);
  const run = new Run(page);
  await run.openRun(id, "?view=tasks");
  await alive();
  const names = run.tasks.locator("tbody td.name");
  const head = run.tasks.getByRole("columnheader", { name: "Task" });
  await expect(names).toHaveText(["Begin here", "each", "broken"]);
  await head.getByRole("link").click();
  await expect(head).toHaveAttribute("aria-sort", "ascending");
  await expect(names).toHaveText(["Begin here", "broken", "each"]);
  await head.getByRole("link").click();
  await expect(names).toHaveText(["each", "broken", "Begin here"]);
  await head.getByRole("link").click();
  await expect(names).toHaveText(["Begin here", "each", "broken"]);
});

test("e goes to the next failure, from any view", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await tolerant(api, 20);
  const run = new Run(page);
  await run.openRun(id, "?view=tasks");
  await live(page);
  await mark(page);
  for (const path of ["each", "each%5B7%5D", "each%5B11%5D", "broken", "each"]) {
    await page.keyboard.press("e");
    await expect(page).toHaveURL(new RegExp(`task=${path}$`));
  }
  // In a field it is a letter.
  await run.find.focus();
  await page.keyboard.press("e");
  await expect(run.find).toHaveValue("e");
  await expect(page).toHaveURL(/task=each/);
  await expectMarked(page);
});

test("a long list is made as far as it is in sight", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await tolerant(api, 5_000);
  const run = new Run(page);
  await run.openRun(id, "?view=tasks&rows=all");
  await live(page);
  await expect(run.tasks).toHaveAttribute("aria-rowcount", "5003");
  const rows = run.tasks.locator("tbody tr:not(.spacer)");
  await expect.poll(() => rows.count()).toBeLessThan(120);
  await page.locator(".task-list").evaluate((list) => list.scrollTo(0, list.scrollHeight));
  await expect(run.row("broken")).toBeVisible();
  expect(await rows.count()).toBeLessThan(120);
  await run.find.fill("each[4321]");
  await expect(rows).toHaveCount(1);
  await run.row("each[4321]").getByRole("link").click();
  await expect(run.heading).toHaveText("each [4321]");
});
