import { defineConfig } from "@playwright/test";
import { chromium, FLAGS } from "./browser.ts";

// Every test runs in two projects, unless a tag says otherwise:
//   scripts-on   as people use it
//   scripts-off  the page as the server wrote it; a test with the tag @live is left out
export default defineConfig({
  testDir: "tests",
  outputDir: "results/traces",
  reporter: [["list"], ["html", { outputFolder: "results/report", open: "never" }]],
  fullyParallel: true,
  // One test that passes at the second try hides a fault: none is tried again.
  retries: 0,
  workers: 2,
  timeout: 60_000,
  // Runs take seconds, and the machine may be busy with more than this; a condition that holds is seen at once anyway.
  expect: { timeout: 15_000 },
  forbidOnly: process.env["CI"] !== undefined,
  use: {
    launchOptions: { executablePath: chromium(), args: FLAGS },
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "UTC",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
  },
  projects: [
    { name: "scripts-on", grepInvert: /@no-scripts/, use: { javaScriptEnabled: true } },
    { name: "scripts-off", grepInvert: /@live/, use: { javaScriptEnabled: false } },
  ],
});
