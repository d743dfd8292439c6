import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { joinedMember, member } from "../../../test/support/cluster-port-member.ts";
import { freePorts } from "../../../test/support/free-ports.ts";
import { systemClock } from "../../lib/clock.ts";
import { removalToldBy } from "./removal-at-join.ts";

test("a node that was stopped when it was removed is told by the members through which it joins", async (t) => {
  const one = await member(t);
  const two = await joinedMember(t, one);
  const [nobody = 0] = await freePorts(1);
  const addresses = [nobody, one.port].map((port) => ({ host: "127.0.0.1", port }));
  const deps = { clock: systemClock, signal: t.signal };
  assert.equal(await removalToldBy(addresses, two.directory, deps), undefined);
  await one.denied.deny("two");
  assert.match(
    (await removalToldBy(addresses, two.directory, deps)) ?? "",
    /the node two was removed from the cluster/,
  );
  assert.equal(await removalToldBy(addresses.slice(0, 1), two.directory, deps), undefined);
});

test("a node without a certificate of the cluster asks nobody", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "removal-at-join-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const asked = [{ host: "127.0.0.1", port: 1 }];
  assert.equal(await removalToldBy(asked, directory, { clock: systemClock, signal: t.signal }), undefined);
});
