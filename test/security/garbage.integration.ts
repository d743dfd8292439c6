import { garbageTest } from "./garbage.ts";

// The minute of it is in garbage.long.ts.
garbageTest(5);
