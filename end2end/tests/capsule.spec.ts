import { readFile } from "node:fs/promises";
import { Run } from "../pages/run.ts";
import { expect, live, test } from "../test.ts";
import { Server } from "../server.ts";

test("a run is downloaded as a file and opened where nobody knows it", { tag: "@live" }, async ({ page, api }) => {
  const { id } = await api.shown("order-checks", { pace: 0 });
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  const downloading = page.waitForEvent("download");
  await run.main.getByRole("link", { name: "Download", exact: true }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe(`${id}.json`);
  const text = await readFile(await download.path(), "utf8");

  const elsewhere = await Server.start();
  try {
    await page.goto(`${elsewhere.url}/runs/open`);
    await live(page);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    // Dropped, as from a folder.
    const transfer = await page.evaluateHandle((text) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], "run.json", { type: "application/json" }));
      return transfer;
    }, text);
    await page.locator(".open-page").dispatchEvent("drop", { dataTransfer: transfer });
    await expect(run.state).toHaveText("succeeded");
    await run.card("Check credit", "succeeded").click();
    await expect(run.part("Output")).toContainText("score: 712");
    await expect(run.lines.last()).toHaveText('{"score": 712}');
    await run.views.getByRole("link", { name: "Timeline" }).click();
    await expect(run.bar("Check credit", "succeeded").locator("[data-kind=running]")).toHaveCount(3);
    await run.moment.focus();
    await page.keyboard.press("Home");
    await expect(run.bar("Check credit", "blocked")).toBeVisible();
    // Nothing can be done to it, and nobody is asked.
    await expect(run.main.getByRole("link", { name: "Run again…" })).toHaveCount(0);
    expect(asked.filter((url) => /\/(api|fn)\//.test(url))).toEqual([]);
  } finally {
    await elsewhere.stop();
  }
});

test("what is no run is refused in words", { tag: "@live" }, async ({ page, accessible }) => {
  const run = new Run(page);
  await run.open("/runs/open");
  await live(page);
  await accessible();
  await page.locator("input[type=file]").setInputFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from("[1]") });
  await expect(run.main.getByRole("alert")).toContainText("This is no file of a run");
});
