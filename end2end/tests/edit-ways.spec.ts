import type { Page } from "@playwright/test";
import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

// One flow: a list of numbers, a loop over them, and a switch with something behind one of its ways.
const WANTED = {
  tasks: {
    transform: { type: "transform", with: { value: "{{ [1, 2, 3] }}" } },
    log: {
      type: "log",
      needs: [{ task: "transform" }],
      for_each: { items: "{{ tasks.transform.output }}" },
      with: { message: "{{ item }}" },
    },
    switch: {
      type: "switch",
      needs: [{ task: "transform" }],
      with: { cases: { yes: "{{ true }}" }, default: "no" },
    },
    noop: { type: "noop", needs: [{ task: "switch", on: "yes" }] },
  },
};

const TEXT = `flow: ways-text
tasks:
  transform: { type: transform, with: { value: "{{ [1, 2, 3] }}" } }
  log:
    type: log
    needs: [transform]
    for_each: { items: "{{ tasks.transform.output }}" }
    with: { message: "{{ item }}" }
  switch:
    type: switch
    needs: [transform]
    with: { cases: { yes: "{{ true }}" }, default: "no" }
  noop: { type: noop, needs: [{ task: switch, on: yes }] }
`;

/** What was saved, without what only says where boxes stand, edges in their long form. */
async function saved(page: Page, flow: string): Promise<unknown> {
  const response = await page.request.get(`/api/v1/flows/${flow}`);
  expect(response.status(), await response.text()).toBe(200);
  const { document } = (await response.json()) as { document: { tasks: Record<string, Record<string, unknown>> } };
  const tasks = Object.fromEntries(
    Object.entries(document.tasks).map(([id, { type, needs, with: given, for_each: each }]) => {
      const long = (needs as (string | object)[] | undefined)?.map((need) => (typeof need === "string" ? { task: need } : need));
      const short = (long ?? []).map((need) => {
        const { on, ...rest } = need as { on?: string | string[] };
        const words = on === undefined ? [] : [on].flat();
        return words.length === 0 || words.join() === "succeeded" ? rest : { ...rest, on: words.join() };
      });
      const task: Record<string, unknown> = { type };
      if (short.length > 0) task["needs"] = short;
      if (each) task["for_each"] = { items: (each as { items: unknown }).items };
      if (given && Object.keys(given).length > 0) task["with"] = given;
      return [id, task];
    }),
  );
  return { tasks };
}

/** Nothing is left of what a new flow begins with but its head. */
async function named(edit: Edit, flow: string): Promise<void> {
  await edit.inspector.getByRole("textbox", { name: /^Id/ }).fill(flow);
  await edit.page.keyboard.press("Tab");
}

/** Fills in a field of the task that is open. */
async function fill(edit: Edit, id: string, text: string): Promise<void> {
  const field = edit.page.locator(`[id="${id}"]`);
  await field.fill(text);
  await edit.page.keyboard.press("Escape");
  await edit.stage.focus();
}

test.describe("a flow from nothing @live", () => {
  test.use({ viewport: { width: 1440, height: 900 } });

  test("with the mouse", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const free = await edit.free();
    const menu = async (entry: string, at: [number, number]): Promise<void> => {
      await page.mouse.click(...at, { button: "right" });
      await page.getByRole("menuitem", { name: entry }).click();
    };
    await menu("Select all", free);
    await edit.inspector.getByRole("button", { name: "Delete", exact: true }).click();
    await expect(page.getByText("Drag a task here")).toBeVisible();
    await named(edit, "ways-mouse");

    const stage = (await edit.stage.boundingBox())!;
    const at = (x: number, y: number): [number, number] => [stage.x + x, stage.y + y];
    await edit.drag(edit.palette.getByRole("button", { name: "Transform" }), at(160, 240));
    await page.mouse.up();
    await fill(edit, "f-tasks-transform-with-value", "{{ [1, 2, 3] }}");
    await edit.drag(edit.port("transform", "succeeded"), at(420, 160));
    await page.mouse.up();
    await page.getByRole("option", { name: /^Log/ }).click();
    await fill(edit, "f-tasks-log-with-message", "{{ item }}");
    await edit.inspector.getByText("How it is run").click();
    await page.locator('.ed-group:has([id="f-tasks-log-for_each-items"]) > summary').click();
    await fill(edit, "f-tasks-log-for_each-items", "{{ tasks.transform.output }}");
    await edit.drag(edit.palette.getByRole("button", { name: "Switch" }), at(420, 360));
    await page.mouse.up();
    await edit.drag(edit.port("transform", "succeeded"), await edit.middle(edit.card("switch")));
    await page.mouse.up();
    await edit.drag(edit.palette.getByRole("button", { name: "No operation" }), at(700, 360));
    await page.mouse.up();
    await edit.drag(edit.card("switch").locator(".port[data-kind=case]").first(), await edit.middle(edit.card("noop")));
    await page.mouse.up();
    await edit.publish();
    await expect(edit.status).toContainText("Published as version 1");
    expect(await saved(page, "ways-mouse")).toEqual(WANTED);
  });

  test("with the keyboard", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    const keys = async (...all: string[]): Promise<void> => {
      for (const key of all) await page.keyboard.press(key);
    };
    const choose = async (key: string, text: string): Promise<void> => {
      await edit.stage.focus();
      await keys(key);
      await edit.chooser.waitFor();
      await page.keyboard.type(text);
      await keys("Enter");
    };
    /** Goes by Tab to a field that is there. */
    const tab = async (id: string, text: string): Promise<void> => {
      await keys("Enter");
      for (let n = 0; n < 200; n += 1) {
        if ((await page.evaluate(() => document.activeElement?.id)) === id) break;
        const closed = await page.evaluate(() => {
          const active = document.activeElement;
          return active?.tagName === "SUMMARY" && !(active.parentElement as HTMLDetailsElement).open;
        });
        if (closed) await keys("Space");
        await keys("Tab");
      }
      await expect(page.locator(`[id="${id}"]`)).toBeFocused();
      await keys("Control+a");
      await page.keyboard.type(text);
      await keys("Escape");
      await edit.stage.focus();
    };
    await edit.stage.focus();
    await keys("Control+a", "Delete");
    await expect(page.getByText("Drag a task here")).toBeVisible();
    await named(edit, "ways-keys");
    await choose("a", "transform");
    await tab("f-tasks-transform-with-value", "{{ [1, 2, 3] }}");
    await choose("a", "log");
    await tab("f-tasks-log-with-message", "{{ item }}");
    await tab("f-tasks-log-for_each-items", "{{ tasks.transform.output }}");
    await keys("ArrowLeft");
    await expect(edit.status).toHaveText("transform selected");
    await choose("a", "switch");
    await choose("a", "noop");
    await edit.stage.focus();
    await keys("Control+s");
    await expect(page.getByRole("dialog", { name: "Publish" }).getByRole("textbox", { name: /^What has changed/ })).toBeFocused();
    await keys("Enter");
    await expect(edit.status).toContainText("Published as version 1");
    expect(await saved(page, "ways-keys")).toEqual(WANTED);
  });

  test("with text", async ({ page, alive }) => {
    const edit = new Edit(page);
    await edit.openEditor();
    await alive();
    await edit.stage.focus();
    await page.keyboard.press("Control+Shift+e");
    await edit.document.fill(TEXT);
    await expect(edit.card("noop")).toBeVisible();
    await page.keyboard.press("Control+s");
    await expect(page.getByRole("dialog", { name: "Publish" }).getByRole("textbox", { name: /^What has changed/ })).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(edit.status).toContainText("Published as version 1");
    expect(await saved(page, "ways-text")).toEqual(WANTED);
  });
});

test("a long session by keys leads back to its beginning and forth again @live", async ({ page, alive }) => {
  test.setTimeout(180_000);
  const edit = new Edit(page);
  await edit.openEditor("order-checks");
  await alive();
  const first = await edit.text();
  await edit.stage.focus();
  // Drawn from a seed: the same every time.
  let seed = 20_261_122;
  const next = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor(seed / 65_536) % n;
  };
  const KEYS = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "Alt+ArrowDown", "Alt+Shift+ArrowRight", "Control+d", "Control+g", "Shift+g", "Delete", "Control+Delete", "Shift+s", "Shift+Alt+T", "Control+Shift+g"];
  for (let n = 0; n < 50; n += 1) {
    await page.keyboard.press(KEYS[next(KEYS.length)]!);
    await edit.stage.focus();
  }
  const last = await edit.document.inputValue();
  expect(last).not.toBe(first);
  await expect(async () => {
    await page.keyboard.press("Control+z");
    expect(await edit.status.innerText()).toBe("Nothing to be undone.");
  }).toPass({ intervals: [20] });
  expect(await edit.document.inputValue()).toBe(first);
  await expect(async () => {
    await page.keyboard.press("Control+Shift+z");
    expect(await edit.status.innerText()).toBe("Nothing to be done again.");
  }).toPass({ intervals: [20] });
  expect(await edit.document.inputValue()).toBe(last);
});
