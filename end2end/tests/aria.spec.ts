import { Home } from "../pages/home.ts";
import { Run } from "../pages/run.ts";
import { Runs } from "../pages/runs.ts";
import { expect, test } from "../test.ts";

// What those hear who do not see the pages: roles, names and their order. Times and counts differ from run to run.

test("the first page as it is heard", async ({ page, api, alive }) => {
  // The newest run of all: the page lists only so many, and other tests' runs fail too.
  await api.finished("release", { healthy: false });
  const home = new Home(page);
  await home.open();
  await alive();
  await expect(home.main).toMatchAriaSnapshot(`
    - main:
      - heading "What needs you" [level=1]
      - region /runs? failed in the last 24 hours/:
        - heading /runs? failed in the last 24 hours/ [level=3]
        - list:
          - listitem:
            - link /Release with a way back .*exit code 1/
            - button "Retry the run of Release with a way back"
      - region "Numbers":
        - heading "Numbers" [level=2]
        - navigation "Time":
          - link "1h"
          - link "24h"
          - link "7d"
          - link "30d"
        - link /Runs \\d+/
        - link /Failed \\d+/
        - link /Succeeded [\\d.]+ %/
      - region "Last 30 runs of each flow":
        - heading "Last 30 runs of each flow" [level=2]
        - link "All flows"
        - list:
          - listitem:
            - link "Release with a way back"
            - group /The last \\d+ runs?/:
              - link /failed in/
            - link "Start Release with a way back"
      - region "Due in the next 24 hours":
        - heading "Due in the next 24 hours" [level=2]
      - region "Newest runs":
        - heading "Newest runs" [level=2]
        - link "All runs"
        - list:
          - listitem:
            - link /failed Release with a way back/
      - paragraph: /As of/
  `);
});

test("the list of runs as it is heard", async ({ page, api, alive }) => {
  await api.shown("order-checks", { pace: 0 });
  const runs = new Runs(page);
  await runs.open("/runs?q=flow:order-checks state:succeeded");
  await alive();
  await expect(runs.main).toMatchAriaSnapshot(`
    - main:
      - heading "Runs" [level=1]
      - navigation "Views":
        - link /Failed today \\d+/
        - link /Running \\d+/
      - navigation "States":
        - link "queued"
        - link "succeeded"
        - link "failed"
      - search:
        - combobox "Filter runs": flow:order-checks state:succeeded
        - button "Filter"
        - link "Clear"
      - list "Filters":
        - listitem:
          - link "Without flow:order-checks"
        - listitem:
          - link "Without state:succeeded"
      - region "Runs":
        - table:
          - rowgroup:
            - row "Choose State Flow Run Trigger Started Duration Tasks":
              - columnheader "Choose"
              - columnheader "State"
          - rowgroup:
            - row /Choose run \\w+ succeeded Order checks/:
              - cell /Choose run/:
                - checkbox /Choose run/
              - cell "succeeded"
              - cell "Order checks":
                - link "Order checks"
      - navigation "Pages"
  `);
});

test("a run as it is heard", async ({ page, api, alive }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?task=credit");
  await alive();
  await expect(run.main).toMatchAriaSnapshot(`
    - main:
      - text: succeeded
      - heading "Order checks" [level=1]:
        - link "Order checks"
      - link "Run again…"
      - term: run
      - definition:
        - code: ${id}
      - term: started
      - definition:
        - time
      - navigation "View":
        - link "Graph"
        - link "Outline"
        - link "Timeline"
        - link "Tasks"
        - link "1 failed"
        - link "8 succeeded"
        - link "1 skipped"
      - group /^Graph of the run.s tasks. Order checks$/:
        - link /^Fetch order. succeeded/
        - link /^Check stock. succeeded/
        - link /^Check credit. succeeded/
        - link /^Ask partner. failed, .*connection refused/
        - link /^Ask for a second look. skipped, upstream “How large\\?” took the case usual/
        - link /^Tidy up. succeeded/
      - form "Travel in time":
        - link "To the first event"
        - slider "Moment of the run"
      - complementary "Inspector":
        - heading "Check credit" [level=2]
        - link "Close"
        - heading "Attempts" [level=3]
        - tabpanel "Attempt 3":
          - paragraph: /^succeeded/
        - heading /^Output/ [level=3]
        - heading /^Input/ [level=3]
        - region "Log":
          - heading "Log" [level=3]
          - log "Log":
            - list:
              - listitem: asking the bank, attempt 1
              - listitem: "stderr: the bank does not answer"
  `);
});

test("the outline of a run as it is heard", async ({ page, api, alive }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?view=outline&task=credit");
  await alive();
  await expect(run.outline).toMatchAriaSnapshot(`
    - tree "Tasks of the run in their order":
      - /children: equal
      - treeitem /^Fetch order. succeeded, .*, shell, then Check stock, Check credit, Ask partner$/
      - treeitem /^Check stock. succeeded, .*, shell, then How large.$/
      - treeitem /^Check credit. succeeded, .*, shell, then How large.$/ [selected]
      - treeitem /^Ask partner. failed, .*connection refused, shell, then Use last known answer .on failed.$/
      - treeitem /^Use last known answer. succeeded/
      - treeitem /^How large.. succeeded, .*, switch, then Ask for a second look .large., Accept .usual.$/ [level=1]
      - treeitem /^Ask for a second look. skipped, upstream “How large\\?” took the case usual, log, then Send confirmation$/
      - treeitem /^Accept. succeeded/
      - treeitem /^Send confirmation. succeeded/
      - 'treeitem "Finally: runs at the end, whatever happened" [expanded]'
      - treeitem /^Tidy up. succeeded/
  `);
});

test("a flow as it is heard", async ({ page, api, alive }) => {
  await api.shown("order-checks", { pace: 0 });
  const flow = new Run(page);
  await flow.open("/flows/order-checks");
  await alive();
  await expect(flow.main).toMatchAriaSnapshot(`
    - main:
      - heading "Order checks" [level=1]
      - paragraph: /^Reads orders/
      - term: id
      - definition:
        - code: order-checks
      - term: version
      - definition:
        - strong: "1"
      - region "Graph":
        - heading "Graph" [level=2]
        - group "Graph of Order checks"
      - region "Numbers":
        - heading "Numbers" [level=2]
      - region "Tasks by run":
        - heading "Tasks by run" [level=2]
      - group: /Document/
      - region "Start a run":
        - heading "Start a run" [level=2]
        - spinbutton /^amount/
        - spinbutton /^pace/
        - button "Start run"
      - region "Newest runs":
        - heading "Newest runs" [level=2]
        - link "All runs"
        - link /succeeded/
  `);
});
