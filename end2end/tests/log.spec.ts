import { Run } from "../pages/run.ts";
import { expect, live, test } from "../test.ts";

const WORDY = `
flow: wordy
tasks:
  talker:
    type: shell
    retry: { max_attempts: 2, first: 1ms }
    with:
      command: |
        for n in $(seq 1 1000); do echo "attempt $POINTWORK_ATTEMPT, line $n"; done
        [ "$POINTWORK_ATTEMPT" = 2 ]
`;

test("what is marked stays marked when it is scrolled away, and is copied whole", { tag: "@live" }, async ({ page, api }) => {
  await api.save(WORDY);
  const { id } = await api.finished("wordy");
  const run = new Run(page);
  await run.openRun(id, "?task=talker&line=2:100");
  await live(page);
  const line = (n: number) => run.lines.filter({ hasText: `attempt 2, line ${n}` }).filter({ hasNotText: new RegExp(`line ${n}\\d`) });
  await expect(line(100)).toBeInViewport();
  const first = await line(100).locator(".t").boundingBox();
  if (!first) throw new Error("the line is not drawn");
  await page.mouse.move(first.x + 1, first.y + first.height / 2);
  await page.mouse.down();
  await page.mouse.move(first.x + 60, first.y + first.height / 2);
  // Far beyond what is drawn around the view.
  await run.log.evaluate((log) => log.scrollBy(0, 18 * 600));
  await expect(line(710)).toBeAttached();
  const last = await line(700).locator(".t").boundingBox();
  if (!last) throw new Error("the line is not drawn");
  await page.mouse.move(last.x + last.width - 1, last.y + last.height / 2);
  await page.mouse.up();
  const marked = await page.evaluate(() => getSelection()?.toString() ?? "");
  const lines = marked.split("\n").filter((text) => text.includes("attempt"));
  expect(lines.length).toBe(601);
  expect(lines[0]).toContain("attempt 2, line 100");
  expect(lines[300]).toContain("attempt 2, line 400");
  expect(lines[600]).toContain("attempt 2, line 700");
});

test("lines tell when they were written: not, since the beginning, by the clock", { tag: "@live" }, async ({ page, api }) => {
  await api.save(WORDY);
  const { id } = await api.finished("wordy");
  const run = new Run(page);
  await run.openRun(id, "?task=talker");
  await live(page);
  const times = run.inspector.getByRole("button", { name: "Times" });
  const last = run.lines.last();
  await expect(last).toHaveText("attempt 2, line 1000");
  // Beside the line, so that it is not copied with it.
  const time = last.locator(".n");
  await expect(time).not.toHaveAttribute("data-time");
  await times.click();
  await expect(time).toHaveAttribute("data-time", /^\+0:00:\d\d\.\d{3}$/);
  await times.click();
  await expect(time).toHaveAttribute("data-time", /^\d\d:\d\d:\d\d\.\d{3}$/);
  await times.click();
  await expect(time).not.toHaveAttribute("data-time");
  await expect(last).toHaveText("attempt 2, line 1000");
});

test("at an earlier moment the log ends where it ended then", async ({ page, api, alive }) => {
  await api.save(WORDY);
  const { id } = await api.finished("wordy");
  // Just before the second attempt begins.
  const events = (await (await page.request.get(`/api/v1/runs/${id}/events`)).json()).items as { seq: number; type: string }[];
  const second = events.filter((event) => event.type === "attempt_started")[1];
  expect(second).toBeDefined();
  const run = new Run(page);
  await run.openRun(id, `?task=talker&at=${(second?.seq ?? 1) - 1}`);
  await alive();
  await expect(run.extent).toHaveText("1,000 lines");
  await expect(run.lines.last()).toHaveText("attempt 1, line 1000");
});
