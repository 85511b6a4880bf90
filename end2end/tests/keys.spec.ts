import { Edit } from "../pages/edit.ts";
import { Flows } from "../pages/flows.ts";
import { Home } from "../pages/home.ts";
import { Run } from "../pages/run.ts";
import { Runs } from "../pages/runs.ts";
import { expect, expectMarked, live, mark, test } from "../test.ts";

test("keys go to pages, and to the search of a list", { tag: "@live" }, async ({ page }) => {
  const [flows, runs, home] = [new Flows(page), new Runs(page), new Home(page)];
  await flows.open("/flows");
  await live(page);
  await mark(page);
  const go = async (letter: string): Promise<void> => {
    // Neither waits until the page, which may be busy, has seen the other: they belong together only for a second.
    await Promise.all([page.keyboard.press("g"), page.keyboard.press(letter)]);
  };
  await go("r");
  await expect(page).toHaveURL(/\/runs$/);
  await expect(runs.query).toBeVisible();
  await page.keyboard.press("/");
  await expect(runs.query).toBeFocused();
  await page.keyboard.press("Escape");
  await runs.query.blur();
  await go("s");
  await expect(page).toHaveURL(/\/#home-agenda$/);
  await expect(home.page.getByRole("heading", { name: "Due in the next 24 hours" })).toBeInViewport();
  await go("f");
  await expect(page).toHaveURL(/\/flows$/);
  // The address is there before the page.
  await expect(flows.search).toBeVisible();
  await page.keyboard.press("/");
  await expect(flows.search).toBeFocused();
  // Where somebody types, keys are letters.
  await page.keyboard.type("gr?");
  await expect(flows.search).toHaveValue("gr?");
  await expect(page).toHaveURL(/\/flows$/);
  await flows.search.blur();
  await go("d");
  await expect(page).toHaveURL(/\/$/);
  await expectMarked(page);
});

test("the sheet of keys can be read and closed, and single letters be switched off", { tag: "@live" }, async ({ page, accessible }) => {
  const flows = new Flows(page);
  await flows.open("/flows");
  await live(page);
  const sheet = page.getByRole("dialog", { name: "Keys" });
  await page.keyboard.press("?");
  await expect(sheet).toMatchAriaSnapshot(`
    - dialog "Keys":
      - heading "Keys" [level=2]
      - heading "Everywhere" [level=3]
      - term: Ctrl K
      - definition: Go to a flow, a run or a page
      - term: g d
      - definition: Home
      - heading "On a run" [level=3]
      - checkbox "Switch off keys that are a single letter"
      - button "Close"
  `);
  await accessible();
  await sheet.getByRole("checkbox").check();
  await sheet.getByRole("button", { name: "Close" }).click();
  await expect(sheet).toBeHidden();
  await page.keyboard.press("?");
  await expect(sheet).toBeHidden();
  // With a modifier it is no single letter, and from there they are switched on again.
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog", { name: "Go to" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("anything is a few letters away", { tag: "@live" }, async ({ page, api, accessible }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  await page.goto("/runs");
  await live(page);
  const sheet = page.getByRole("dialog", { name: "Go to" });
  await page.keyboard.press("Control+k");
  await page.keyboard.type("order");
  await expect(sheet.getByRole("option", { name: /flow$/ }).first()).toBeVisible();
  await accessible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/flows\/order-checks$/);
  await expect(sheet).toBeHidden();
  await page.getByRole("button", { name: "Go to…" }).click();
  await sheet.getByRole("combobox").fill(id);
  await sheet.getByRole("option", { name: id }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${id}$`));
  await page.keyboard.press("Control+k");
  await sheet.getByRole("combobox").fill("nothing has this name");
  await expect(sheet.getByText("Nothing has such a name.")).toBeVisible();
});

test("a key changes between the graph of a run and its outline, with the same task open", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?task=credit");
  await live(page);
  await page.keyboard.press("l");
  await expect(run.outline).toBeVisible();
  await expect(run.item("Check credit")).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("l");
  await expect(run.graph).toBeVisible();
  await expect(run.card("Check credit")).toHaveAttribute("aria-current", "true");
});

test("the outline of a run is walked with the keyboard alone", { tag: "@live" }, async ({ page, api, accessible }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id, "?view=outline");
  await live(page);
  await accessible();
  await run.outline.focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  const active = await run.outline.getAttribute("aria-activedescendant");
  await page.keyboard.press("Enter");
  await expect(page.locator(`#${active}`)).toHaveAttribute("aria-selected", "true");
  await expect(run.inspector).toBeVisible();
  await expect(run.outline).toBeFocused();
});

test("nothing moves while a page comes to life", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  for (const path of ["/", "/flows", "/runs", `/runs/${id}`, `/runs/${id}?task=credit`, `/runs/${id}?view=outline`]) {
    await page.goto(path);
    await live(page);
    await page.evaluate(() => document.fonts.ready);
    const moved = await page.evaluate(
      () =>
        new Promise<number>((tell) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) sum += (entry as PerformanceEntry & { value: number }).value;
          }).observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => requestAnimationFrame(() => tell(sum)));
        }),
    );
    expect.soft(moved, `${path} moved`).toBeLessThan(0.02);
  }
});

test("the same keys show a graph whole on a run and in the editor", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const scale = page.getByRole("group", { name: "Zoom" }).getByRole("button", { name: "Actual size" });
  const fits = async (): Promise<void> => {
    await page.keyboard.press("3");
    await expect(scale).toHaveText("100 %");
    await page.keyboard.press("1");
    await expect(scale).not.toHaveText("100 %");
    const whole = await scale.innerText();
    await page.keyboard.press("0");
    await expect(scale).toHaveText("100 %");
    await page.keyboard.press("1");
    await expect(scale).toHaveText(whole);
  };
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await run.card("Fetch order").focus();
  await fits();
  const edit = new Edit(page);
  await edit.openEditor("order-checks");
  await live(page);
  await edit.stage.focus();
  await fits();
});
