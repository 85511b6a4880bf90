import { defineConfig } from "@playwright/test";
import { chromium, FLAGS } from "./browser.ts";

// What `scripts/bench.sh pages` measures: one thing after the other, nothing beside it.
export default defineConfig({
  testDir: "bench",
  testMatch: "*.bench.ts",
  outputDir: "results/bench",
  reporter: [["line"]],
  workers: 1,
  retries: 0,
  timeout: 300_000,
  expect: { timeout: 60_000 },
  use: { launchOptions: { executablePath: chromium(), args: FLAGS }, viewport: { width: 1440, height: 900 }, timezoneId: "UTC" },
});
