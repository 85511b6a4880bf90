// The machine's own Chromium: nothing is downloaded for the tests.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The names under which distributions have it; scripts/setup-tests.sh looks for the same. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Nothing but the test talks to anyone, and the browser may run as root in a container. */
export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The path of Chromium: `CHROMIUM` of the environment, or the first of the names on the PATH. */
export function chromium(): string {
  const given = process.env["CHROMIUM"];
  if (given) return given;
  for (const name of NAMES) {
    for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here: the next folder.
      }
    }
  }
  throw new Error(`no Chromium on the PATH (looked for ${NAMES.join(", ")}): run scripts/setup-tests.sh`);
}
