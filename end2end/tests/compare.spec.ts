import { Run } from "../pages/run.ts";
import { expect, test } from "../test.ts";

test("two runs are compared, the first divergence on top", async ({ page, api, alive, accessible }) => {
  await api.save(`
flow: divided
inputs: { by: { type: integer, default: 1 } }
tasks:
  same: { type: transform, with: { value: 1 } }
  divide: { type: transform, needs: [same], with: { value: "{{ 12 // inputs.by }}" } }
  use: { type: transform, needs: [divide], with: { value: "{{ tasks.divide.output }}" } }
`);
  const well = await api.finished("divided", { by: 3 });
  const failed = await api.finished("divided", { by: 0 });
  const run = new Run(page);
  await run.openRun(failed.id);
  await alive();
  await run.main.getByRole("link", { name: "the last success" }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/compare\\?a=${well.id}&b=${failed.id}$`));
  const first = run.main.getByRole("region", { name: "First divergence" });
  await expect(first).toContainText("divide differs in: state, error, output");
  const rows = run.main.getByRole("table", { name: "Tasks of both runs" }).locator("tbody").getByRole("row");
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText("divide");
  await expect(run.main.getByRole("table", { name: "Inputs of both runs" }).getByRole("row")).toHaveText(["InputAB", "by30"]);
  await accessible();
  await run.main.getByRole("link", { name: "And 1 task that is the same" }).click();
  await expect(rows).toHaveCount(3);
  await run.open(`/runs/compare?a=${well.id}&b=${well.id}`);
  await alive();
  await expect(run.main).toContainText("It is the same run twice, so nothing differs.");
  await expect(run.main.getByRole("table", { name: "Tasks of both runs" })).toBeHidden();
  await run.open(`/runs/compare?a=${well.id}&b=${failed.id}`);
  await alive();
  await first.getByRole("link").last().click();
  await expect(page).toHaveURL(new RegExp(`/runs/${failed.id}\\?task=divide$`));
});

test("a run and the runs made from it lead to each other", async ({ page, api, alive, request }) => {
  await api.save("flow: falls\ntasks: { it: { type: fail, with: { message: no } } }\n");
  const { id } = await api.finished("falls");
  const response = await request.post(`/api/v1/runs/${id}/retry`, { data: {} });
  const answer = (await response.json()) as { run_id?: string; id?: string };
  const made = answer.run_id ?? answer.id;
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  await run.main.getByRole("link", { name: made?.slice(-8) ?? "none" }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${made}$`));
  await run.main.getByRole("link", { name: "the run it was made from" }).click();
  await expect(run.main).toContainText("None: every task came to the same end");
});
