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

  await runs.flow.fill("hello");
  await runs.apply.click();
  await expect(page).toHaveURL(/flow=hello/);
  await expect(runs.row(failed)).toBeHidden();
  await expect(runs.row(hello.id)).toBeVisible();
  await expect(runs.flow).toHaveValue("hello");

  await runs.open("/runs?state=cancelled&flow=health-report");
  await expect(runs.state("cancelled")).toBeChecked();
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

test("a state's chip filters at once", { tag: "@live" }, async ({ page, api }) => {
  const hello = await api.finished("hello");
  const runs = new Runs(page);
  await runs.open("/runs");
  await live(page);
  await runs.state("failed").check();
  await expect(page).toHaveURL(/state=failed/);
  await expect(runs.row(hello.id)).toBeHidden();
  await expect(runs.state("failed")).toBeChecked();
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
