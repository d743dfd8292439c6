import type { Stored } from "../api/stored.ts";
import type { ClusterSnapshot, NodeInfo } from "./cluster-snapshot.ts";
import { FILTERS, podRefusal } from "./filters.ts";
import { SCORES } from "./scores.ts";

export type Choice = { readonly node: NodeInfo } | { readonly refusal: string };

/** The best node for a pod, or a sentence that says why there is none, worded as upstream's. Pure. */
export function chooseNode(pod: Stored<"Pod">, snapshot: ClusterSnapshot): Choice {
  const { nodes } = snapshot;
  if (nodes.length === 0) return { refusal: "no nodes available to schedule pods" };
  const head = `0/${nodes.length} nodes are available:`;
  const everywhere = podRefusal(pod, snapshot);
  if (everywhere !== undefined) return { refusal: `${head} ${everywhere}.` };
  const checks = FILTERS.flatMap(({ prepare }) => prepare(pod, snapshot) ?? []);
  const counts = new Map<string, number>();
  const fitting = nodes.filter((node) => {
    for (const check of checks) {
      const refusal = check(node);
      if (refusal === undefined) continue;
      const reasons: readonly string[] = typeof refusal === "string" ? [refusal] : refusal;
      for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
      return false;
    }
    return true;
  });
  const [first] = fitting;
  if (first) return { node: fitting.length === 1 ? first : best(pod, { fitting, snapshot }) };
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return { refusal: `${head} ${reasons.join(", ")}.` };
}

function best(
  pod: Stored<"Pod">,
  { fitting, snapshot }: { readonly fitting: readonly NodeInfo[]; readonly snapshot: ClusterSnapshot },
): NodeInfo {
  const totals = fitting.map(() => 0);
  for (const { weight, lower = false, absolute = false, prepare } of SCORES) {
    const score = prepare(pod, snapshot);
    if (!score) continue;
    const points = fitting.map(score);
    const least = Math.min(...points);
    const most = Math.max(...points);
    for (const [position, raw] of points.entries()) {
      const stretched = most === least ? 0 : (100 * (raw - least)) / (most - least);
      const value = absolute ? raw : lower ? 100 - stretched : stretched;
      totals[position] = (totals[position] ?? 0) + weight * value;
    }
  }
  // Of equals the one with fewer pods, then the first by name: the same for whoever decides.
  const order = fitting.map((node, position) => ({ node, total: totals[position] ?? 0 }));
  order.sort(
    (a, b) => b.total - a.total || a.node.pods.length - b.node.pods.length || (a.node.name < b.node.name ? -1 : 1),
  );
  const [winner] = order;
  if (!winner) throw new Error("Cannot choose a node: none was given");
  return winner.node;
}
