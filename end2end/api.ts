// What the tests ask the API for, beside what they see on pages.

import { type APIRequestContext, expect } from "@playwright/test";

export interface Task {
  path: string;
  name: string;
  state: string;
  attempt: number;
}

export interface Run {
  id: string;
  state: string;
  last_seq: number;
  inputs: Record<string, unknown>;
  outputs?: unknown;
  tasks: Task[];
}

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

  /** Ends a run that nobody needs any more, so that it does not take the processor from others. */
  async cancel(id: string): Promise<void> {
    await this.request.post(`/api/v1/runs/${id}/cancel`, { data: { force: true } });
  }
}
