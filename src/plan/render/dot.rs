//! Formats a plan's stages for Graphviz.

use std::fmt::Write;

use petgraph::visit::EdgeRef;

use crate::plan::render::View;
use crate::plan::resolved_plan::Plan;

/// The output of `mtl plan FILE --format dot | dot -Tsvg`; cached stages are dashed.
pub fn dot(plan: &Plan, view: &View) -> String {
    let mut out =
        String::from("digraph plan {\n    rankdir=LR;\n    node [shape=box, fontname=\"sans-serif\"];\n");
    for node in plan.order() {
        let stage = &plan.graph[node];
        let cached = view.stage(stage).is_some_and(|stage| stage.cached);
        let style = if cached { ", style=dashed" } else { "" };
        let _ = writeln!(out, "    n{} [label=\"{}\"{style}];", node.index(), escape(stage.key()));
    }
    for edge in plan.graph.edge_references() {
        let (from, to) = (edge.source().index(), edge.target().index());
        let _ = writeln!(out, "    n{from} -> n{to} [label=\"{}\"];", edge.weight().name());
    }
    out.push_str("}\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
