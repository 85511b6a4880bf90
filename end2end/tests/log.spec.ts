import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Locator } from "@playwright/test";
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

test("a line that is named before it is written comes into sight when it is", { tag: "@live" }, async ({ page, api, server }) => {
  const gate = join(server.data, "gate-of-lines");
  await api.save(`
flow: slow-talk
inputs: { gate: { type: string } }
tasks:
  talker:
    type: shell
    with: { command: 'echo begun; until [ -e "$GATE" ]; do sleep 0.1; done; seq 2 900', env: { GATE: "{{ inputs.gate }}" } }
`);
  const id = await api.start("slow-talk", { gate });
  const run = new Run(page);
  await run.openRun(id, "?task=talker&line=1:500");
  await live(page);
  await expect(run.lines.filter({ hasText: "begun" })).toBeInViewport();
  await writeFile(gate, "");
  await expect(run.lines.filter({ hasText: /^500$/ })).toBeInViewport();
  await expect(run.state).toHaveText("succeeded");
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

const FOLDED = `
flow: folded
tasks:
  build:
    type: shell
    retry: { max_attempts: 2, first: 1ms }
    with:
      command: |
        echo "before all"
        echo "::group::Install packages"
        for n in $(seq 1 300); do echo "package $n"; done
        echo "::endgroup::"
        echo "between"
        echo "##[group]Compile"
        for n in $(seq 1 200); do echo "module $n"; done
        [ "$POINTWORK_ATTEMPT" = 2 ] || exit 1
        echo "::group::Tests"
        for n in $(seq 1 150); do echo "test $n"; done
        echo "::endgroup::"
        echo "after all"
`;

/** The button of a group, whatever is inside. */
function group(run: Run, title: string): Locator {
  return run.log.getByRole("button", { name: new RegExp(`^${title}(,|$)`) });
}

test("groups of lines are closed when all went well, and open by key", { tag: "@live" }, async ({ page, api, accessible }) => {
  await api.save(FOLDED);
  const { id } = await api.finished("folded");
  const run = new Run(page);
  await run.openRun(id, "?task=build&attempt=2");
  await live(page);
  // Titles, and what is outside of groups.
  await expect(run.lines).toHaveText(["before all", "Install packages", "between", "Compile", "Tests", "after all"]);
  await expect(run.extent).toHaveText("658 lines of attempt 2");
  const install = group(run, "Install packages");
  await expect(install).toHaveAccessibleName("Install packages, 300 lines");
  await expect(group(run, "Compile")).toHaveAccessibleName("Compile, 200 lines");
  await expect(install).toHaveAttribute("aria-expanded", "false");
  // Lines have the numbers they have.
  await expect(run.lines.last().locator(".n")).toHaveAttribute("data-n", "658");
  await accessible();
  await install.focus();
  await page.keyboard.press("Enter");
  await expect(install).toHaveAttribute("aria-expanded", "true");
  await expect(install).toBeFocused();
  await expect(run.lines.filter({ hasText: /^package 3$/ }).locator(".n")).toHaveAttribute("data-n", "5");
  await accessible();
  await page.keyboard.press("ArrowLeft");
  await expect(run.lines).toHaveCount(6);
  await page.keyboard.press("ArrowRight");
  await expect(run.lines.filter({ hasText: /^package 3$/ })).toBeVisible();
  await page.keyboard.press("Space");
  await expect(run.lines).toHaveCount(6);
  // The whole title takes a click.
  await run.lines.filter({ hasText: "Tests" }).locator(".t").click();
  await expect(group(run, "Tests")).toHaveAttribute("aria-expanded", "true");
  await expect(run.lines.filter({ hasText: /^test 1$/ })).toBeVisible();
  await run.foldAll.click();
  await expect(run.lines).toHaveCount(6);
  await run.unfoldAll.click();
  await expect(install).toHaveAttribute("aria-expanded", "true");
});

test("of an attempt that failed the group with its end is open", { tag: "@live" }, async ({ page, api }) => {
  await api.save(FOLDED);
  const { id } = await api.finished("folded");
  const run = new Run(page);
  await run.openRun(id, "?task=build&attempt=1");
  await live(page);
  await expect(run.lines.filter({ hasText: /^module 200$/ })).toBeInViewport();
  await run.log.evaluate((log) => log.scrollTo(0, 0));
  await expect(group(run, "Compile")).toHaveAttribute("aria-expanded", "true");
  await expect(group(run, "Install packages")).toHaveAccessibleName("Install packages, 300 lines");
});

test("what a link or a search leads to is never inside of a closed group", { tag: "@live" }, async ({ page, api, accessible }) => {
  await api.save(FOLDED);
  const { id } = await api.finished("folded");
  const run = new Run(page);
  await run.openRun(id, "?task=build&attempt=2&line=2:120");
  await live(page);
  const line = run.lines.filter({ hasText: /^package 118$/ });
  await expect(line).toBeInViewport();
  await expect(line).toHaveClass(/here/);
  await run.log.evaluate((log) => log.scrollTo(0, 0));
  await expect(group(run, "Install packages")).toHaveAttribute("aria-expanded", "true");
  await run.log.evaluate((log) => log.scrollTo(0, log.scrollHeight));
  await expect(group(run, "Compile")).toHaveAttribute("aria-expanded", "false");
  await run.findInLog.fill("e 77");
  await expect(run.hits).toHaveText("2 lines");
  // The last that fits first.
  await expect(run.lines.filter({ hasText: /^module 77$/ })).toBeInViewport();
  await run.nextHit.click();
  await expect(run.hits).toHaveText("2 of 2");
  await run.foldAll.click();
  await expect(run.lines).toHaveCount(6);
  await expect(group(run, "Install packages")).toHaveAccessibleName("Install packages, 300 lines, 1 found");
  await accessible();
  await run.lastHit.click();
  await expect(run.lines.filter({ hasText: /^package 77$/ })).toBeInViewport();
  // What says that a group begins cannot be seen, and is not found.
  await run.findInLog.fill("group");
  await expect(run.hits).toHaveText("not found");
});

test("without scripts nothing is folded", { tag: "@no-scripts" }, async ({ page, api }) => {
  await api.save(FOLDED);
  const { id } = await api.finished("folded");
  const run = new Run(page);
  await run.openRun(id, "?task=build&attempt=2&line=2:1");
  await expect(run.lines.nth(1)).toHaveText("Install packages");
  await expect(run.lines.nth(2)).toHaveText("package 1");
  await expect(run.log.getByRole("button")).toHaveCount(0);
});
