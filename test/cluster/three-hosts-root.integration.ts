import { clusterSuite } from "./cluster-suite.ts";

clusterSuite({ hosts: 3, user: "root" });
