import { garbageTest } from "./garbage.ts";

garbageTest(60);
