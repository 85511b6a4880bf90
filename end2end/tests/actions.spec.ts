// What people do to runs and to tasks that wait for them, with and without scripts.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Run } from "../pages/run.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

/** A page without scripts is asked again until it shows it; a living one changes by itself. */
async function shows(run: Run, javaScriptEnabled: boolean, what: () => Promise<void>): Promise<void> {
  if (javaScriptEnabled) return what();
  await expect(async () => {
    await run.page.reload();
    await what();
  }).toPass({ timeout: 20_000 });
}

const SHIPPING = `
flow: shipping
tasks:
  ask:
    name: May we ship?
    type: approval
    with:
      title: "Ship A-17?"
      form:
        type: object
        required: [carrier]
        properties:
          carrier: { enum: [post, courier], title: Carrier }
          parcels: { type: integer, minimum: 1, default: 1 }
          insured: { type: boolean }
          day: { type: string, format: date }
          extra: { type: object }
  paid: { type: signal, with: { name: paid } }
  ship:
    type: log
    needs: [ask, paid]
    with: { message: "by {{ tasks.ask.output.values.carrier }}, {{ tasks.paid.output.amount }}" }
`;

async function choosesCarrier(page: Page, carrier: string): Promise<void> {
  await page.getByLabel("Carrier").selectOption(carrier);
}

test("an approval is answered by its form, a signal given", async ({ page, api, alive, javaScriptEnabled, accessible, forgiven }) => {
  forgiven.push(/status of 422/);
  await api.save(SHIPPING);
  const id = await api.start("shipping");
  const run = new Run(page);
  await expect.poll(async () => (await api.run(id)).tasks.map(({ state }) => state)).toEqual(["waiting", "waiting", "blocked"]);
  await run.openRun(id, "?task=ask");
  await alive();
  await expect(run.card("May we ship?", "needs you")).toBeVisible();
  await expect(run.part("Ship A-17")).toBeVisible();
  await expect(page.getByLabel("parcels")).toHaveValue("1");
  await accessible();

  // What is wrong stands at its field, and what was typed is still there.
  await choosesCarrier(page, "courier");
  await page.getByLabel("extra").fill("{ not json");
  await run.approve.click();
  await expect(run.inspector.getByText(/this is not JSON/)).toBeVisible();
  await expect(page.getByLabel("extra")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("extra")).toHaveValue("{ not json");
  await expect(page.getByLabel("Carrier")).toHaveValue("courier");
  await accessible();

  await page.getByLabel("extra").fill("");
  await page.getByLabel("insured").check();
  await page.getByLabel(/^Comment/).first().fill("in the small van");
  if (javaScriptEnabled) await mark(page);
  await run.approve.click();
  await shows(run, javaScriptEnabled, async () => {
    await expect(run.card("May we ship?", "succeeded")).toBeVisible();
    await expect(run.part("Output")).toContainText('comment: "in the small van"');
  });
  await expect(run.part("Output")).toContainText("insured: true");
  await expect(run.part("Output")).not.toContainText("day:");
  await expect(run.approve).toBeHidden();

  await run.card("paid").click();
  await page.getByLabel(/^Value/).fill("{");
  await run.signal.click();
  await expect(run.inspector.getByText(/this is not JSON/)).toBeVisible();
  await page.getByLabel(/^Value/).fill('{"amount": 12}');
  await run.signal.click();
  await shows(run, javaScriptEnabled, async () => expect(run.state).toHaveText("succeeded"));
  if (javaScriptEnabled) await expectMarked(page);
  expect((await (await page.request.get(`/api/v1/runs/${id}/tasks/ship/output`)).json())).toBe("by courier, 12");
});

test("a no ends it, and who comes second hears who was first", { tag: "@no-scripts" }, async ({ page, api }) => {
  await api.save(SHIPPING);
  const id = await api.start("shipping");
  const run = new Run(page);
  const late = new Run(await page.context().newPage());
  for (const each of [run, late]) await each.openRun(id, "?task=ask");
  await run.inspector.getByText("Reject…").click();
  await run.inspector.getByLabel(/^Comment/).last().fill("no van today");
  await run.reject.click();
  await shows(run, false, async () => expect(run.card("May we ship?", "failed")).toBeVisible());
  await expect(run.inspector).toContainText("rejected by local: no van today");

  await choosesCarrier(late.page, "post");
  await late.approve.click();
  await expect(late.inspector.getByRole("alert")).toContainText(/Already rejected by local at \d{4}-\d\d-\d\d .* UTC: “no van today”/);
  await api.cancel(id);
});

test("a run is held and goes on", async ({ page, api, alive, javaScriptEnabled, accessible }) => {
  await api.save(SHIPPING);
  const id = await api.start("shipping");
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  await run.pause.click();
  await shows(run, javaScriptEnabled, async () => expect(run.state).toHaveText("paused"));
  await expect(run.main).toContainText("nothing more starts until somebody resumes the run");
  await accessible();
  await run.resume.click();
  await shows(run, javaScriptEnabled, async () => expect(run.state).toHaveText("running"));

  await run.cancel.click();
  await page.getByLabel(/^Why/).fill("a mistake");
  await run.confirm.click();
  await shows(run, javaScriptEnabled, async () => expect(run.state).toHaveText("cancelled"));
  await expect(run.main).toContainText("Cancelled: a mistake");
});

test("a failed run is run again from the task that failed", async ({ page, api, alive, server, javaScriptEnabled, accessible, forgiven }, { project }) => {
  forgiven.push(/status of 422/);
  const gate = join(server.data, `gate-of-forks-${project.name}`);
  await api.save(`
flow: forked
inputs: { gate: { type: string }, n: { type: integer, default: 3 } }
tasks:
  first: { type: transform, with: { value: "{{ 1 + 1 }}" } }
  second: { name: Second step, type: shell, needs: [first], with: { command: '[ -e "$GATE" ]', env: { GATE: "{{ inputs.gate }}" } } }
  third: { type: noop, needs: [second] }
`);
  const old = await api.finished("forked", { gate });
  const run = new Run(page);
  await run.openRun(old.id, "?task=second");
  await alive();
  await expect(run.state).toHaveText("failed");
  await run.again.click();
  await expect(page).toHaveURL(/\?do=retry&from=second$/);
  await expect(run.heading).toHaveText("Run again from Second step");
  const will = run.part("Will run").getByRole("listitem");
  await expect(will).toHaveText([/^Second step\s*the new run starts here/, /^third\s*it comes after “Second step”, which runs/]);
  await expect(run.inspector).toContainText("1 result is taken over");
  await accessible();

  // Other inputs are looked at first; what is wrong with them stands there.
  await run.inspector.getByText("The same inputs. Change them…").click();
  await page.getByLabel(/^Inputs/).fill('{"n": "many"}');
  await run.preview.click();
  await expect(run.inspector.getByText(/expected a whole number/)).toBeVisible();
  await expect(run.start).toBeHidden();
  await page.getByLabel(/^Inputs/).fill(JSON.stringify({ gate, n: 4 }));
  await run.preview.click();
  await expect(run.start).toHaveText("Run 2 tasks");
  await accessible();

  await writeFile(gate, "");
  await run.start.click();
  await expect(page).not.toHaveURL(new RegExp(old.id));
  await alive();
  await shows(run, javaScriptEnabled, async () => expect(run.state).toHaveText("succeeded"));
  await expect(run.card("first", "succeeded")).toBeVisible();
  await expect(run.part("Inputs")).toContainText("n: 4");
  await run.main.getByRole("link", { name: old.id.slice(-8) }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${old.id}$`));
  await expect(run.state).toHaveText("failed");
});

test("a task that failed is marked as succeeded, and the run goes on with what it is said to give", async ({ page, api, alive, accessible, forgiven, javaScriptEnabled }) => {
  forgiven.push(/status of 422/);
  await api.save(`
flow: marked
tasks:
  load: { name: Load the rows, type: shell, with: { command: "exit 3" } }
  route: { name: Which way, type: switch, needs: [load], with: { cases: { far: "{{ tasks.load.output.rows > 3 }}" }, default: near } }
  far: { name: By ship, type: transform, needs: [{ task: route, on: far }], with: { value: "{{ 1 / tasks.load.output.rest }}" } }
  near: { name: By hand, type: noop, needs: [{ task: route, on: near }] }
  alarm: { name: Sound the alarm, type: noop, needs: [{ task: load, on: failed }] }
`);
  const old = await api.finished("marked");
  const run = new Run(page);
  const will = run.part("Will run").getByRole("listitem");
  await run.openRun(old.id, "?task=load");
  await alive();
  await run.mark.click();
  await expect(page).toHaveURL(/\?do=retry&mark=load$/);
  await expect(run.heading).toHaveText("Mark Load the rows as succeeded");
  // The alarm, which only a failure leads to, is not among them.
  await expect(will).toHaveText([/^Which way\s*it comes after “Load the rows”, which is marked as succeeded/, /^By ship/, /^By hand/]);
  await accessible();

  await run.output.fill("{rows: 9}");
  await run.preview.click();
  await expect(run.inspector.getByText(/this is not JSON/)).toBeVisible();
  await expect(run.start).toBeHidden();
  await run.output.fill('{"rows": 9, "rest": 0}');
  await run.preview.click();
  await expect(run.start).toHaveText("Run 3 tasks");
  await run.start.click();
  await expect(page).not.toHaveURL(new RegExp(old.id));
  await alive();
  await shows(run, javaScriptEnabled, async () => expect(run.state).toHaveText("failed"));
  await expect(run.card("Sound the alarm", "skipped")).toBeVisible();
  await run.card("Load the rows", "succeeded").click();
  await expect(run.inspector).toContainText("marked as succeeded by local, who said what it gives");
  await expect(run.part("Output")).toContainText("rows: 9");

  // The last that failed: nothing else has to run. A switch gives one of its cases.
  await run.card("By ship", "failed").click();
  await run.mark.click();
  await expect(run.inspector).toContainText("Nothing runs: every other result still holds.");
  await expect(run.inspector).toContainText("2 results are taken over");
  await page.goto(page.url().replace("mark=far", "mark=route"));
  await alive();
  await run.output.selectOption("near");
  await run.preview.click();
  await expect(will).toHaveText([/^By hand\s*it comes after “Which way”, which is marked as succeeded/]);
  await accessible();
  await run.start.click();
  await alive();
  await shows(run, javaScriptEnabled, async () => expect(run.state).toHaveText("succeeded"));
  await expect(run.card("By hand", "succeeded")).toBeVisible();
});

test("a child run and its parent lead to each other", async ({ page, api, alive }) => {
  await api.save("flow: inner\ntasks: { one: { type: noop } }\n");
  await api.save("flow: outer\ntasks: { call: { type: subflow, with: { flow: inner } } }\n");
  const { id } = await api.finished("outer");
  const run = new Run(page);
  await run.openRun(id, "?task=call");
  await alive();
  await run.inspector.locator("dd").getByRole("link").click();
  await expect(run.main.getByRole("heading", { level: 1 })).toHaveText("inner");
  await run.main.getByRole("link", { name: `call of ${id.slice(-8)}` }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${id}\\?task=call$`));
});

test("a thousand items are one card and a list", async ({ page, api, alive, accessible, javaScriptEnabled }) => {
  await api.save(`
flow: many
inputs: { n: { type: integer, default: 120 } }
tasks:
  each:
    name: Each of them
    type: transform
    for_each: { items: "{{ range(inputs.n) | list }}", on_item_failure: continue }
    with: { value: "{{ 100 // (17 - item) }}" }
  after: { type: noop, needs: [{ task: each, on: failed }] }
`);
  const { id } = await api.shown("many", { n: 120 });
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  await expect(run.card("Each of them", "failed")).toContainText("120/120");
  await run.card("Each of them", "failed").click();
  const items = run.inspector.getByRole("list", { name: "Items" });
  await expect(items.getByRole("listitem")).toHaveCount(50);
  await accessible();
  await run.inspector.getByRole("link", { name: "Next 50" }).click();
  await expect(page).toHaveURL(/task=each&first=50$/);
  await expect(items.getByRole("listitem").first()).toContainText("[50]");

  // A number leads to exactly those it counts.
  await run.inspector.getByRole("navigation", { name: "By state" }).getByRole("link", { name: "1 failed" }).click();
  await expect(items.getByRole("listitem")).toHaveCount(1);
  if (javaScriptEnabled) await mark(page);
  await items.getByRole("link", { name: "each[17]: failed" }).click();
  await expect(page).toHaveURL(/task=each%5B17%5D$/);
  await expect(run.heading).toHaveText("Each of them [17]");
  await expect(run.inspector).toContainText("Unable to calculate 100");
  await accessible();
  await run.inspector.getByRole("link", { name: "The next item" }).click();
  await expect(run.heading).toHaveText("Each of them [18]");
  await expect(run.part("Output")).toContainText("-100");
  await run.inspector.getByRole("link", { name: "All items" }).click();
  await expect(items.getByRole("listitem")).toHaveCount(50);
  if (javaScriptEnabled) await expectMarked(page);
});

test("iterations stand in a list as items do, while they come", { tag: "@live" }, async ({ page, api, server }) => {
  const gate = join(server.data, "gate-of-loops");
  await api.save(`
flow: looped
inputs: { gate: { type: string } }
tasks:
  round:
    type: loop
    with:
      do: { type: shell, with: { command: 'if [ "$N" = 3 ]; then until [ -e "$GATE" ]; do sleep 0.1; done; fi', env: { GATE: "{{ inputs.gate }}", N: "{{ iteration }}" } } }
      until: "iteration == 4"
      max_iterations: 9
`);
  const id = await api.start("looped", { gate });
  const run = new Run(page);
  await run.openRun(id, "?task=round");
  await live(page);
  const rows = run.inspector.getByRole("list", { name: "Iterations" }).getByRole("listitem");
  await expect(rows).toHaveCount(3);
  await expect(rows.last()).toContainText("running");
  await writeFile(gate, "");
  await expect(rows).toHaveCount(4);
  await expect(run.state).toHaveText("succeeded");
  await expect(run.card("round", "succeeded")).toContainText("#4");
});

test("a queued run says behind whom", async ({ page, api, alive }) => {
  await api.save("flow: single\nconcurrency: { limit: 1 }\ntasks: { hold: { type: signal, with: { name: go } } }\n");
  const first = await api.start("single");
  await expect.poll(async () => (await api.run(first)).state).toBe("running");
  const second = await api.start("single");
  const run = new Run(page);
  await run.openRun(second);
  await alive();
  await expect(run.state).toHaveText("queued");
  await expect(run.main).toContainText("1 run of this flow may be at work at once");
  await run.main.getByRole("link", { name: first.slice(-8) }).click();
  await expect(page).toHaveURL(new RegExp(first));
  await api.cancel(second);
  await api.cancel(first);
});

test("a wait says what happens when its time is up", async ({ page, api, alive }) => {
  await api.save(`
flow: by-the-clock
tasks:
  ask: { type: approval, with: { title: Go?, timeout: 2h, on_timeout: approve } }
  hear: { type: signal, with: { timeout: 2h } }
`);
  const id = await api.start("by-the-clock");
  const run = new Run(page);
  for (const [task, then] of [["ask", "then it goes on as approved"], ["hear", "then it fails"]]) {
    await run.openRun(id, `?task=${task}`);
    await alive();
    await expect(run.inspector.locator(".time-left")).toContainText(then ?? "");
  }
  await api.cancel(id);
});
