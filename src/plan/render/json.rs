//! Formats a plan as JSON.

use serde_json::{Value, json};

use crate::plan::render::View;
use crate::plan::resolved_plan::Plan;
use crate::plan::trial::Trial;

/// The choices of a sweep by setting path.
fn choices(trial: &Trial) -> serde_json::Map<String, Value> {
    trial.choices.iter().map(|choice| (choice.address.clone(), choice.value.clone())).collect()
}

/// Returns the resolved pipeline, the trials, the stages with their dependencies, and the network.
pub fn json(plan: &Plan, view: &View) -> Value {
    let stages = plan.order().into_iter().map(|node| {
        let stage = &plan.graph[node];
        let seen = view.stage(stage);
        let needs: Vec<&str> = plan.upstream(node).into_iter().map(|node| plan.graph[node].key()).collect();
        json!({
            "key": stage.key(),
            "kind": stage.kind().name(),
            "table": stage.work.table(),
            "trial": stage.trial,
            "needs": needs,
            "fingerprint": seen.and_then(|seen| seen.fingerprint.as_ref()),
            "cached": seen.map(|seen| seen.cached),
            "why": seen.map(|seen| &seen.reason),
        })
    });
    let trials = plan
        .trials
        .iter()
        .map(|trial| json!({ "number": trial.number, "seed": trial.seed, "choices": choices(trial) }));
    let network = view.parts.as_ref().map(|parts| {
        let part = |part: &crate::plan::render::PartView| {
            let mut view = json!({
                "part": part.part,
                "kind": part.kind,
                "shape": part.shape,
                "parameters": part.parameters,
            });
            if let Some(rate) = &part.rate {
                view["rate"] = json!(rate);
            }
            view
        };
        parts.iter().map(part).collect::<Vec<Value>>()
    });
    let mut view_json = json!({
        "name": plan.name(),
        "pipeline": plan.pipeline,
        "trials": trials.collect::<Vec<Value>>(),
        "stages": stages.collect::<Vec<Value>>(),
        "network": network,
        "memory": view.memory,
    });
    if !view.features.is_empty() {
        view_json["features"] = json!(view.features);
    }
    view_json
}
