import { Flow } from "../pages/flow.ts";
import { Flows } from "../pages/flows.ts";
import { Home } from "../pages/home.ts";
import { Run } from "../pages/run.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

test("a new user starts a flow, and watches it over a power cut to its end", { tag: "@live" }, async ({ page, api, server, forgiven }) => {
  test.setTimeout(150_000);
  // While the server is away, nothing can be loaded from it.
  forgiven.push(/net::ERR_/);
  // What the page is told of the run, as the browser receives it.
  const told: number[] = [];
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  devtools.on("Network.eventSourceMessageReceived", ({ eventName, data }) => {
    // A frame says its topic's place, its name and its position before its data.
    const [, name, position] = data.split(" ", 3);
    if (eventName === "f" && name === "event") told.push(Number(position));
  });

  const flows = new Flows(page);
  // Other tests have saved many flows.
  await flows.open("/flows?q=order");
  await live(page);
  await flows.start("Order checks").click();
  const flow = new Flow(page);
  await expect(flow.heading).toHaveText("Order checks");
  await live(page);
  await mark(page);
  await flow.field("pace").fill("5");
  await flow.start.click();
  await expect(page).toHaveURL(/\/runs\/run_\w{26}$/);
  const id = page.url().slice(-30);
  const run = new Run(page);

  await expect(run.state).toHaveText("running");
  await expect(run.dot).toHaveText("live");
  await expect(run.card("Fetch order", "running")).toBeVisible();
  const before = await run.elapsed.innerText();
  await expect(run.elapsed).not.toHaveText(before);

  // The log of a task that runs follows, line by line.
  await run.card("Check stock").click();
  await expect(page).toHaveURL(/\?task=stock$/);
  await expect(run.inspector.getByRole("heading", { name: "Check stock" })).toBeVisible();
  await expect(run.card("Fetch order", "succeeded")).toBeVisible();
  await expect(run.card("Check stock", "running")).toBeVisible();
  await expect(run.lines.filter({ hasText: "shelf A: enough" })).toBeVisible();
  await expect(run.lines.filter({ hasText: "shelf B: enough" })).toBeVisible();
  await expect(run.card("Check stock", "running")).toBeVisible();
  await expect(run.card("Check credit", "retrying")).toBeVisible();

  await server.kill();
  await expect(run.dot).toHaveText(/^(reconnecting|offline)/);
  await server.again();
  await expect(run.dot).toHaveText("live", { timeout: 30_000 });

  await expect(run.card("Ask partner", "failed")).toBeVisible({ timeout: 30_000 });
  await expect(run.card("Check credit", "succeeded")).toBeVisible({ timeout: 30_000 });
  await expect(run.card("Ask for a second look", "skipped")).toBeVisible({ timeout: 30_000 });
  await expect(run.card("Send confirmation", "running")).toBeVisible();
  await expect(run.state).toHaveText("succeeded", { timeout: 30_000 });
  await expect(run.dot).toBeHidden();
  await expectMarked(page);

  const ended = await api.run(id);
  expect(ended.state).toBe("succeeded");
  expect(ended.inputs).toEqual({ amount: 420, pace: 5 });
  const states = Object.fromEntries(ended.tasks.map(({ path, state }) => [path, state]));
  expect(states).toEqual({
    fetch: "succeeded",
    stock: "succeeded",
    credit: "succeeded",
    partner: "failed",
    use_cache: "succeeded",
    size: "succeeded",
    review: "skipped",
    accept: "succeeded",
    confirm: "succeeded",
    tidy: "succeeded",
  });
  for (const task of ended.tasks) await expect(run.card(task.name, task.state)).toBeVisible();

  // Every event is there once, in the store and in what the page was told, on both sides of the cut.
  const all = Array.from({ length: ended.last_seq }, (_, at) => at + 1);
  expect(await api.seqs(id)).toEqual(all);
  expect(told).toEqual(all.slice(all.length - told.length));
  expect(told.length).toBeGreaterThan(20);
});

test("a run is read while it goes on, by loading the page again", { tag: "@no-scripts" }, async ({ page, api }) => {
  const id = await api.start("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?task=credit");
  await expect(run.state).toHaveText("running");
  const seen = async (card: string, state: string) => {
    await expect(async () => {
      await page.reload();
      await expect(run.card(card, state)).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 40_000 });
  };
  await seen("Check credit", "retrying");
  await expect(run.lines.first()).toHaveText("asking the bank, attempt 1");
  await seen("Send confirmation", "succeeded");
  await expect(run.state).toHaveText("succeeded");
  await expect(run.part("Output")).toContainText("712");
});

test("last night's failure is found, its input mended, and the rest run", async ({ page, api, alive, javaScriptEnabled }) => {
  await api.save(`
flow: nightly
name: Nightly export
inputs: { table: { type: string } }
tasks:
  count: { type: transform, with: { value: "{{ {'orders': 12}[inputs.table] }}" } }
  export: { type: transform, needs: [count], with: { value: "{{ tasks.count.output + 1 }}" } }
  report: { type: log, needs: [export], with: { message: "{{ tasks.export.output }} rows" } }
`);
  const old = await api.finished("nightly", { table: "order" });
  expect(old.state).toBe("failed");

  const home = new Home(page);
  await home.open("/");
  await alive();
  await home.needs.locator(`a[href*="${old.id}"]`).first().click();
  const run = new Run(page);
  await alive();
  await expect(run.state).toHaveText("failed");
  // What failed is open already, or one step away; it says why.
  if (!/task=/.test(page.url())) await run.card("export", "failed").or(run.card("count", "failed")).first().click();
  await expect(run.inspector).toContainText(/order/);

  await run.again.click();
  await run.inspector.getByText("The same inputs. Change them…").click();
  await page.getByLabel(/^Inputs/).fill('{"table": "orders"}');
  await run.preview.click();
  await run.start.click();
  await expect(page).not.toHaveURL(new RegExp(old.id));
  await alive();
  await expect(async () => {
    if (!javaScriptEnabled) await page.reload();
    await expect(run.state).toHaveText("succeeded", { timeout: 1_000 });
  }).toPass();
  await expect(run.card("report", "succeeded")).toBeVisible();
});
