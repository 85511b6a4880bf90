// What the tests ask the API for, beside what they see on pages.

import { type APIRequestContext, expect } from "@playwright/test";

export interface Task {
  path: string;
  name: string;
  state: string;
  attempt: number;
  started_at: string;
  finished_at: string;
}

export interface Run {
  id: string;
  state: string;
  last_seq: number;
  inputs: Record<string, unknown>;
  outputs?: unknown;
  tasks: Task[];
}

/** Finished runs that tests only look at, by what they were started with. One worker has one server. */
const shown = new Map<string, Promise<Run>>();

export class Api {
  constructor(private readonly request: APIRequestContext) {}

  /** Starts a run and answers its id. */
  async start(flow: string, inputs: Record<string, unknown> = {}): Promise<string> {
    const response = await this.request.post(`/api/v1/flows/${flow}/runs`, { data: { inputs } });
    expect(response.status(), await response.text()).toBe(202);
    return ((await response.json()) as { run_id: string }).run_id;
  }

  /** Starts a run and waits for its end. */
  async finished(flow: string, inputs: Record<string, unknown> = {}): Promise<Run> {
    const response = await this.request.post(`/api/v1/flows/${flow}/runs?wait=45s`, { data: { inputs }, timeout: 50_000 });
    expect(response.status(), await response.text()).toBe(200);
    return (await response.json()) as Run;
  }

  /** A finished run for tests that only look: the same for all of this worker. */
  async shown(flow: string, inputs: Record<string, unknown> = {}): Promise<Run> {
    const key = JSON.stringify([flow, inputs]);
    const run = shown.get(key) ?? this.finished(flow, inputs);
    shown.set(key, run);
    return run;
  }

  async run(id: string): Promise<Run> {
    const response = await this.request.get(`/api/v1/runs/${id}`);
    expect(response.status(), await response.text()).toBe(200);
    return (await response.json()) as Run;
  }

  /** The numbers of all events of a run. */
  async seqs(id: string): Promise<number[]> {
    const response = await this.request.get(`/api/v1/runs/${id}/events?limit=500`);
    expect(response.status(), await response.text()).toBe(200);
    return ((await response.json()) as { items: { seq: number }[] }).items.map(({ seq }) => seq);
  }

  /** The text of a flow's newest version. */
  async source(flow: string): Promise<string> {
    const response = await this.request.get(`/api/v1/flows/${flow}`);
    expect(response.status(), await response.text()).toBe(200);
    return ((await response.json()) as { source: string }).source;
  }

  /** Saves a flow from YAML, as a new one or as a new version. */
  async save(source: string): Promise<void> {
    const document = { data: source, headers: { "content-type": "application/yaml" } };
    let response = await this.request.post("/api/v1/flows", document);
    // Tests of one worker share a server; some of them begin with the same flow.
    const id = /^flow: *(\S+)/m.exec(source)?.[1];
    if (response.status() === 409 && id) response = await this.request.put(`/api/v1/flows/${id}`, document);
    expect(response.ok(), await response.text()).toBe(true);
  }

  /** Takes a flow out of the list. */
  async archive(flow: string): Promise<void> {
    const response = await this.request.delete(`/api/v1/flows/${flow}`);
    expect(response.ok(), await response.text()).toBe(true);
  }

  /** Gives a task the signal it waits for. */
  async signal(run: string, task: string): Promise<void> {
    const response = await this.request.post(`/api/v1/runs/${run}/tasks/${task}/signal`, { data: {} });
    expect(response.ok(), await response.text()).toBe(true);
  }

  /** A number the server gives of itself. */
  async gauge(name: string): Promise<number> {
    const text = await (await this.request.get("/metrics")).text();
    const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
    expect(value, text).toBeDefined();
    return Number(value);
  }

  /** Ends a run that nobody needs any more, so that it does not take the processor from others. */
  async cancel(id: string): Promise<void> {
    await this.request.post(`/api/v1/runs/${id}/cancel`, { data: { force: true } });
  }
}
