import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "./metrics.ts";

test("numbers are written as Prometheus reads them", () => {
  const metrics = new Metrics();
  const counter = metrics.counter("requests_total", "Requests.");
  counter.add({ path: 'a"\\\n' });
  counter.add({ path: 'a"\\\n' }, 2);
  metrics.gauge("temperature", "Now.").set(-1.5);
  metrics.reading("size", "Read when asked.", () => 7);
  const times = metrics.histogram("seconds", "Time.", [0.1, 1]);
  for (const value of [0.05, 0.5, 5]) times.observe(value, { verb: "GET" });
  assert.equal(
    metrics.text(),
    `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{path="a\\"\\\\\\n"} 3
# HELP temperature Now.
# TYPE temperature gauge
temperature -1.5
# HELP size Read when asked.
# TYPE size gauge
size 7
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{verb="GET",le="0.1"} 1
seconds_bucket{verb="GET",le="1"} 2
seconds_bucket{verb="GET",le="+Inf"} 3
seconds_sum{verb="GET"} 5.55
seconds_count{verb="GET"} 3
`,
  );
  assert.throws(() => metrics.counter("size", "Again."), /Cannot add the metric size: it exists/);
});
