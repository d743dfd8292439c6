import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { memberView } from "../../../test/support/member-view.ts";
import { systemClock } from "../../lib/clock.ts";
import { createLogger } from "../../lib/log.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import { keepInTouch, type KeepInTouchDeps } from "./keep-in-touch.ts";

const ADDRESS = "10.0.0.2:7946";
const CLIENT: KeepInTouchDeps["client"] = {
  members: () => [memberView("me")],
  subscribe: () => {},
  join: async () => 1,
  metrics: async () => ({}),
};

/** The node `me`, which knows of another one by its address, and looks again at once. */
function nodeBeside(t: TestContext, deps: Partial<KeepInTouchDeps> = {}) {
  const seen = { looks: 0, waited: 0, written: "", writtenAtFirst: "", log: "" };
  const running = keepInTouch(
    {
      client: CLIENT,
      gossip: { isCurrent: true, fetch: async () => false, tidy: async () => {} },
      ca: { fetch: async () => false },
      file: { read: async () => [ADDRESS], write: async (all) => void (seen.written = all.join(" ")) },
      metrics: { membership: () => {} },
      removal: { told: async () => {}, known: false },
      asked: [],
      addresses: () => [],
      nodeName: "me",
      logger: createLogger({ write: (line) => void (seen.log += line) }),
      clock: {
        ...systemClock,
        sleep: async (ms, signal) => {
          seen.waited = ms;
          if (seen.looks === 0) seen.writtenAtFirst = seen.written;
          seen.looks += 1;
          await systemClock.sleep(1, signal);
        },
      },
      ...deps,
    },
    t.signal,
  );
  return { seen, running };
}

test("counts that cannot be had are told of, and the node goes on looking for the others", async (t) => {
  const metrics = () => Promise.reject(new Error("the worker is busy"));
  const { seen, running } = nodeBeside(t, { client: { ...CLIENT, metrics } });
  await Promise.race([running, eventually(() => seen.looks > 2, { what: "further looks" })]);
  assert.match(seen.log, /the worker is busy/);
});

test("who has found the others by gossip remembers them, also where none of them tells its keys", async (t) => {
  const found = [memberView("me")];
  const join = async (): Promise<number> => found.push(memberView("10.0.0.2"));
  const fetch = async (): Promise<never> => {
    throw new Error("the clocks are 400 seconds apart");
  };
  const { seen } = nodeBeside(t, { client: { ...CLIENT, members: () => found, join }, ca: { fetch } });
  await eventually(() => seen.looks > 0, { what: "the end of the first look" });
  assert.equal(seen.writtenAtFirst, ADDRESS);
  assert.match(seen.log, /Found the other members, .*the clocks are 400 seconds apart/);
  assert.doesNotMatch(seen.log, /Cannot find/);
});

test("who finds nobody says so once, and tries again", async (t) => {
  const refused = async (): Promise<never> => {
    throw new Error("connect ECONNREFUSED");
  };
  const { seen } = nodeBeside(t, { client: { ...CLIENT, join: refused }, ca: { fetch: refused } });
  await eventually(() => seen.looks > 2, { what: "further looks" });
  assert.match(seen.log, /^[^\n]*Cannot find the other members; trying again.*connect ECONNREFUSED[^\n]*\n$/);
  assert.equal(seen.waited, 5_000);
  assert.equal(seen.written, "");
});

test("who was removed asks rarely", async (t) => {
  const refused = async (): Promise<never> => {
    throw new RefusedError("NodeDenied", "the node me was removed from the cluster", { byOther: true });
  };
  const removal = { known: false, told: async () => void (removal.known = true) };
  const { seen } = nodeBeside(t, { removal, ca: { fetch: refused } });
  await eventually(() => seen.looks > 0, { what: "the end of the first look" });
  assert.equal(seen.waited, 60_000);
});
