import type { Locator, Response } from "@playwright/test";
import { Frame } from "./frame.ts";

/** A run: its state, its tasks as a graph or a list, and the inspector beside them. */
export class Run extends Frame {
  /** The first such word on the page is the run's own state. */
  readonly state = this.main.getByText(/^(queued|running|paused|ending|succeeded|failed|cancelled)$/).first();
  readonly elapsed = this.main.getByText(/^\d+ s$/).first();
  readonly graph = this.main.getByRole("group", { name: /^Graph of the run's tasks/ });
  readonly views = this.main.getByRole("navigation", { name: "View" });
  readonly tasks = this.main.getByRole("table", { name: "Tasks of the run" });
  readonly outline = this.main.getByRole("tree", { name: "Tasks of the run in their order" });
  readonly timeline = this.main.getByRole("list", { name: "Task runs over time" });
  readonly find = this.main.getByRole("searchbox", { name: "Find task runs" });
  readonly states = this.main.locator(".chooser").getByRole("navigation", { name: "By state" });
  readonly scrubber = this.main.getByRole("form", { name: "Travel in time" });
  readonly moment = this.scrubber.getByRole("slider", { name: "Moment of the run" });
  readonly inspector = this.main.getByRole("complementary", { name: "Inspector" });
  readonly close = this.inspector.getByRole("link", { name: "Close" });
  readonly log = this.inspector.getByRole("log", { name: "Log" });
  readonly lines = this.log.getByRole("listitem");
  /** How much there is of the log. */
  readonly extent = this.inspector.locator(".log-panel > header > .grow");
  /** Without scripts. */
  readonly earlier = this.inspector.getByRole("link", { name: "Earlier lines" });
  readonly findInLog = this.inspector.getByRole("searchbox", { name: "Find in the log" });
  readonly hits = this.inspector.getByRole("search").getByRole("status");
  readonly nextHit = this.inspector.getByRole("link", { name: "Next line that fits" });
  readonly lastHit = this.inspector.getByRole("link", { name: "Line before that fits" });
  /** Only in a log with groups of lines. */
  readonly foldAll = this.inspector.getByRole("button", { name: "Close all groups" });
  readonly unfoldAll = this.inspector.getByRole("button", { name: "Open all groups" });
  readonly download = this.inspector.getByRole("link", { name: "Download the log" });
  readonly allAttempts = this.inspector.getByRole("link", { name: "All attempts" });
  /** The log of all tasks. */
  readonly all = this.main.getByRole("log", { name: "Log of all tasks" });
  readonly allLines = this.all.getByRole("listitem");
  readonly filter = this.main.getByRole("searchbox", { name: "Only lines that say" });
  readonly streams = this.main.locator(".run-log").getByRole("combobox", { name: "Which lines" });
  readonly fitting = this.main.locator(".run-log").getByRole("status");
  readonly unseen = this.main.locator(".run-log").getByRole("button", { name: /new lines?$/ });
  readonly cancel = this.main.getByText(/^Cancel…$/);
  readonly pause = this.main.getByRole("button", { name: "Pause" });
  readonly resume = this.main.getByRole("button", { name: "Resume" });
  readonly heading = this.inspector.getByRole("heading", { level: 2 });
  readonly approve = this.inspector.getByRole("button", { name: "Approve" });
  readonly reject = this.inspector.getByRole("button", { name: "Reject" });
  readonly signal = this.inspector.getByRole("button", { name: "Send the signal" });
  /** Leads to what would run again. */
  readonly again = this.inspector.getByRole("link", { name: "Run again from here…" });
  readonly mark = this.inspector.getByRole("link", { name: "Mark as succeeded…" });
  readonly output = this.inspector.getByLabel(/^Its output/);
  readonly preview = this.inspector.getByRole("button", { name: "Show what would run" });
  readonly start = this.inspector.getByRole("button", { name: /^Run \d+ tasks?$/ });
  readonly confirm = this.main.getByRole("button", { name: "Cancel the run" });

  /** The tasks that read the open task's output. */
  readonly readers = this.inspector.locator(".readers");

  async openRun(id: string, query = ""): Promise<Response | null> {
    return this.open(`/runs/${id}${query}`);
  }

  /** A task's card. With a state: the card if the task is in that state. */
  card(name: string, state?: string): Locator {
    const start = `${name}: ${state ?? ""}`.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return this.graph.getByRole("link", { name: new RegExp(`^${start}${state ? "(,|$)" : ""}`) });
  }

  /** A task run's row of the timeline. With a state: the row if the task run is in that state. */
  bar(name: string, state = ""): Locator {
    const start = `${name}: ${state}`.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return this.timeline.getByRole("link", { name: new RegExp(`^${start}`) });
  }

  /** The tab of an attempt; without scripts it is a link. */
  attempt(n: number): Locator {
    const name = new RegExp(`^Attempt ${n}:`);
    return this.inspector.getByRole("tab", { name }).or(this.inspector.getByRole("link", { name }));
  }

  /** What is told of the attempt in sight. */
  told(n: number): Locator {
    return this.inspector.getByRole("tabpanel", { name: `Attempt ${n}` });
  }

  /** A task's row of the outline. */
  item(name: string): Locator {
    const start = `${name}:`.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return this.outline.getByRole("treeitem", { name: new RegExp(`^${start}`) });
  }

  /** A task's row in the list. */
  row(name: string): Locator {
    return this.tasks.getByRole("row").filter({ has: this.page.getByRole("link", { name, exact: true }) });
  }

  /** A heading of the inspector with what stands below it. */
  part(title: string): Locator {
    return this.inspector.getByRole("heading", { name: new RegExp(`^${title}\\b`) }).locator("..");
  }

  /** The tree of a value. */
  value(title: string): Locator {
    return this.part(title).locator(".tree-box");
  }
}
