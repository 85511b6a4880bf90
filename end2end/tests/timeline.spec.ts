import { Run } from "../pages/run.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

test("the timeline shows what each task did when, and shares the selection", async ({ page, api, alive, accessible, javaScriptEnabled }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  if (javaScriptEnabled) await mark(page);
  await run.views.getByRole("link", { name: "Timeline" }).click();
  await expect(page).toHaveURL(/\?view=timeline$/);
  const credit = run.bar("Check credit", "succeeded");
  // Two attempts failed, each followed by a pause; the third succeeded.
  await expect(credit.locator("[data-kind=running]")).toHaveCount(3);
  await expect(credit.locator("[data-kind=running][data-state=failed]")).toHaveCount(2);
  await expect(credit.locator("[data-kind=back-off]")).toHaveCount(2);
  await accessible();

  await credit.click();
  await expect(page).toHaveURL(/view=timeline&task=credit$/);
  await expect(run.heading).toHaveText("Check credit");
  await expect(credit).toHaveAttribute("aria-current", "true");
  await run.views.getByRole("link", { name: "Graph" }).click();
  await expect(run.card("Check credit", "succeeded")).toHaveAttribute("aria-current", "true");
  await run.views.getByRole("link", { name: "Tasks" }).click();
  await expect(run.row("Check credit")).toHaveAttribute("aria-selected", "true");
  if (javaScriptEnabled) await expectMarked(page);
});

test("bars stand where their times are", { tag: "@live" }, async ({ page, api }) => {
  await api.save(`
flow: two-steps
tasks:
  one: { type: shell, with: { command: sleep 0.4 } }
  two: { type: shell, needs: [one], with: { command: sleep 0.8 } }
`);
  const { id, tasks } = await api.finished("two-steps");
  const took = tasks.map((task) => Date.parse(task.finished_at) - Date.parse(task.started_at));
  const run = new Run(page);
  await run.openRun(id, "?view=timeline");
  await live(page);
  const box = async (name: string) => {
    const box = await run.bar(name).locator("[data-kind=running]").boundingBox();
    if (!box) throw new Error(`${name} has no bar`);
    return box;
  };
  const [one, two] = [await box("one"), await box("two")];
  // As long as they took, whatever the machine did meanwhile, one behind the other.
  expect(Math.abs(two.width / one.width - took[1]! / took[0]!)).toBeLessThan(0.15);
  expect(two.x).toBeGreaterThanOrEqual(one.x + one.width - 2);

  // Zoom makes them wider and leaves the names where they are.
  const name = run.bar("one").getByText("one", { exact: true });
  const before = await name.boundingBox();
  await page.getByRole("button", { name: "Zoom in" }).click();
  await expect.poll(async () => (await box("one")).width).toBeGreaterThan(one.width * 1.8);
  expect((await name.boundingBox())?.x).toBe(before?.x);
  await page.getByRole("button", { name: "Fit" }).click();
  await expect.poll(async () => Math.round((await box("one")).width)).toBe(Math.round(one.width));
});

test("the timeline by keys, and the critical path", { tag: "@live" }, async ({ page, api }) => {
  await api.save(`
flow: fork-and-join
tasks:
  start: { type: noop }
  slow: { type: shell, needs: [start], with: { command: sleep 0.6 } }
  quick: { type: shell, needs: [start], with: { command: "true" } }
  end: { type: noop, needs: [slow, quick] }
`);
  const { id } = await api.finished("fork-and-join");
  const run = new Run(page);
  await run.openRun(id, "?view=timeline");
  await live(page);
  await mark(page);
  // One stop of the tabulator for all rows.
  await run.bar("start").focus();
  await page.keyboard.press("ArrowDown");
  await expect(run.bar("slow")).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/view=timeline&task=quick$/);
  await expect(run.bar("quick")).toBeFocused();
  await page.keyboard.press("End");
  await expect(run.bar("end")).toBeFocused();

  await page.getByRole("link", { name: "Critical path" }).click();
  await expect(page).toHaveURL(/critical=1/);
  for (const name of ["start", "slow", "end"]) await expect(run.bar(name)).toContainText("critical");
  await expect(run.bar("quick")).toHaveAccessibleName(/^quick: succeeded, \+\d+ ms$/);
  await expectMarked(page);
});

test("the items of a task are a group that opens", { tag: "@live" }, async ({ page, api }) => {
  await api.save(`
flow: many-shells
inputs: { n: { type: integer, default: 6 } }
tasks:
  each:
    type: shell
    for_each: { items: "{{ range(inputs.n) | list }}", max_parallel: 3 }
    with: { command: "sleep 0.1" }
`);
  const { id } = await api.finished("many-shells", { n: 6 });
  const run = new Run(page);
  await run.openRun(id, "?view=timeline");
  await live(page);
  await expect(run.timeline.getByRole("listitem")).toHaveCount(1);
  await run.timeline.getByRole("link", { name: "Open the items of each" }).click();
  await expect(page).toHaveURL(/open=each/);
  await expect(run.timeline.getByRole("listitem")).toHaveCount(7);
  // What an item that has settled did stands in the log only.
  await expect(run.bar("each[5]", "succeeded").locator("[data-kind=running]")).toHaveCount(1);
  await run.bar("each[5]").click();
  await expect(run.heading).toHaveText("each [5]");
  await page.keyboard.press("ArrowLeft");
  await expect(run.timeline.getByRole("listitem")).toHaveCount(1);
  await expect(run.bar("each", "succeeded")).toBeFocused();
});

test("a run at work has a line where it is", { tag: "@live" }, async ({ page, api }) => {
  const id = await api.start("order-checks", { pace: 30 });
  const run = new Run(page);
  await run.openRun(id, "?view=timeline");
  await live(page);
  const bar = run.bar("Fetch order", "running").locator("[data-kind=running]");
  await expect(bar).toHaveClass(/open/);
  await expect(page.getByText("now", { exact: true })).toBeVisible();
  await api.cancel(id);
  await expect(run.bar("Fetch order", "cancelled")).toBeVisible();
  await expect(page.getByText("now", { exact: true })).toBeHidden();
});

test("on a telephone the first and the last marks are whole", async ({ page, api, alive }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const { id } = await api.shown("release", { healthy: false });
  const run = new Run(page);
  await run.openRun(id, "?view=timeline");
  await alive();
  const edges = await page.locator(".timeline").evaluate((timeline) => {
    const sides = (element: Element) => element.getBoundingClientRect();
    const marks = [...timeline.querySelectorAll(".axis > span, .trows .tbar")].map(sides);
    const names = [...timeline.querySelectorAll(".row-name")].map(sides);
    return {
      left: Math.min(...marks.map(({ left }) => left)) - Math.max(...names.map(({ right }) => right)),
      right: sides(timeline).right - Math.max(...marks.map(({ right }) => right)),
    };
  });
  expect(edges.left).toBeGreaterThanOrEqual(0);
  expect(edges.right).toBeGreaterThanOrEqual(0);
});
