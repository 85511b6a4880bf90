import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Run } from "../pages/run.ts";
import { expect, live, test } from "../test.ts";
import { Server } from "../server.ts";

/** Two tasks that write a lot and a little, and a third that waits before its last words. */
const choir = `
flow: choir
inputs: { gate: { type: string } }
tasks:
  solo:
    name: First voice
    type: shell
    with: { command: 'for n in $(seq 1 1500); do echo "note $n"; done' }
  both:
    name: All voices
    type: shell
    needs: [solo]
    for_each: { items: [low, high], max_parallel: 1 }
    with: { command: 'echo "sung $VOICE"; echo "hoarse $VOICE" >&2', env: { VOICE: "{{ item }}" } }
  last:
    name: Last voice
    type: shell
    needs: [both]
    with: { command: 'echo "before the pause"; until [ -e "$GATE" ]; do sleep 0.1; done; for n in 1 2 3; do echo "after it, $n"; done', env: { GATE: "{{ inputs.gate }}" } }
`;

test("what all tasks wrote is one log, from which each line leads to its task", async ({ page, api, alive, accessible, server, javaScriptEnabled }, { project }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const gate = join(server.data, `gate-of-choir-${project.name}`);
  await api.save(choir);
  const id = await api.start("choir", { gate });
  const run = new Run(page);
  await expect.poll(async () => (await page.request.get(`/api/v1/runs/${id}/logs`)).text()).toContain("before the pause");
  await run.openRun(id);
  await alive();
  await run.views.getByRole("link", { name: "Log", exact: true }).click();
  await expect(page).toHaveURL(/view=log/);
  await expect(run.allLines.last()).toContainText("before the pause");
  const note = (n: number) => run.allLines.filter({ hasText: new RegExp(`note ${n}$`) });
  await expect(note(1)).toHaveCount(0);
  await accessible();

  // A line leads to itself in its task's log.
  await run.allLines.filter({ hasText: "sung high" }).locator("a").click();
  await expect(page).toHaveURL(/task=both%5B1%5D&line=1%3A[12]$/);
  await expect(run.heading).toHaveText("All voices [1]");
  await expect(run.log.locator("li.here")).toContainText("sung high");
  if (javaScriptEnabled) await expect(run.all.locator("li.here")).toContainText("sung high");

  if (!javaScriptEnabled) {
    const around = run.all.locator(".around");
    await around.getByRole("link", { name: "Earlier" }).click();
    await expect(note(1000)).toHaveCount(1);
    await around.getByRole("link", { name: "Later" }).click();
    await expect(run.allLines.last()).toContainText("before the pause");
    await around.getByRole("link", { name: "Earlier" }).click();
    await around.getByRole("link", { name: "The end" }).click();
    await expect(run.allLines.last()).toContainText("before the pause");
    // The form keeps what the address says beside it.
    await run.streams.selectOption("stderr");
    await run.filter.fill("HOARSE");
    await run.filter.press("Enter");
    await expect(run.fitting).toHaveText("2 lines");
    await expect(run.allLines).toHaveText([/hoarse low/, /hoarse high/]);
    await expect(run.heading).toHaveText("All voices [1]");
    await writeFile(gate, "");
    return;
  }

  // Only what is in sight is in the page; the beginning is a way of scrolling off.
  await run.close.click();
  expect(await run.allLines.count()).toBeLessThan(150);
  await expect(async () => {
    await run.all.evaluate((log) => log.scrollTo(0, 0));
    await expect(note(1)).toBeVisible({ timeout: 500 });
  }).toPass();
  expect(await run.allLines.count()).toBeLessThan(150);

  // Who reads is told that there is more, and is not moved.
  await writeFile(gate, "");
  await expect(run.unseen).toHaveText("3 new lines");
  await expect(note(1)).toBeInViewport();
  await run.unseen.click();
  await expect(run.allLines.last()).toContainText("after it, 3");
  await expect(run.allLines.last()).toBeInViewport();
  await expect(run.unseen).toBeHidden();

  // All of it is searched, and counted.
  await run.filter.fill("note 14");
  await expect(run.fitting).toHaveText("111 lines");
  await expect(run.allLines.last()).toContainText("note 1499");
  await expect(run.all.locator("mark").first()).toHaveText("note 14");
  await run.filter.press("Escape");
  await run.streams.selectOption("stderr");
  await expect(run.fitting).toHaveText("2 lines");
  await expect(run.allLines).toHaveText([/hoarse low/, /hoarse high/]);
  await expect(page).toHaveURL(/stream=stderr/);
  await accessible();
  await page.goBack();
  await page.goForward();
  await expect(run.fitting).toHaveText("2 lines");

  // Travelling cuts it at the moment.
  await run.streams.selectOption("all");
  await expect(run.allLines.last()).toContainText("after it, 3");
  await run.moment.focus();
  await page.keyboard.press("Home");
  await expect(run.main.getByText("Nothing is written yet.")).toBeVisible();
  await page.keyboard.press("End");
  await expect(run.allLines.last()).toContainText("after it, 3");
});

test("the log of a run is followed, and opened by a key", { tag: "@live" }, async ({ page, api, server }, { project }) => {
  const gate = join(server.data, `gate-of-key-${project.name}`);
  await api.save(choir);
  const id = await api.start("choir", { gate });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await page.keyboard.press("o");
  await expect(run.allLines.last()).toContainText("before the pause", { timeout: 20_000 });
  await writeFile(gate, "");
  await expect(run.allLines.last()).toContainText("after it, 3");
  await expect(run.state).toHaveText("succeeded");
  // One stop of the tabulator, from which arrows lead to any line.
  await run.allLines.last().getByRole("link").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(run.heading).toHaveText("Last voice");
  await expect(run.log.locator("li.here")).toContainText("after it, 1");
});

test("the log of a run in a file needs no server", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const file = await (await page.request.get(`/api/v1/runs/${id}/capsule`)).body();
  const elsewhere = await Server.start();
  try {
    const run = new Run(page);
    await page.goto(`${elsewhere.url}/runs/open`);
    await live(page);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.locator("input[type=file]").setInputFiles({ name: "run.json", mimeType: "application/json", buffer: file });
    await run.views.getByRole("link", { name: "Log", exact: true }).click();
    const line = run.allLines.filter({ hasText: "asking the bank, attempt 2" });
    await expect(line).toBeVisible();
    await line.getByRole("link", { name: "Check credit" }).click();
    await expect(run.log.locator("li.here")).toContainText("asking the bank, attempt 2");
    await run.filter.fill("asking");
    await expect(run.fitting).toHaveText("3 lines");
    expect(asked.filter((url) => /\/(api|fn)\//.test(url))).toEqual([]);
  } finally {
    await elsewhere.stop();
  }
});
