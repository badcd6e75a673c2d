//! Formats a plan's stages for Mermaid, which many Markdown viewers render.

use std::fmt::Write;

use petgraph::visit::EdgeRef;

use crate::plan::render::View;
use crate::plan::resolved_plan::Plan;

/// A flowchart: cached stages are dashed.
pub fn mermaid(plan: &Plan, view: &View) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut cached = Vec::new();
    for node in plan.order() {
        let stage = &plan.graph[node];
        let _ = writeln!(out, "    n{}[\"{}\"]", node.index(), stage.key().replace('"', "&quot;"));
        if view.stage(stage).is_some_and(|stage| stage.cached) {
            cached.push(format!("n{}", node.index()));
        }
    }
    for edge in plan.graph.edge_references() {
        let (from, to) = (edge.source().index(), edge.target().index());
        let _ = writeln!(out, "    n{from} -- {} --> n{to}", edge.weight().name());
    }
    if !cached.is_empty() {
        let _ = writeln!(out, "    classDef cached stroke-dasharray: 5 5");
        let _ = writeln!(out, "    class {} cached", cached.join(","));
    }
    out
}
