import type { BrowserContext, Page } from "@playwright/test";
import { Api } from "../api.ts";
import { Run } from "../pages/run.ts";
import { Proxy } from "../proxy.ts";
import { Server } from "../server.ts";
import { expect, live, test } from "../test.ts";

/** A run that always has something to say: a long row of quick steps, one after another. */
const TALKER = `
flow: talker
inputs: { n: { type: integer, default: 800 } }
tasks:
  talk:
    type: delay
    with: { for: "25ms" }
    for_each: { items: "{{ range(inputs.n) | list }}", max_parallel: 1 }
  last: { type: noop, needs: [talk] }
`;

interface Counted {
  /** The last event of the snapshot the page began with. */
  first: number;
  /** Events folded in since then. */
  applied: number;
  gaps: number;
  repeats: number;
  resets: number;
}

/** What the page took in. Before it has taken in anything it says nothing. */
async function counted(page: Page): Promise<Counted | undefined> {
  const text = (await page.locator("html").getAttribute("data-events")) ?? "";
  const numbers = /^(\d+) \+(\d+) gaps (\d+) repeats (\d+) resets (\d+)$/.exec(text)?.slice(1).map(Number);
  if (!numbers) return undefined;
  const [first = 0, applied = 0, gaps = 0, repeats = 0, resets = 0] = numbers;
  return { first, applied, gaps, repeats, resets };
}

/** The last event the page shows, if it had each before it once. */
async function seen(page: Page): Promise<number> {
  const count = await counted(page);
  return count ? count.first + count.applied : 0;
}

/** The page goes on from where it is. */
async function goesOn(page: Page): Promise<void> {
  const before = await seen(page);
  await expect.poll(() => seen(page), { timeout: 30_000 }).toBeGreaterThan(before + 5);
}

/** At the end the page has had every event of the log exactly once, and never asked for a snapshot instead. */
async function expectWhole(page: Page, api: Api, id: string, state: string): Promise<void> {
  await expect(new Run(page).state).toHaveText(state, { timeout: 90_000 });
  const { last_seq } = await api.run(id);
  await expect.poll(() => seen(page)).toBe(last_seq);
  expect(await counted(page)).toMatchObject({ gaps: 0, repeats: 0, resets: 0 });
}

const LIVE = /^(live|catching up)/;
const AWAY = /^(reconnecting|offline since)/;

/** What a browser says of a connection that is cut. */
const CUT = [/net::ERR/, /Failed to load resource/];

test("cut, delayed and refused connections leave no gap and repeat nothing", { tag: "@live" }, async ({ page, api, server, forgiven }) => {
  test.setTimeout(150_000);
  forgiven.push(...CUT);
  await api.save(TALKER);
  const proxy = await Proxy.to(server.url);
  try {
    const id = await api.start("talker");
    await page.goto(`${proxy.url}/runs/${id}`);
    await live(page);
    const { dot } = new Run(page);
    await goesOn(page);
    for (let cuts = 0; cuts < 4; cuts++) {
      proxy.cut();
      await goesOn(page);
    }
    proxy.delay = 400;
    proxy.cut();
    await goesOn(page);
    proxy.delay = 0;
    proxy.down();
    await expect(dot).toHaveText(AWAY);
    proxy.up();
    await goesOn(page);
    await expect(dot).toHaveText(LIVE);
    await expectWhole(page, api, id, "succeeded");
  } finally {
    await proxy.stop();
  }
});

test("a page lives through a server that is killed and comes back", { tag: "@live" }, async ({ page, forgiven, playwright }) => {
  test.setTimeout(150_000);
  forgiven.push(...CUT);
  const server = await Server.start();
  const request = await playwright.request.newContext({ baseURL: server.url });
  try {
    const api = new Api(request);
    await api.save(TALKER);
    const id = await api.start("talker");
    await page.goto(`${server.url}/runs/${id}`);
    await live(page);
    await goesOn(page);
    await server.kill();
    await expect(new Run(page).dot).toHaveText(AWAY);
    await server.again();
    await goesOn(page);
    await expectWhole(page, api, id, "succeeded");
  } finally {
    await request.dispose();
    await server.stop();
  }
});

test("a page that is too far behind gets the run as it is, and goes on from there", { tag: "@live" }, async ({ page, api, server, forgiven }) => {
  test.setTimeout(120_000);
  forgiven.push(...CUT);
  await api.save(`
flow: flood
tasks:
  gate: { type: signal }
  each: { type: noop, needs: [gate], for_each: { items: "{{ range(6000) | list }}" } }
  talk: { type: delay, needs: [each], with: { for: "2s" } }
`);
  const proxy = await Proxy.to(server.url);
  try {
    const id = await api.start("flood");
    await page.goto(`${proxy.url}/runs/${id}`);
    await live(page);
    const run = new Run(page);
    await expect(run.dot).toHaveText("live");
    proxy.down();
    await expect(run.dot).toHaveText(AWAY);
    await api.signal(id, "gate");
    await expect.poll(async () => (await api.run(id)).last_seq).toBeGreaterThan(5100);
    proxy.up();
    await expect(run.state).toHaveText("succeeded", { timeout: 60_000 });
    await expect.poll(async () => (await counted(page))?.resets).toBe(1);
    expect((await counted(page))?.gaps).toBe(0);
  } finally {
    await proxy.stop();
  }
});

test("a run that is opened again is live again, although nothing happens in it", { tag: "@live" }, async ({ page, api }) => {
  await api.save("flow: quiet\ntasks:\n  gate: { type: signal }\n");
  const id = await api.start("quiet");
  const run = new Run(page);
  await run.openRun(id);
  await live(page);
  await expect(run.dot).toHaveText("live");
  await run.runs.click();
  await expect(page).toHaveURL(/\/runs$/);
  await live(page);
  await page.goBack();
  await expect(run.graph).toBeVisible();
  await expect(run.dot).toHaveText("live");
  await api.signal(id, "gate");
  await expectWhole(page, api, id, "succeeded");
});

/** Tabs of one browser on the same page. */
async function tabs(context: BrowserContext, address: string, n: number): Promise<Page[]> {
  const all: Page[] = [];
  for (let tab = 0; tab < n; tab++) {
    const page = await context.newPage();
    await page.goto(address);
    await live(page);
    all.push(page);
  }
  return all;
}

// HTTP/1.1 has six connections for all tabs together.
test("seven tabs follow a run on one connection, through cuts and the end of the one that has it", { tag: "@live" }, async ({ context, api, server, forgiven }) => {
  test.setTimeout(180_000);
  forgiven.push(...CUT);
  await api.save(TALKER);
  const proxy = await Proxy.to(server.url);
  try {
    const id = await api.start("talker", { n: 9000 });
    const all = await tabs(context, `${proxy.url}/runs/${id}`, 7);
    for (const page of all) await goesOn(page);
    // What the tabs have open besides are connections that wait for nothing: of streams there is one.
    await expect.poll(() => api.gauge("pointwork_streams")).toBe(1);
    proxy.cut();
    for (const page of all) await goesOn(page);
    const [first, ...others] = all;
    await first?.close();
    for (const page of others) await goesOn(page);
    for (const page of others) await expect(new Run(page).dot).toHaveText(LIVE);
    await expect.poll(() => api.gauge("pointwork_streams")).toBe(1);
    await api.cancel(id);
    for (const page of others) await expectWhole(page, api, id, "cancelled");
  } finally {
    await proxy.stop();
  }
});

test("a tab that is hidden for half a minute lets go, and catches up when it is shown", { tag: "@live" }, async ({ page, api }) => {
  test.setTimeout(120_000);
  await api.save(TALKER);
  const id = await api.start("talker", { n: 4000 });
  await page.clock.install();
  await page.goto(`/runs/${id}`);
  await live(page);
  const { dot } = new Run(page);
  await expect(dot).toHaveText(LIVE);
  const show = (is: boolean): Promise<void> =>
    page.evaluate((is) => {
      Object.defineProperty(document, "hidden", { value: !is, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, is);
  // The page itself says when, by its own clock: that goes on while the test looks.
  await dot.evaluate((dot) => {
    const hidden = Date.now();
    new MutationObserver((_, observer) => {
      if (dot.textContent !== "asleep") return;
      dot.setAttribute("data-after", String(Date.now() - hidden));
      observer.disconnect();
    }).observe(dot, { subtree: true, childList: true, characterData: true });
  });
  await show(false);
  for (let step = 0; step < 8; step++) await page.clock.fastForward(5_000);
  await expect(dot).toHaveText("asleep");
  const after = Number(await dot.getAttribute("data-after"));
  expect(after).toBeGreaterThanOrEqual(30_000);
  expect(after).toBeLessThan(45_000);
  const left = await seen(page);
  await expect.poll(async () => (await api.run(id)).last_seq).toBeGreaterThan(left + 10);
  expect(await seen(page)).toBe(left);
  await show(true);
  await page.clock.fastForward(1_000);
  await goesOn(page);
  await expect(dot).toHaveText(LIVE);
  await api.cancel(id);
  await expectWhole(page, api, id, "cancelled");
});
