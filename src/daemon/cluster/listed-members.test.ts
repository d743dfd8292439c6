import assert from "node:assert/strict";
import { test } from "node:test";
import { memberView } from "../../../test/support/member-view.ts";
import { listedMembers } from "./listed-members.ts";

test("a member that the gossip has forgotten is listed as dead, and one that it knows as it says", () => {
  const seen = [memberView("n1"), memberView("n2", "suspect"), memberView("n4", "left")];
  const registered = [
    { name: "n2", address: "10.0.0.2:7946", joined: 1 },
    { name: "n3", address: "[fd00::3]:7946", joined: 1 },
  ];
  assert.deepEqual(
    listedMembers(seen, registered).map(({ name, host, port, state }) => `${name} ${host} ${port} ${state}`),
    ["n1 n1 7946 alive", "n2 n2 7946 suspect", "n4 n4 7946 left", "n3 fd00::3 7946 dead"],
  );
});
