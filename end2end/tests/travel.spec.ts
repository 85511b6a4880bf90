import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Run } from "../pages/run.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

test("a link shows an earlier moment, in every view", async ({ page, api, alive, accessible }) => {
  const { id, last_seq } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  // When the third event is decided, nothing has ended.
  await run.openRun(id, "?at=4");
  await alive();
  await expect(run.state).toHaveText("running");
  await expect(run.card("Fetch order", "running")).toBeVisible();
  await expect(run.card("Tidy up", "blocked")).toBeVisible();
  await expect(run.main.getByRole("link", { name: "Run again…" })).toBeHidden();
  await accessible();
  await run.views.getByRole("link", { name: "Tasks" }).click();
  await expect(page).toHaveURL(/view=tasks&at=4$/);
  await expect(run.row("Check credit")).toContainText("blocked");
  await run.views.getByRole("link", { name: "Timeline" }).click();
  await expect(run.bar("Fetch order", "running")).toBeVisible();

  // Step by step.
  await run.scrubber.getByRole("link", { name: "One event back" }).click();
  await expect(page).toHaveURL(/at=3$/);
  await expect(run.bar("Fetch order", "ready")).toBeVisible();
  await run.scrubber.getByRole("link", { name: "To the end" }).click();
  await expect(run.bar("Fetch order", "succeeded")).toBeVisible();
  await expect(page).not.toHaveURL(/at=/);
  expect(last_seq).toBeGreaterThan(10);
});

test("the scrubber goes back and to the present again", { tag: "@live" }, async ({ page, api }) => {
  const { id, last_seq } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/events?")) asked.push(request.url());
  });
  await run.openRun(id, "?task=credit");
  await live(page);
  await mark(page);
  expect(asked, "events are asked for when they are needed").toEqual([]);
  await run.moment.focus();
  await page.keyboard.press("Home");
  await expect(run.state).toHaveText("queued");
  await expect(run.card("Check credit", "blocked")).toBeVisible();
  await expect(run.inspector.getByText("blocked").first()).toBeVisible();
  await expect(page).toHaveURL(/at=1$/);
  for (let press = 0; press < 3; press++) await page.keyboard.press("ArrowRight");
  await expect(run.card("Fetch order", "running")).toBeVisible();
  await expect(run.moment).toHaveAttribute("aria-valuetext", `event 4 of ${last_seq}`);
  await page.keyboard.press("End");
  await expect(run.state).toHaveText("succeeded");
  await expect(run.card("Check credit", "succeeded")).toBeVisible();
  await expect(page).not.toHaveURL(/at=/);
  await expectMarked(page);
  expect(asked.length).toBeGreaterThan(0);
});

test("the present is a click away, however soon", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await run.moment.focus();
  await page.keyboard.press("Home");
  // The address does not say yet that one is in the past.
  await run.scrubber.getByRole("link", { name: "To the end" }).click();
  await expect(run.state).toHaveText("succeeded");
  await run.moment.focus();
  await page.keyboard.press("Home");
  await expect(page).toHaveURL(/at=1$/);
  await page.keyboard.press("ArrowRight");
  await run.scrubber.getByRole("link", { name: "To the first event" }).click();
  await expect(run.moment).toHaveAttribute("aria-valuetext", /^event 1 of/);
});

test("the past is played to its end", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  // At the pace of life this takes seconds; then it is told to hurry.
  await run.scrubber.getByRole("button", { name: "Play" }).click();
  await expect(run.scrubber.getByRole("button", { name: "Stop" })).toBeVisible();
  await expect(run.card("Check credit", "running")).toBeVisible();
  await run.scrubber.getByRole("combobox", { name: "Speed" }).selectOption("100");
  await expect(run.scrubber.getByRole("button", { name: "Play" })).toBeVisible();
  await expect(run.state).toHaveText("succeeded");
});

test("a run goes on unseen while an earlier moment is shown", { tag: "@live" }, async ({ page, api, server }) => {
  const gate = join(server.data, "gate-of-time");
  await api.save(`
flow: gated-in-time
inputs: { gate: { type: string } }
tasks:
  watchman:
    type: shell
    with: { command: 'until [ -e "$GATE" ]; do sleep 0.1; done', env: { GATE: "{{ inputs.gate }}" } }
  after: { type: noop, needs: [watchman] }
`);
  const id = await api.start("gated-in-time", { gate });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await expect(run.card("watchman", "running")).toBeVisible();
  await run.moment.focus();
  await page.keyboard.press("Home");
  await expect(run.card("watchman", "blocked")).toBeVisible();
  await writeFile(gate, "");
  // The scrubber grows by what happens, the moment stays.
  await expect.poll(async () => Number(await run.moment.getAttribute("max"))).toBeGreaterThan(5);
  await expect(run.card("watchman", "blocked")).toBeVisible();
  await run.scrubber.getByRole("link", { name: /^(Live|To the end)$/ }).click();
  await expect(run.card("after", "succeeded")).toBeVisible();
  await expect(run.state).toHaveText("succeeded");
});
