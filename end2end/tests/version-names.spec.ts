import { Edit } from "../pages/edit.ts";
import { expect, test } from "../test.ts";

const FLOW = "flow: named\ntasks:\n  a: { type: noop }\n";

test("versions are named in their history, with scripts and without", async ({ page, api, alive, accessible, forgiven }) => {
  forgiven.push(/422/);
  await api.save(FLOW);
  await api.save(FLOW.replace("a:", "b:"));
  await page.goto("/flows/named/versions");
  await alive();
  const version = (number: number) => page.getByRole("listitem").filter({ hasText: `Version ${number}` });
  const name = async (number: number, verb: string, name: string): Promise<void> => {
    await version(number).getByText(verb, { exact: true }).click();
    await page.getByRole("textbox", { name: `Name of version ${number}` }).fill(name);
    await version(number).getByRole("button", { name: "Save the name" }).click();
  };
  await name(1, "Name", "before the move");
  await expect(version(1).locator(".history-name")).toHaveText("before the move");
  await accessible();
  await name(2, "Name", "before the move");
  await expect(page.getByRole("alert")).toContainText("version 1 is called “before the move” already; give this one another name");
  await page.goto("/flows/named/versions");
  await alive();
  await name(1, "Rename", "");
  await expect(version(1).locator(".history-name")).toBeHidden();
});

test("a version is named when it is published @live", async ({ page, api, alive, accessible, forgiven }) => {
  forgiven.push(/422/);
  await api.save(FLOW.replace("flow: named", "flow: published-names"));
  const edit = new Edit(page);
  await edit.openEditor("published-names");
  await alive();
  await edit.retitle("a", "First");
  await edit.publish("", "spring");
  await expect(edit.status).toHaveText("Published as version 2.");
  await edit.retitle("First", "Second");
  await edit.publishButton.click();
  const dialog = page.getByRole("dialog", { name: "Publish" });
  await dialog.getByRole("textbox", { name: /^Name of this version/ }).fill("spring");
  await accessible();
  await dialog.getByRole("button", { name: "Publish version 3" }).click();
  await expect(dialog.getByRole("alert")).toContainText("Version 2 is called “spring” already");
  await dialog.getByRole("textbox", { name: /^Name of this version/ }).fill("summer");
  await dialog.getByRole("button", { name: "Publish version 3" }).click();
  await expect(edit.status).toHaveText("Published as version 3.");
  await page.goto("/flows/published-names/versions");
  await expect(page.locator(".history-name")).toHaveText(["summer", "spring"]);
});
