import { rotationSuite } from "./rotation-suite.ts";

rotationSuite({ user: "root" });
