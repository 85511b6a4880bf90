import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Run } from "../pages/run.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

test("a run is cancelled, after a question", async ({ page, api, alive, javaScriptEnabled }) => {
  const id = await api.start("order-checks", { pace: 30 });
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  if (javaScriptEnabled) await mark(page);
  await expect(run.state).toHaveText("running");
  await expect(run.confirm).toBeHidden();
  await run.cancel.click();
  await run.confirm.click();
  if (javaScriptEnabled) {
    await expect(run.state).toHaveText("cancelled", { timeout: 20_000 });
    await expectMarked(page);
  } else {
    await expect(page).toHaveURL(new RegExp(`/runs/${id}$`));
    await expect.poll(async () => (await api.run(id)).state, { timeout: 20_000 }).toBe("cancelled");
    await page.reload();
    await expect(run.state).toHaveText("cancelled");
  }
  await expect(run.card("Fetch order", "cancelled")).toBeVisible();
  // What must run at the end has run.
  await expect(run.card("Tidy up", "succeeded")).toBeVisible();
  await expect(run.cancel).toBeHidden();
});

test("an address opens a task with everything known of it", async ({ page, api, alive, request }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?task=credit");
  await alive();
  await expect(run.inspector.getByRole("heading", { level: 2 })).toHaveText("Check credit");
  await expect(run.card("Check credit", "succeeded")).toHaveAttribute("aria-current", "true");
  await expect(run.part("Output")).toContainText("score: 712");
  // A text is shown as text.
  await expect(run.part("Input")).toContainText('\necho "asking the bank, attempt $POINTWORK_ATTEMPT"\nsleep 1\n');
  await expect(run.told(3)).toContainText("succeeded");
  await expect(run.lines.last()).toHaveText('{"score": 712}');

  const log = await request.get((await run.download.getAttribute("href")) ?? "");
  expect(log.headers()["content-type"]).toContain("text/plain");
  expect(await log.text()).toContain("asking the bank, attempt 3");

  await run.openRun(id, "?task=partner");
  await alive();
  await expect(run.inspector).toContainText("exit code 1: partner.example: connection refused");
  await run.close.click();
  await expect(page).toHaveURL(new RegExp(`/runs/${id}$`));
  await expect(run.part("Outputs")).toContainText('route: "usual"');
});

test("attempts are tabs, each with its error and its part of the log", async ({ page, api, alive, accessible, javaScriptEnabled }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?task=credit");
  await alive();
  await accessible();
  // Nobody has asked for one: the newest is told, and the log is that of all.
  await expect(run.told(3)).toContainText("succeeded");
  await expect(run.lines).toHaveCount(6);

  await run.attempt(2).click();
  await expect(page).toHaveURL(/\?task=credit&attempt=2$/);
  await expect(run.told(2)).toContainText("exit code 75: the bank does not answer");
  await expect(run.told(2)).toContainText("the same as attempt 1");
  await expect(run.told(2)).toContainText("after a pause of 4.0 s");
  await expect(run.lines).toHaveText(["asking the bank, attempt 2", /the bank does not answer/]);
  await expect(run.part("Input")).toContainText("the same for each attempt");
  // What the task gave, its last attempt gave.
  await expect(run.part("Output")).toHaveCount(0);
  await run.views.getByRole("link", { name: "Tasks" }).click();
  await expect(run.told(2)).toBeVisible();

  await run.openRun(id, "?task=credit&attempt=1");
  await alive();
  await expect(run.told(1)).toContainText("failed");
  await expect(run.lines).toHaveText(["asking the bank, attempt 1", /the bank does not answer/]);
  if (javaScriptEnabled) {
    await run.attempt(1).focus();
    await page.keyboard.press("ArrowRight");
    await expect(run.attempt(2)).toBeFocused();
    await expect(run.attempt(2)).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("End");
    await expect(run.told(3)).toContainText("succeeded");
    await expect(run.attempt(3)).toBeFocused();
    await expect(page).toHaveURL(/&attempt=3$/);
    await page.keyboard.press("Home");
    await expect(run.attempt(1)).toBeFocused();
  }
  await run.allAttempts.click();
  await expect(page).toHaveURL(/\?task=credit$/);
  await expect(run.lines).toHaveCount(6);
  // One attempt says nothing that its task does not.
  await run.openRun(id, "?task=partner");
  await alive();
  await expect(run.inspector).toContainText("exit code 1");
  await expect(run.attempt(1)).toHaveCount(0);
});

test("an item that has settled has its attempts too", async ({ page, api, alive }) => {
  await api.save(`
flow: weighing
tasks:
  weigh:
    type: shell
    for_each: { items: [light, heavy] }
    retry: { max_attempts: 2, first: 10ms, jitter: none }
    with: { command: 'echo "$ITEM, attempt $POINTWORK_ATTEMPT"; [ "$ITEM" = light ]', env: { ITEM: "{{ item }}" } }
`);
  const { id } = await api.finished("weighing");
  const run = new Run(page);
  await run.openRun(id, "?task=weigh%5B1%5D");
  await alive();
  await expect(run.told(2)).toContainText("the same as attempt 1");
  await run.attempt(1).click();
  await expect(run.told(1)).toContainText("exit code 1");
  await expect(run.lines).toHaveText(["heavy, attempt 1"]);
  // Another item is another task run: its newest attempt is told.
  await run.inspector.getByRole("link", { name: "The item before" }).click();
  await expect(page).toHaveURL(/task=weigh%5B0%5D$/);
  await expect(run.lines).toHaveText(["light, attempt 1"]);
  await expect(run.attempt(1)).toHaveCount(0);
});

test("a chosen attempt stays in sight while others come", { tag: "@live" }, async ({ page, api, server }) => {
  const gate = join(server.data, "gate-of-attempts");
  await api.save(`
flow: trying
inputs: { gate: { type: string } }
tasks:
  knock:
    type: shell
    retry: { max_attempts: 99, first: 200ms, max: 200ms, jitter: none }
    with: { command: 'echo "knock $POINTWORK_ATTEMPT"; [ -e "$GATE" ] || exit 1; sleep 1; echo in', env: { GATE: "{{ inputs.gate }}" } }
`);
  const id = await api.start("trying", { gate });
  const run = new Run(page);
  await run.openRun(id, "?task=knock&attempt=2");
  await live(page);
  await expect(run.told(2)).toContainText("failed");
  await expect(run.lines).toHaveText(["knock 2"]);
  await expect(run.attempt(4)).toBeVisible();
  await expect(run.told(2)).toBeVisible();
  // Of many attempts the first, the last and those about the one in sight have tabs.
  await expect(run.inspector.getByRole("tab").last()).toHaveAccessibleName(/^Attempt [1-9]\d:/);
  await expect(run.inspector.getByRole("tab")).toHaveCount(5);
  await run.allAttempts.click();
  await expect(run.lines.first()).toHaveText("knock 1");
  await writeFile(gate, "");
  await expect(run.lines.last()).toHaveText("in");
  await expect(run.state).toHaveText("succeeded");
  await expect(run.inspector.getByRole("tabpanel")).toContainText("succeeded");
});

test("a log may grow while its page is made, and go on after its panel is gone", { tag: "@live" }, async ({ page, api }) => {
  await api.save(`
flow: chatty
tasks:
  talk: { type: shell, with: { command: 'for n in $(seq 1 9999); do echo "line $n"; sleep 0.01; done' } }
  wait: { type: shell, with: { command: sleep 100 } }
`);
  const id = await api.start("chatty");
  const run = new Run(page);
  for (let visits = 0; visits < 3; visits++) {
    await run.openRun(id, "?task=talk");
    await live(page);
    const before = await run.lines.last().innerText();
    await expect(run.lines.last()).not.toHaveText(before);
    await run.card("wait").click();
    await expect(run.heading).toHaveText("wait");
    await run.card("talk").click();
    await expect(run.lines.first()).toBeAttached();
  }
  await api.cancel(id);
});

test("a run that failed shows what its task wrote last", async ({ page, api, alive, accessible }) => {
  await api.save(`
flow: broken
tasks:
  report:
    name: Send report
    type: shell
    retry: { max_attempts: 2, first: 1ms }
    with:
      command: |
        for n in $(seq 1 30); do echo "page $n of attempt $POINTWORK_ATTEMPT"; done
        sleep 0.2
        echo "smtp: connection refused" >&2
        exit 3
`);
  const { id } = await api.finished("broken");
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  const words = run.part("Its last lines");
  await expect(words.getByRole("listitem")).toHaveCount(12);
  await expect(words.getByRole("listitem").first()).toHaveText("page 20 of attempt 2");
  await expect(words.getByRole("listitem").last()).toHaveText("stderr: smtp: connection refused");
  await accessible();
  await words.getByRole("link", { name: "All of its log" }).click();
  await expect(run.heading).toHaveText("Send report");
  await expect(run.log.locator("li.here")).toContainText("connection refused");

  // What wrote nothing has no last lines.
  await api.save("flow: silent\ntasks: { stop: { type: shell, with: { command: exit 1 } } }");
  const silent = await api.finished("silent");
  await run.openRun(silent.id);
  await alive();
  await expect(run.inspector).toContainText("exit code 1");
  await expect(words).toHaveCount(0);
});

test("the tasks as a list", async ({ page, api, alive }) => {
  const { id } = await api.finished("hello");
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  await run.views.getByRole("link", { name: "Tasks" }).click();
  await expect(page).toHaveURL(/\?view=tasks$/);
  await expect(run.row("greeting")).toContainText("succeeded");
  await run.row("say").getByRole("link").click();
  await expect(page).toHaveURL(/view=tasks&task=say$/);
  await expect(run.row("say")).toHaveAttribute("aria-selected", "true");
  await expect(run.lines).toHaveText(["Hello, world!"]);
  await run.views.getByRole("link", { name: "Graph" }).click();
  await expect(run.card("say", "succeeded")).toHaveAttribute("aria-current", "true");
});

test("a row of the list changes while its task runs", { tag: "@live" }, async ({ page, api, server }) => {
  const gate = join(server.data, "gate");
  await api.save(`
flow: gated
inputs: { gate: { type: string } }
tasks:
  watchman:
    type: shell
    with: { command: 'until [ -e "$GATE" ]; do sleep 0.1; done; exit 3', env: { GATE: "{{ inputs.gate }}" } }
  after: { type: noop, needs: [{ task: watchman, on: failed }] }
`);
  const id = await api.start("gated", { gate });
  const run = new Run(page);
  await run.openRun(id, "?view=tasks");
  await live(page);
  await mark(page);
  await expect(run.row("watchman")).toContainText("running");
  await expect(run.row("after")).toContainText("blocked");
  await writeFile(gate, "");
  await expect(run.row("watchman")).toContainText("failed");
  await expect(run.row("watchman")).toContainText("exit code 3");
  await expect(run.row("after")).toContainText("succeeded");
  await expect(run.state).toHaveText("succeeded");
  await expectMarked(page);
});

test("the graph is one stop of the tabulator, and arrows move in it", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await run.views.getByRole("link").last().focus();
  await page.keyboard.press("Tab");
  await expect(run.card("Fetch order")).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(run.card("Check credit")).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(run.card("Ask partner")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\?task=partner$/);
  await expect(run.inspector.getByRole("heading", { level: 2 })).toHaveText("Ask partner");
  await expect(run.card("Ask partner")).toBeFocused();
  // The next stop is behind the graph, not the next of its cards.
  await page.keyboard.press("Tab");
  await expect(run.graph.locator(":focus")).toHaveCount(0);
  await page.keyboard.press("Shift+Tab");
  await expect(run.card("Ask partner")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(new RegExp(`/runs/${id}$`));
  await expect(run.inspector.getByRole("heading", { level: 2 })).toHaveText("The run");
  await expect(run.card("Ask partner")).toBeFocused();
});

test("a finished run, as it is read aloud", async ({ page, api, alive }) => {
  const { id } = await api.finished("hello", { name: "reader" });
  const run = new Run(page);
  await run.openRun(id, "?task=say");
  await alive();
  await expect(run.main).toMatchAriaSnapshot(`
    - main:
      - text: succeeded
      - heading "Hello" [level=1]:
        - link "Hello"
      - term: run
      - definition:
        - code: ${id}
      - navigation "View":
        - link "Graph"
        - link "Timeline"
        - link "Tasks"
        - link "2 succeeded"
      - 'group "Graph of the run''s tasks: Hello"':
        - 'link /greeting: succeeded, \\S+ m?s/'
        - 'link /say: succeeded, \\S+ m?s/'
      - complementary "Inspector":
        - heading "say" [level=2]
        - paragraph: log
        - link "Close"
        - text: succeeded
        - term: took
        - term: started
        - term: finished
        - heading /Output/ [level=3]
        - link "Output as JSON"
        - region "Log":
          - heading "Log" [level=3]
          - link "Download the log"
          - log "Log":
            - list:
              - listitem: Hello, reader!
  `);
});

test("reasons call tasks by their names, and the download is of the attempt in sight", async ({ page, api, alive }) => {
  await api.save(`
flow: named
tasks:
  load: { name: Load all rows, type: shell, retry: { max_attempts: 2, first: 1ms }, with: { command: "echo attempt $POINTWORK_ATTEMPT; exit 1" } }
  mark: { name: Mark the day, type: noop, needs: [load] }
`);
  const { id } = await api.finished("named");
  const run = new Run(page);
  await run.openRun(id, "?task=mark");
  await alive();
  await expect(run.inspector).toContainText("upstream “Load all rows” failed");
  await run.openRun(id, "?do=retry&from=load");
  await alive();
  await expect(run.inspector).toContainText("it comes after “Load all rows”, which runs");

  const read = async (): Promise<string> => (await page.request.get((await run.download.getAttribute("href")) ?? "")).text();
  await run.openRun(id, "?task=load");
  await alive();
  await expect(run.lines).toHaveText(["attempt 1", "attempt 2"]);
  expect(await read()).toBe("attempt 1\nattempt 2\n");
  await run.attempt(1).click();
  await expect(run.lines).toHaveText(["attempt 1"]);
  expect(await read()).toBe("attempt 1\n");
});

test.describe("Values", () => {
  test.use({ permissions: ["clipboard-read", "clipboard-write"] });

  test("a value is a tree: it opens, and the ways into it can be copied", async ({ page, api, alive, accessible, javaScriptEnabled }) => {
    await api.save(`
flow: orders
tasks:
  load-all:
    type: transform
    with:
      jq: '{n: 300, "it''s": {deep: [1, {odd: null}]}, text: "first\\nsecond", rows: [range(300) | {id: ., name: "Order \\(.)"}]}'
  use: { type: transform, needs: [load-all], with: { value: "{{ tasks['load-all'].output.n }}" } }
  ask: { type: noop, needs: [{ task: load-all, when: "tasks['load-all'].output.n > 1" }] }
  other: { type: noop, needs: [load-all] }
`);
    const { id } = await api.finished("orders");
    const run = new Run(page);
    await run.openRun(id, "?task=load-all");
    await alive();
    const output = run.value("Output");
    await expect(output.getByRole("treeitem")).toHaveText([
      "n: 300",
      "it's: 1 field",
      "deep: 2 items",
      "0: 1",
      "1: 1 field",
      "odd: null",
      /^text: 2 lines\s*first\nsecond$/,
      /^rows: \[{id: 0, name: "Order 0"}, .*, …\]300 items… 100 more$/,
    ]);
    await expect(output.getByRole("treeitem", { level: 4 })).toHaveText(["odd: null"]);
    await expect(run.part("Output")).toContainText("Not all of it is shown.");
    await expect(run.readers.getByRole("link")).toHaveText(["use", "ask"]);
    await accessible();
    const all = await page.request.get((await run.part("Output").getByRole("link", { name: "Open all of it" }).getAttribute("href")) ?? "");
    expect((await all.json()).rows).toHaveLength(300);
    if (!javaScriptEnabled) {
      return;
    }

    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    const rows = output.getByRole("treeitem", { name: "rows:" });
    await rows.click({ position: { x: 40, y: 10 } });
    await expect(output.getByRole("treeitem")).toHaveCount(208);
    await output.getByRole("treeitem", { name: /^7: {id: 7,/ }).click();
    await expect(output.getByRole("treeitem")).toHaveCount(210);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("c");
    await expect(output.getByRole("status")).toHaveText("Copied tasks['load-all'].output.rows[7].name");
    expect(await copied()).toBe("tasks['load-all'].output.rows[7].name");
    await page.keyboard.press("v");
    await expect(output.getByRole("status")).toHaveText("Copied the value");
    expect(await copied()).toBe("Order 7");
    // To the item, to the list, which closes.
    for (const key of ["ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft"]) {
      await page.keyboard.press(key);
    }
    await expect(rows).toBeFocused();
    await expect(output.getByRole("treeitem")).toHaveCount(8);
    await page.keyboard.press("v");
    await expect(output.getByRole("status")).toHaveText("Copied as much of it as is shown");
    expect(JSON.parse(await copied())).toHaveLength(200);
    await page.keyboard.press("Home");
    await expect(output.getByRole("treeitem").first()).toBeFocused();
    await output.getByRole("treeitem", { name: "odd:" }).hover();
    await output.getByText("path", { exact: true }).click();
    expect(await copied()).toBe("tasks['load-all'].output['it\\'s'].deep[1].odd");
  });
});

test("an address that names no task of the run says so", async ({ page, api, alive }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?task=nothing");
  await alive();
  await expect(run.inspector).toContainText("This run has no task “nothing”.");
  await expect(run.part("Outputs")).toContainText("route");
});

test("a long log begins with its end; any line of it is a scroll, a search or a link away", async ({ page, api, alive, accessible, server, javaScriptEnabled }, { project }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const gate = join(server.data, `gate-of-logs-${project.name}`);
  await api.save(`
flow: talkative
inputs: { gate: { type: string } }
tasks:
  talker:
    type: shell
    with:
      command: |
        for n in $(seq 1 4000); do echo "line $n of those that fill more than one piece"; done
        sleep 0.3
        echo "Number 4001 went wrong" >&2
        until [ -e "$GATE" ]; do sleep 0.1; done
        echo "the end, line 4002"
      env: { GATE: "{{ inputs.gate }}" }
`);
  const id = await api.start("talkative", { gate });
  const run = new Run(page);
  const line = (n: number) => run.lines.filter({ hasText: new RegExp(`^line ${n} `) });
  // The last line has been written.
  await expect.poll(async () => (await page.request.get(`/api/v1/runs/${id}/tasks/talker/logs`)).text()).toContain("4001");
  await run.openRun(id, "?task=talker");
  await alive();
  await expect(run.lines.last()).toContainText("Number 4001 went wrong");
  await expect(run.extent).toHaveText("4,001 lines");
  await expect(line(1)).toHaveCount(0);
  await expect(run.log).toBeInViewport({ ratio: 1 });
  if (!javaScriptEnabled) {
    await writeFile(gate, "");
    await run.earlier.click();
    await expect(page).toHaveURL(/line=1%3A3900/);
    await expect(line(3900)).toHaveCount(1);
    await run.findInLog.fill("LINE 17 ");
    await run.findInLog.press("Enter");
    await expect(run.hits).toHaveText("1 line");
    await run.nextHit.click();
    await expect(page).toHaveURL(/line=1%3A17/);
    await expect(line(17)).toHaveClass("here");
    return;
  }
  await accessible();
  await expect(run.lines.last()).toBeInViewport();
  expect(await run.lines.count()).toBeLessThan(200);

  // Scrolled to, from the end to the beginning.
  await mark(page);
  await run.log.evaluate((log) => log.scrollTo(0, 0));
  await expect(line(1)).toBeInViewport();
  await run.log.evaluate((log) => log.scrollTo(0, 18 * 1999));
  await expect(line(2001)).toBeInViewport();
  expect(await run.lines.count()).toBeLessThan(200);

  // Searched for: all of it is, and counted. The browser's own key leads there.
  await run.log.focus();
  await page.keyboard.press("Control+f");
  await expect(run.findInLog).toBeFocused();
  await page.keyboard.type("LINE 39");
  await expect(run.hits).toHaveText("111 lines");
  await expect(page).toHaveURL(/find=LINE/);
  await page.keyboard.press("Enter");
  await expect(run.hits).toHaveText("111 of 111");
  await expect(line(3999)).toBeInViewport();
  await expect(line(3999).locator("mark")).toHaveText("line 39");
  await page.keyboard.press("Enter");
  await expect(run.hits).toHaveText("1 of 111");
  await expect(line(39)).toBeInViewport();
  await run.lastHit.click();
  await expect(run.hits).toHaveText("111 of 111");
  await run.inspector.getByRole("combobox", { name: "Which lines" }).selectOption("stderr");
  await expect(run.hits).toHaveText("not found");
  await run.findInLog.fill("");
  await expect(run.hits).toHaveText("1 line");

  // The address of a line.
  await run.openRun(id, "?task=talker&line=1:1234");
  await live(page);
  await expect(line(1234)).toHaveClass("here");
  await expect(line(1234)).toBeInViewport();
  await line(1235).locator(".n").click();
  await expect(page).toHaveURL(/line=1%3A1235/);
  await expect(line(1235)).toHaveClass("here");

  // Wrapped, every line is still where it is scrolled to.
  await page.setViewportSize({ width: 390, height: 844 });
  await run.inspector.getByRole("button", { name: "Wrap lines" }).click();
  await run.log.evaluate((log) => log.scrollTo(0, 0));
  await expect(line(1)).toBeInViewport();
  await page.setViewportSize({ width: 1440, height: 900 });

  // At the end of the log it is followed again, and what is written is counted.
  await run.findInLog.fill("the end");
  await expect(run.hits).toHaveText("not found");
  await run.log.evaluate((log) => log.scrollTo(0, log.scrollHeight));
  await expect(run.lines.last()).toBeInViewport();
  await writeFile(gate, "");
  await expect(run.lines.last()).toHaveText("the end, line 4002");
  await expect(run.lines.last()).toBeInViewport();
  await expect(run.hits).toHaveText("1 line");
});

test("beside the graph the task's name stays in sight", async ({ page, api, alive }) => {
  await page.setViewportSize({ width: 1440, height: 700 });
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?task=credit");
  await alive();
  await expect(run.log).toBeInViewport({ ratio: 1 });
  await run.part("Input").locator("pre").scrollIntoViewIfNeeded();
  await expect(run.inspector.getByRole("heading", { level: 2 })).toBeInViewport({ ratio: 1 });
  await expect(run.close).toBeInViewport({ ratio: 1 });
});

test("on a telephone a chosen task comes into sight", { tag: "@live" }, async ({ page, api }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const id = await api.start("order-checks", { pace: 30 });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  // What can be done takes no line of its own.
  const [state, cancel] = [await run.state.boundingBox(), await run.cancel.boundingBox()];
  if (!state || !cancel) throw new Error("state or Cancel is not shown");
  expect(Math.abs(state.y + state.height / 2 - cancel.y - cancel.height / 2)).toBeLessThan(12);
  expect(cancel.x).toBeGreaterThan(state.x + state.width);

  await run.card("Fetch order").click();
  const heading = run.inspector.getByRole("heading", { level: 2 });
  await expect(heading).toHaveText("Fetch order");
  await expect(heading).toBeInViewport({ ratio: 1 });
  await expect(run.lines.first()).toHaveText("looking for an order of 420");
  await expect(run.lines.first()).toBeInViewport({ ratio: 1 });
  await expect(run.views).not.toBeInViewport();
  await run.close.click();
  await expect(run.card("Fetch order")).toBeInViewport();
  await api.cancel(id);
});

test("what was taken back does not look like plain success", async ({ page, api, alive, accessible }) => {
  await api.save(`
flow: taken-back
tasks:
  book: { type: noop, undo: { type: noop } }
  kept: { type: noop }
  pay: { type: fail, needs: [book, kept], with: { message: no money } }
`);
  const { id } = await api.finished("taken-back");
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  await expect(run.card("book", "taken back")).toBeVisible();
  await expect(run.card("kept", "succeeded")).toBeVisible();
  await run.openRun(id, "?view=tasks&task=book");
  await alive();
  await expect(run.tasks.getByRole("row", { name: /^taken back book noop/ })).toContainText("taken back when the run ended");
  await expect(run.inspector).toContainText("taken back when the run ended");
  await accessible();
  await run.openRun(id, "?view=timeline");
  await alive();
  await expect(run.bar("book", "taken back")).toBeVisible();
});

test("what was taken over took no time", async ({ page, api, alive, request }) => {
  await api.save("flow: halfway\ntasks: { done: { type: noop }, stops: { type: fail, needs: [done], with: { message: no } } }\n");
  const { id } = await api.finished("halfway");
  const response = await request.post(`/api/v1/runs/${id}/retry`, { data: {} });
  const { run_id: made } = (await response.json()) as { run_id: string };
  const run = new Run(page);
  await run.openRun(made, "?view=tasks");
  await alive();
  const row = run.tasks.getByRole("row", { name: "done noop" });
  await expect(row).toContainText("taken over from the run it was made from");
  await expect(row.getByRole("cell").last()).toHaveText("–");
  await run.openRun(made, "?view=timeline");
  await alive();
  await expect(run.bar("done", "succeeded, taken over")).toBeVisible();
});

test("what gave nothing says so", async ({ page, api, alive }) => {
  await api.save("flow: nothing-much\ntasks: { a: { type: noop } }\n");
  const { id } = await api.finished("nothing-much");
  const run = new Run(page);
  await run.openRun(id);
  await alive();
  await expect(run.inspector).toContainText("It gave nothing.");
  await run.openRun(id, "?task=a");
  await alive();
  await expect(run.inspector.getByText("It gave nothing.")).toBeVisible();
});

test("a link to a task shows the task, on a telephone and at twice the size too", async ({ page, api, alive }) => {
  const { id } = await api.finished("hello");
  const run = new Run(page);
  for (const size of [{ width: 390, height: 844 }, { width: 720, height: 450 }]) {
    await page.setViewportSize(size);
    await run.openRun(id);
    await alive();
    await expect(run.graph).toBeInViewport();
    const [task] = (await api.run(id)).tasks;
    await run.openRun(id, `?task=${task?.path}`);
    await alive();
    await expect(run.heading).toBeInViewport();
    const [panel, board] = [await run.inspector.boundingBox(), await run.views.boundingBox()];
    expect(panel?.y ?? 0).toBeLessThan(board?.y ?? 0);
  }
});

test("on a small screen the head leaves room, and a tab stays on one line", async ({ page, api, alive }) => {
  const { id } = await api.finished("hello");
  const run = new Run(page);
  await page.setViewportSize({ width: 720, height: 450 });
  await run.openRun(id);
  await alive();
  const head = await run.main.locator(".run-head").boundingBox();
  expect(head?.height ?? 999).toBeLessThan(100);
  await page.setViewportSize({ width: 320, height: 640 });
  const tabs = run.views.locator(".tab");
  for (const tab of await tabs.all()) {
    expect((await tab.boundingBox())?.height ?? 99).toBeLessThan(34);
  }
  const [first, last] = [await tabs.first().boundingBox(), await tabs.last().boundingBox()];
  expect(first?.y).toBe(last?.y);
});
