import { clusterSuite } from "./cluster-suite.ts";

clusterSuite({ hosts: 5, user: "root" });
