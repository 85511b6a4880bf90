import { Home } from "../pages/home.ts";
import { Run } from "../pages/run.ts";
import { Runs } from "../pages/runs.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

const ASKS = `
flow: asks
tasks:
  ask: { type: approval, with: { title: "Ship it?" } }
`;

const BREAKS = `
flow: breaks
tasks:
  a: { type: fail, with: { message: It is broken } }
`;

test("the first page begins with what needs people, and each number is that of its rows", async ({ page, api, alive, accessible }) => {
  await api.save(ASKS);
  await api.save(BREAKS);
  const asking = await api.start("asks");
  await api.finished("breaks");
  await expect.poll(async () => (await api.run(asking)).tasks[0]?.state).toBe("waiting");
  const home = new Home(page);
  await home.open("/");
  await alive();
  await expect(home.heading).toHaveText("What needs you");
  await accessible();
  const runs = new Runs(page);
  for (const words of [/waits? for an answer/, /failed in the last 24 hours/]) {
    await home.open("/");
    await alive();
    const link = home.need(words);
    const n = Number((await link.innerText()).split(" ")[0]);
    await link.click();
    await expect(page).toHaveURL(/\/runs\?q=/);
    await expect(runs.rows).toHaveCount(n);
  }
  await home.open("/");
  await alive();
  const tile = home.tile("Failed");
  const n = Number(await tile.locator(".tile-number").innerText());
  await tile.click();
  await expect(page).toHaveURL(/state%3Afailed%20since/);
  await expect(runs.rows).toHaveCount(n);
  await api.cancel(asking);
});

test("what is due goes by the name of its flow", async ({ page, api, alive }) => {
  await api.save(`
flow: hourly
name: Count the stock
tasks: { a: { type: noop } }
schedules: { each-hour: { cron: "0 * * * *" } }
`);
  const home = new Home(page);
  await home.open("/");
  await alive();
  await home.due.getByRole("link", { name: "Count the stock" }).click();
  await expect(page).toHaveURL(/\/flows\/hourly$/);
});

test("the flows that ran last come first", async ({ page, api, alive }) => {
  for (const letter of "abcdefghijklm") {
    await api.save(`{ flow: first-by-name-${letter}, name: "00 ${letter}", tasks: { a: { type: noop } } }`);
  }
  const home = new Home(page);
  const run = async (flow: string): Promise<void> => {
    await api.finished(flow);
    await home.open("/");
    await alive();
  };
  await run("hello");
  await expect(home.flows.getByRole("listitem").first()).toContainText("Hello");
  await run("first-by-name-m");
  await expect(home.flows.getByRole("listitem").first()).toContainText("00 m");
  await expect(home.flows.getByRole("listitem").nth(1)).toContainText("Hello");
});

test("who is asked answers from the first page", async ({ page, api, alive }) => {
  await api.save(ASKS);
  const id = await api.start("asks");
  await expect.poll(async () => (await api.run(id)).tasks[0]?.state).toBe("waiting");
  const home = new Home(page);
  await home.open("/");
  await alive();
  await home.needs.getByRole("listitem").filter({ has: page.locator(`a[href*="${id}"]`) }).getByRole("link", { name: "Answer" }).click();
  await expect(page).toHaveURL(new RegExp(`${id}\\?task=ask$`));
  // A page of another bundle is one step in the history, as any.
  const run = new Run(page);
  await expect(run.approve).toBeVisible();
  await page.goBack();
  await expect(home.heading).toHaveText("What needs you");
  await page.goForward();
  await run.approve.click();
  await expect.poll(async () => (await api.run(id)).state).toBe("succeeded");
  await home.open("/");
  await alive();
  await expect(home.needs.locator(`a[href*="${id}"]`)).toHaveCount(0);
});

test("who goes back before a page is alive gets the page they went back to @live", async ({ page, api, alive }) => {
  await api.save(ASKS);
  const id = await api.start("asks");
  const home = new Home(page);
  await home.open("/");
  await alive();
  let release = (): void => {};
  const held = new Promise<void>((done) => (release = done));
  await page.route("**/pkg/*_bg.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await home.needs.locator(`a[href*="${id}"]`).first().click();
  await expect(new Run(page).approve).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/\/$/);
  release();
  await expect(home.heading).toHaveText("What needs you");
  await alive();
});

test("new runs wait behind a pill, rows change in place", { tag: "@live" }, async ({ page, api }) => {
  await api.save(ASKS);
  const id = await api.start("asks");
  const home = new Home(page);
  await home.open("/");
  await live(page);
  await mark(page);
  const row = home.recent.locator(`li[data-key="${id}"]`);
  await expect(row).toContainText("running");
  await api.finished("hello");
  await expect(home.news).toBeVisible();
  await api.cancel(id);
  await expect(row).toContainText("cancelled");
  await home.news.click();
  await expect(home.recent.getByRole("listitem").first()).toContainText("Hello");
  await expectMarked(page);
});

test("a query is typed with help, and its terms are taken away", { tag: "@live" }, async ({ page, api, accessible }) => {
  await api.save(BREAKS);
  const { id } = await api.finished("breaks");
  const hello = await api.finished("hello");
  const runs = new Runs(page);
  await runs.open("/runs");
  await live(page);
  await mark(page);
  await runs.query.pressSequentially("sta");
  await expect(runs.offers).toHaveCount(1);
  await runs.query.press("ArrowDown");
  await runs.query.press("Enter");
  await expect(runs.query).toHaveValue("state:");
  await runs.query.pressSequentially("fai");
  await runs.query.press("ArrowDown");
  await expect(runs.offers.first()).toHaveAttribute("aria-selected", "true");
  await accessible();
  await runs.query.press("Enter");
  await runs.query.pressSequentially(" flow:bre*");
  await runs.query.press("Enter");
  await expect(runs.chips).toHaveCount(2);
  await expect(runs.row(id)).toBeVisible();
  await expect(runs.row(hello.id)).toBeHidden();
  await runs.chip("flow:bre*").click();
  await expect(runs.query).toHaveValue("state:failed");
  await runs.chip("state:failed").click();
  await expect(runs.row(hello.id)).toBeVisible();
  await expect(page).toHaveURL(/\/runs$/);

  await runs.query.fill("flow:a lost:1");
  await runs.apply.click();
  await expect(runs.main.getByRole("alert")).toContainText("there is no key lost");
});

test("a view is saved for everybody", async ({ page, browser, api, alive, baseURL, javaScriptEnabled }) => {
  await api.save(BREAKS);
  const name = javaScriptEnabled ? "What breaks" : "What breaks without scripts";
  const query = javaScriptEnabled ? "flow:breaks state:failed" : "flow:breaks dur:>=0s";
  const runs = new Runs(page);
  await runs.open(`/runs?q=${encodeURIComponent(query)}`);
  await alive();
  await runs.main.getByText("Save view…").click();
  await runs.main.getByLabel("Name").fill(name);
  await runs.main.getByRole("button", { name: "Save for everybody" }).click();
  await expect(runs.views.getByRole("link", { name })).toHaveAttribute("aria-current", "true");

  const other = await browser.newContext({ ...(baseURL ? { baseURL } : {}), javaScriptEnabled: javaScriptEnabled ?? true });
  const theirs = new Runs(await other.newPage());
  await theirs.open("/runs");
  await theirs.views.getByRole("link", { name }).click();
  await expect(theirs.query).toHaveValue(query);
  await other.close();

  await runs.main.getByRole("button", { name: `Remove the view ${name}` }).click();
  await expect(runs.views.getByRole("link", { name })).toHaveCount(0);
});

test("forty runs are cancelled, and one that began later is not", async ({ page, api, alive, javaScriptEnabled }) => {
  test.setTimeout(120_000);
  const flow = javaScriptEnabled ? "many" : "many-plain";
  await api.save(`flow: ${flow}\ntasks: { ask: { type: approval } }\n`);
  const ids = await Promise.all(Array.from({ length: 40 }, () => api.start(flow)));
  const runs = new Runs(page);
  await runs.open(`/runs?q=${encodeURIComponent(`flow:${flow} state:open`)}`);
  await alive();
  await runs.main.getByRole("checkbox", { name: "All 40 that fit" }).check();
  await runs.command.selectOption("cancel");
  await runs.prepare.click();
  await expect(page).toHaveURL(/\/bulks\/bulk_/);
  await expect(runs.heading).toHaveText("Cancel 40 runs");
  await expect(runs.main).toContainText("All 40 can be cancelled.");
  const later = await api.start(flow);
  await runs.main.getByLabel(/to confirm/).fill("cancel 40");
  await runs.main.getByRole("button", { name: "Cancel 40 runs" }).click();
  if (javaScriptEnabled) {
    await expect(runs.main).toContainText("All 40 runs were cancelled.");
  }
  await expect.poll(async () => (await api.run(ids[0] ?? "")).state).toBe("cancelled");
  await expect.poll(async () => (await api.run(ids[39] ?? "")).state).toBe("cancelled");
  expect((await api.run(later)).state).toBe("running");
  await api.cancel(later);
});

test("chosen runs are commanded", async ({ page, api, alive }) => {
  await api.save(ASKS);
  const [one, other] = [await api.start("asks"), await api.start("asks")];
  const runs = new Runs(page);
  await runs.open("/runs?q=flow:asks");
  await alive();
  await runs.box(one).check();
  await runs.command.selectOption("pause");
  await runs.prepare.click();
  await expect(runs.heading).toHaveText("Pause 1 run");
  await runs.main.getByRole("button", { name: "Pause 1 run" }).click();
  await expect.poll(async () => (await api.run(one)).state).toBe("paused");
  expect((await api.run(other)).state).toBe("running");
  await api.cancel(one);
  await api.cancel(other);
});

test("who chooses a run in a long list has the command in sight", async ({ page, api, alive, javaScriptEnabled }) => {
  const flow = javaScriptEnabled ? "listed" : "listed-plain";
  await api.save(`flow: ${flow}\ntasks: { a: { type: noop } }\n`);
  await Promise.all(Array.from({ length: 30 }, () => api.finished(flow)));
  const runs = new Runs(page);
  for (const size of [{ width: 1280, height: 720 }, { width: 390, height: 844 }]) {
    await page.setViewportSize(size);
    await runs.open(`/runs?q=flow:${flow}`);
    await alive();
    await expect(runs.prepare).not.toBeInViewport();
    await runs.rows.first().getByRole("checkbox").check();
    await expect(runs.prepare).toBeInViewport({ ratio: 1 });
    if (javaScriptEnabled) {
      await expect(runs.main.getByText("1 chosen", { exact: true })).toBeInViewport();
    }
    const last = runs.rows.last();
    await last.getByRole("checkbox").check();
    await page.keyboard.press("End");
    const bar = runs.main.locator(".bulk-bar");
    await expect(async () => {
      const [row, below] = [await last.boundingBox(), await bar.boundingBox()];
      expect((row?.y ?? 0) + (row?.height ?? 0)).toBeLessThanOrEqual(below?.y ?? 0);
    }).toPass();
  }
});

test("what only some can do is told before and after", async ({ page, api, alive, accessible }) => {
  await api.save(ASKS);
  const [one, other] = [await api.start("asks"), await api.start("asks")];
  await api.cancel(other);
  const runs = new Runs(page);
  await runs.open("/runs?q=flow:asks");
  await alive();
  await runs.box(one).check();
  await runs.box(other).check();
  await runs.command.selectOption("cancel");
  await runs.prepare.click();
  await expect(runs.main).toContainText("1 of 2 can be cancelled; 1 has ended.");
  await expect(runs.main.getByRole("listitem").filter({ hasText: one.slice(-8) })).toBeVisible();
  await accessible();
  await runs.main.getByRole("button", { name: "Cancel 2 runs" }).click();
  await expect.poll(async () => (await api.run(one)).state).toBe("cancelled");
  await expect(async () => {
    await page.reload();
    await expect(runs.main.getByRole("status")).toContainText("1 of 2 runs was cancelled.");
  }).toPass();
  await expect(runs.main.getByRole("status")).toContainText("1 not: it is finished");
  await accessible();

  await runs.open("/runs?q=flow:asks");
  await alive();
  await runs.box(one).check();
  await runs.command.selectOption("pause");
  await runs.prepare.click();
  await expect(runs.main).toContainText("It cannot be paused; it has ended.");
  await expect(runs.main.getByRole("button", { name: "Pause 1 run" })).toHaveCount(0);
});

test("a flow shows its tasks by its runs", { tag: "@live" }, async ({ page, api, accessible }) => {
  await api.save(BREAKS);
  const { id } = await api.finished("breaks");
  await page.goto("/flows/breaks");
  await live(page);
  const grid = page.getByRole("region", { name: "Tasks by run", exact: true }).last();
  await expect(grid.getByRole("img", { name: /failed/ })).toBeVisible();
  await accessible();
  await grid.locator(".cells i").last().click();
  await expect(page).toHaveURL(new RegExp(`/runs/${id}\\?task=a$`));
});
