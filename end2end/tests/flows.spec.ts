import { Flow } from "../pages/flow.ts";
import { Flows } from "../pages/flows.ts";
import { Frame } from "../pages/frame.ts";
import { NewFlow } from "../pages/new-flow.ts";
import { Run } from "../pages/run.ts";
import { Runs } from "../pages/runs.ts";
import { expect, live, test } from "../test.ts";

const ORDER_TASKS = [
  "Fetch order",
  "Check stock",
  "Check credit",
  "Ask partner",
  "Use last known answer",
  "How large?",
  "Ask for a second look",
  "Accept",
  "Send confirmation",
  "Tidy up",
];

test("a fresh server has four flows", async ({ page, alive }) => {
  const flows = new Flows(page);
  await flows.open("/flows");
  await alive();
  for (const name of ["Health report", "Hello", "Order checks", "Release with a way back"]) {
    await expect(flows.row(name)).toBeVisible();
  }
  await expect(flows.row("Order checks")).toContainText("10 tasks");
});

test("flows are searched, and the search stands in the address", async ({ page, alive }) => {
  const flows = new Flows(page);
  await flows.open("/flows");
  await alive();
  await flows.search.fill("greets");
  await flows.search.press("Enter");
  await expect(page).toHaveURL(/\?q=greets$/);
  await expect(flows.row("Hello")).toBeVisible();
  await expect(flows.row("Order checks")).toBeHidden();
  await flows.search.fill("no such thing");
  await flows.search.press("Enter");
  await expect(flows.main).toContainText("No flow has “no such thing”");
});

test("a flow's page shows its graph, its text and the fields of its inputs", async ({ page, alive }) => {
  const flow = new Flow(page);
  await flow.openFlow("order-checks");
  await alive();
  for (const name of ORDER_TASKS) await expect(flow.graph).toContainText(name);
  await expect(flow.graph).toContainText("on failed");
  await page.getByText(/^Document/).click();
  await expect(page.getByText("# Branches, a task that fails until it is tried again")).toBeVisible();
  await expect(flow.field("amount")).toHaveValue("420");
  await expect(flow.field("pace")).toHaveAccessibleDescription("Seconds each step takes");
});

test("a run is started by the form, with the inputs given", async ({ page, api, alive }) => {
  const flow = new Flow(page);
  await flow.openFlow("hello");
  await alive();
  await flow.field("name").fill("Größe & <b>co</b>");
  await flow.field("times").fill("2");
  await flow.start.click();
  await expect(page).toHaveURL(/\/runs\/run_\w{26}$/);
  const id = page.url().slice(-30);
  await expect.poll(async () => (await api.run(id)).state).toBe("succeeded");
  const run = new Run(page);
  await run.openRun(id);
  await expect(run.state).toHaveText("succeeded");
  await expect(run.part("Inputs")).toContainText("Größe & <b>co</b>");
  await expect(run.part("Outputs")).toContainText("Hello, Größe & <b>co</b>! Hello, Größe & <b>co</b>!");
});

test("a wrong input is told at its field, and nothing is started", async ({ page, alive, forgiven }) => {
  forgiven.push(/status of 422/);
  const flow = new Flow(page);
  await flow.openFlow("hello");
  await alive();
  // The browser would not send it; the server is not to rely on that.
  await flow.field("times").evaluate((field) => field.removeAttribute("max"));
  await flow.field("times").fill("11");
  await flow.field("name").fill("Zoë & <b>co</b>");
  await flow.start.click();
  await expect(flow.field("times")).toHaveAttribute("aria-invalid", "true");
  await expect(flow.field("times")).toHaveAccessibleDescription(/10/);
  await expect(flow.field("name")).not.toHaveAttribute("aria-invalid", "true");
  await expect(page).toHaveURL(/\/flows\/hello$/);
  // What was typed is still there, to be mended.
  await expect(flow.field("times")).toHaveValue("11");
  await expect(flow.field("name")).toHaveValue("Zoë & <b>co</b>");
  await flow.field("times").fill("1");
  await flow.start.click();
  await expect(page).toHaveURL(/\/runs\/run_\w{26}$/);
});

test("a form sent before the page lives comes back with what was typed, and then lives", { tag: "@live" }, async ({ page, forgiven }) => {
  forgiven.push(/status of 422/);
  const flow = new Flow(page);
  await flow.openFlow("hello");
  await live(page);
  await flow.field("times").fill("12");
  // As the browser sends it when no script is there yet.
  await flow.start.evaluate((button: HTMLButtonElement) => {
    const form = button.form;
    if (!form) throw new Error("no form");
    const to = document.createElement("input");
    Object.assign(to, { type: "hidden", name: button.name, value: button.value });
    form.append(to);
    form.action = button.getAttribute("formaction") ?? "";
    form.submit();
  });
  await expect(flow.field("times")).toHaveAttribute("aria-invalid", "true");
  await live(page);
  await expect(page).toHaveURL(/\/flows\/hello$/);
  await expect(flow.field("times")).toHaveValue("12");
  await expect(flow.field("times")).toHaveAccessibleDescription(/10/);
  await flow.field("times").fill("2");
  await flow.start.click();
  await expect(page).toHaveURL(/\/runs\/run_\w{26}$/);
  // Another visit begins anew.
  await flow.flows.click();
  await page.getByRole("link", { name: "Start Hello", exact: true }).click();
  await expect(flow.field("times")).toHaveValue("1");
});

test("a document with problems is refused with their places", async ({ page, alive, forgiven }) => {
  forgiven.push(/status of 422/);
  const form = new NewFlow(page);
  await form.open("/flows/new");
  await alive();
  const source =
    ["flow: broken", "tasks:", "  one:", "    type: shel", "    with: { command: 'true' }", "  two:", "    type: noop", "    needs: [ones]", "# </textarea> & more", ""].join("\n");
  await form.source.fill(source);
  await form.save.click();
  await expect(form.problems.filter({ hasText: "shel" })).toContainText("4:11");
  await expect(form.problems.filter({ hasText: "ones" })).toContainText("8:13");
  await expect(form.heading).toHaveText("New flow");
  await expect(page).toHaveURL(/\/flows\/new$/);
  await expect(form.source).toHaveValue(source);
});

test("a new flow is drawn, or written as text", async ({ page, javaScriptEnabled }) => {
  const form = new NewFlow(page);
  await form.open("/flows");
  await new Flows(page).newFlow.click();
  await expect(page).toHaveURL(/\/edit$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(javaScriptEnabled ? "My first flow" : "New flow");
  await form.open("/flows/new");
  await page.getByRole("link", { name: "Draw it instead" }).click();
  await expect(page).toHaveURL(/\/edit$/);
});

test("a document without problems becomes a flow that runs", async ({ page, api, alive }, { project }) => {
  const id = `e2e-new-${project.name}`;
  const form = new NewFlow(page);
  await form.open("/flows/new");
  await expect(form.heading).toHaveText("New flow");
  await alive();
  await form.source.fill(
    [`flow: ${id}`, "name: Made here", "tasks:", "  first: { type: noop }", "  second: { type: noop, name: The second, needs: [first] }", ""].join("\n"),
  );
  await form.save.click();
  await expect(page).toHaveURL(new RegExp(`/flows/${id}$`));
  const flow = new Flow(page);
  await expect(flow.heading).toHaveText("Made here");
  await expect(flow.graph).toContainText("The second");
  expect((await api.finished(id)).state).toBe("succeeded");
});

for (const [what, path, message] of [
  ["flow", "/flows/no-such-flow", "no-such-flow"],
  ["run", "/runs/run_00000000000000000000000000", "run_00000000000000000000000000"],
  ["page", "/no/such/page", "leads nowhere"],
] as const) {
  test(`a ${what} that is not there is not found`, async ({ page, alive, forgiven }) => {
    forgiven.push(/status of 404/);
    const frame = new Frame(page);
    const response = await frame.open(path);
    expect(response?.status()).toBe(404);
    await alive();
    await expect(frame.heading).toHaveText("Not here");
    await expect(frame.main).toContainText(message);
    await frame.flows.click();
    await expect(frame.heading).toHaveText("Flows");
  });
}

test("a flow's schedules are held, let go on, and made to start a run now", async ({ page, api, alive, accessible }) => {
  await api.save("flow: nights\ntasks: { a: { type: noop } }");
  await api.save(`
flow: mornings
inputs: { day: { type: string } }
tasks: { a: { type: log, with: { message: "{{ inputs.day }}" } } }
schedules:
  early: { cron: "30 6 * * *", timezone: Europe/Berlin, inputs: { day: "{{ trigger.at[:10] }}" } }
  monthly: { cron: "0 0 1 * *", inputs: { day: first } }
after: { shown: { flow: nights, inputs: { day: after } } }
webhooks: { pushed: { token: "{{ secrets.push }}", inputs: { day: pushed } } }
`);
  const flow = new Flow(page);
  await flow.open("/flows/mornings");
  await alive();
  await expect(flow.starters.getByRole("listitem")).toHaveText([/^early30 6 \* \* \* Europe\/Berlin.*next/, /^monthly/, /^After runs of nights/, /^By the webhook pushedPOST \/hooks\/mornings\/pushedCallers send a token in the header authorization/]);
  await accessible();
  const early = flow.starters.getByRole("listitem").first();
  await early.getByRole("textbox", { name: /^Why it is held/ }).fill("the stock is being counted");
  await early.getByRole("button", { name: "Hold" }).click();
  await expect(early).toContainText("held");
  await expect(early).toContainText("Held: the stock is being counted");
  await expect(early).not.toContainText("next");
  await early.getByRole("button", { name: "Let it go on" }).click();
  await expect(early).toContainText("next");
  await expect(early).not.toContainText("stock");
  await early.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  await expect(page.getByRole("main")).toContainText("schedule early, by hand");
  await flow.open("/flows/mornings");
  const day = flow.calendar.getByRole("link");
  await expect(day).toHaveText(["1 run"]);
  await day.click();
  await expect(page).toHaveURL(/\/runs\?q=flow%3Amornings/);
  await expect(new Runs(page).rows).toHaveCount(1);
});
