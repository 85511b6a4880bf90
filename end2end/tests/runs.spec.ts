import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Runs } from "../pages/runs.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

test("runs are filtered, and the filters stand in the address", async ({ page, api, alive }) => {
  const hello = await api.finished("hello", { name: "somebody" });
  const failed = await api.start("health-report", { url: "http://127.0.0.1:9/" });
  await api.cancel(failed);
  await expect.poll(async () => (await api.run(failed)).state).toBe("cancelled");
  const runs = new Runs(page);
  await runs.open("/runs");
  await alive();
  await expect(runs.row(hello.id)).toContainText("succeeded");
  await expect(runs.row(failed)).toContainText("cancelled");

  await runs.query.fill("flow:hello");
  await runs.apply.click();
  await expect(page).toHaveURL(/q=flow(%3A|:)hello/);
  await expect(runs.row(failed)).toBeHidden();
  await expect(runs.row(hello.id)).toBeVisible();
  await expect(runs.query).toHaveValue("flow:hello");

  // Links of before the query say the same by names of their own.
  await runs.open("/runs?state=cancelled&flow=health-report");
  await expect(runs.state("cancelled")).toHaveAttribute("aria-current", "true");
  await expect(runs.row(failed)).toBeVisible();
  await expect(runs.row(hello.id)).toBeHidden();
  await alive();
  await runs.clear.click();
  await expect(page).toHaveURL(/\/runs$/);
  await expect(runs.row(hello.id)).toBeVisible();

  await runs.open(`/runs?q=${hello.id}`);
  await expect(runs.rows).toHaveCount(1);
  await runs.open("/runs?q=nothing-is-called-that");
  await expect(runs.main).toContainText("No run fits these filters.");
});

test("a state's chip filters at once, and the page stays", async ({ page, api, alive, javaScriptEnabled }) => {
  const hello = await api.finished("hello");
  const runs = new Runs(page);
  await runs.open("/runs");
  await alive();
  if (javaScriptEnabled) await mark(page);
  await runs.state("failed").click();
  await expect(page).toHaveURL(/\/runs\?q=state%3Afailed$/);
  await expect(runs.row(hello.id)).toBeHidden();
  await expect(runs.state("failed")).toHaveAttribute("aria-current", "true");
  await runs.state("succeeded").click();
  await expect(page).toHaveURL(/q=state%3Afailed%2Csucceeded$/);
  await expect(runs.row(hello.id)).toBeVisible();

  // What is asked for in words is added to the states, and survives a change of them.
  await runs.query.fill("state:failed,succeeded flow:order-checks");
  await runs.apply.click();
  await expect(runs.row(hello.id)).toBeHidden();
  await runs.state("failed").click();
  await expect(runs.query).toHaveValue("state:succeeded flow:order-checks");
  await expect(runs.state("failed")).not.toHaveAttribute("aria-current");
  await runs.clear.click();
  await expect(page).toHaveURL(/\/runs$/);
  await expect(runs.query).toHaveValue("");
  await expect(runs.row(hello.id)).toBeVisible();
  if (javaScriptEnabled) {
    await page.goBack();
    await expect(runs.query).toHaveValue("state:succeeded flow:order-checks");
  }
});

test("rows change in place, and new runs wait behind a pill", { tag: "@live" }, async ({ page, api }) => {
  const id = await api.start("order-checks", { pace: 1 });
  const runs = new Runs(page);
  await runs.open("/runs");
  await live(page);
  await mark(page);
  await expect(runs.dot).toHaveText("live");
  await expect(runs.row(id)).toContainText("running");
  await expect(runs.news).toBeHidden();

  const newer = (await api.finished("hello")).id;
  await expect(runs.news).toHaveText("1 new run");
  await expect(runs.row(newer)).toBeHidden();
  await expect(runs.row(id)).toContainText("succeeded", { timeout: 30_000 });
  await expect(runs.row(id)).toContainText("10/10");
  await expectMarked(page);

  await runs.news.click();
  await expect(runs.row(newer)).toContainText("succeeded");
});

test("a list that was cut off shows what happened in between", { tag: "@live" }, async ({ page, api, server, forgiven }) => {
  forgiven.push(/net::ERR_/);
  const gate = join(server.data, "gate-of-lists");
  await api.save(`
flow: held
inputs: { gate: { type: string } }
tasks:
  watchman: { type: shell, with: { command: 'until [ -e "$GATE" ]; do sleep 0.1; done', env: { GATE: "{{ inputs.gate }}" } } }
`);
  const id = await api.start("held", { gate });
  const runs = new Runs(page);
  await runs.open("/runs");
  await live(page);
  await mark(page);
  await expect(runs.dot).toHaveText("live");
  await expect(runs.row(id)).toContainText("running");

  // The server goes, and when it is there again the page is kept from it until more has happened.
  const stream = /\/live\?/;
  await page.route(stream, (route) => route.abort());
  await server.kill();
  await expect(runs.dot).toHaveText(/^(reconnecting|offline)/);
  await server.again();
  await writeFile(gate, "");
  await expect.poll(async () => (await api.run(id)).state).toBe("succeeded");
  const newer = (await api.finished("hello")).id;
  await expect(runs.row(id)).toContainText("running");
  await expect(runs.row(newer)).toBeHidden();

  await page.unroute(stream);
  await expect(runs.dot).toHaveText("live", { timeout: 30_000 });
  await expect(runs.row(id)).toContainText("succeeded");
  await expect(runs.row(id)).toContainText("1/1");
  await expect(runs.row(newer)).toContainText("succeeded");
  await expect(runs.rows.first()).toContainText(newer.slice(-8));
  await expect(runs.news).toBeHidden();
  await expectMarked(page);
});

test("on a telephone the list says why a run failed", async ({ page, api, alive }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await api.save(`
flow: told-at-length
name: A flow with a name that is longer than what a telephone shows on one line
tasks: { a: { type: fail, with: { message: "the ledger of the month does not balance: 4 entries are missing on the side of what is owed" } } }
`);
  await api.finished("told-at-length");
  const runs = new Runs(page);
  await runs.open("/runs?q=flow:told-at-length");
  await alive();
  const why = runs.rows.first().locator(".why");
  await expect(why).toHaveText(/on the side of what is owed$/);
  // All of it is in sight: nothing of it is below its box, and the box is as wide as the name's.
  expect(await why.evaluate((why) => why.scrollHeight - why.clientHeight)).toBeLessThanOrEqual(1);
  expect((await why.boundingBox())?.width).toBeGreaterThan(240);
});
