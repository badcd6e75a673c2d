//! The graph of stages: an edge leads from the stage that produces an artifact to a stage that needs it.

use std::collections::HashMap;

use petgraph::Direction;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::domain::name::TableName;
use crate::plan::resolved_plan::Plan;
use crate::plan::stage::{ArtifactKind, Stage, Work};
use crate::plan::trial::Trial;

/// Builds load -> split per table; fit over all of them; per trial train -> evaluate, export -> verify. With
/// baselines, adds one stage per task (shared by all trials with equal baseline settings), and gain after
/// these and evaluate. Where layers next to an input are frozen, adds features (shared by all trials with
/// equal layers) between fit and what trains or scores. Verify needs the tables and the scores of evaluate if
/// the export is rounded.
pub(crate) fn build<'a>(
    tables: impl Iterator<Item = &'a TableName>,
    trials: &[Trial],
) -> DiGraph<Stage, ArtifactKind> {
    let mut graph = DiGraph::new();
    let mut divided = Vec::new();
    for table in tables {
        let load = graph.add_node(Stage::shared(Work::Load(table.clone())));
        let split = graph.add_node(Stage::shared(Work::Split(table.clone())));
        graph.add_edge(load, split, ArtifactKind::Table);
        divided.push((load, split));
    }
    let fit = graph.add_node(Stage::shared(Work::Fit));
    for (load, split) in &divided {
        graph.add_edge(*load, fit, ArtifactKind::Table);
        graph.add_edge(*split, fit, ArtifactKind::Rows);
    }
    let mut baselines: HashMap<String, NodeIndex> = HashMap::new();
    let mut features: HashMap<String, NodeIndex> = HashMap::new();
    for trial in trials {
        let features = trial.features_config().map(|config| {
            *features.entry(config.to_string()).or_insert_with(|| {
                let features = graph.add_node(Stage::of_trial(Work::Features, trial.number));
                graph.add_edge(fit, features, ArtifactKind::Dataset);
                features
            })
        });
        let train = graph.add_node(Stage::of_trial(Work::Train, trial.number));
        let evaluate = graph.add_node(Stage::of_trial(Work::Evaluate, trial.number));
        let export = graph.add_node(Stage::of_trial(Work::Export, trial.number));
        let verify = graph.add_node(Stage::of_trial(Work::Verify, trial.number));
        for needs_data in [train, evaluate, export, verify] {
            graph.add_edge(fit, needs_data, ArtifactKind::Dataset);
        }
        for needs_weights in [evaluate, export, verify] {
            graph.add_edge(train, needs_weights, ArtifactKind::Weights);
        }
        for reads_features in [train, evaluate] {
            if let Some(features) = features {
                graph.add_edge(features, reads_features, ArtifactKind::Features);
            }
        }
        graph.add_edge(export, verify, ArtifactKind::Model);
        if trial.rounds_export() {
            // A rounded model is scored on raw rows, beside the trained network.
            for (load, _) in &divided {
                graph.add_edge(*load, verify, ArtifactKind::Table);
            }
            graph.add_edge(evaluate, verify, ArtifactKind::Scores);
        }
        let mut task_baselines = Vec::new();
        for task in trial.baselines() {
            let baseline = baselines.entry(trial.baseline_config(task).to_string()).or_insert_with(|| {
                let baseline = graph.add_node(Stage::of_trial(Work::Baseline(task.clone()), trial.number));
                graph.add_edge(fit, baseline, ArtifactKind::Dataset);
                if let Some(features) = features {
                    graph.add_edge(features, baseline, ArtifactKind::Features);
                }
                baseline
            });
            task_baselines.push(*baseline);
        }
        if !task_baselines.is_empty() {
            let gain = graph.add_node(Stage::of_trial(Work::Gain, trial.number));
            for scored in task_baselines.into_iter().chain([evaluate]) {
                graph.add_edge(scored, gain, ArtifactKind::Scores);
            }
        }
    }
    graph
}

impl Plan {
    /// All stages in topological order; where the order is free, in order of creation.
    pub fn order(&self) -> Vec<NodeIndex> {
        let mut order = toposort(&self.graph, None).unwrap_or_else(|_| self.graph.node_indices().collect());
        // Nodes are created after those they need, so the order of creation is topological.
        order.sort_unstable();
        order
    }

    /// All stages in an order in which they can run.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.order().into_iter().map(|node| &self.graph[node])
    }

    /// The node of a stage.
    pub fn node(&self, stage: &Stage) -> Option<NodeIndex> {
        self.graph.node_indices().find(|node| self.graph[*node] == *stage)
    }

    /// The stages that this one needs, in order of creation.
    pub fn upstream(&self, node: NodeIndex) -> Vec<NodeIndex> {
        self.neighbours(node, Direction::Incoming)
    }

    /// The stages that need this one.
    pub fn downstream(&self, node: NodeIndex) -> Vec<NodeIndex> {
        self.neighbours(node, Direction::Outgoing)
    }

    fn neighbours(&self, node: NodeIndex, direction: Direction) -> Vec<NodeIndex> {
        let mut stages: Vec<_> = self.graph.neighbors_directed(node, direction).collect();
        stages.sort_unstable();
        stages.dedup();
        stages
    }

    /// The stages with this key or kind and everything they need, in an order in which they can run
    /// (`--only STAGE`). `None` if there is no such stage.
    pub fn stages_for(&self, name: &str) -> Option<Vec<NodeIndex>> {
        let is_selected = |node: &NodeIndex| {
            let stage = &self.graph[*node];
            stage.key() == name || stage.kind().name() == name
        };
        let mut open: Vec<NodeIndex> = self.graph.node_indices().filter(is_selected).collect();
        if open.is_empty() {
            return None;
        }
        let mut needed = std::collections::BTreeSet::new();
        while let Some(node) = open.pop() {
            if needed.insert(node) {
                open.extend(self.upstream(node));
            }
        }
        Some(self.order().into_iter().filter(|node| needed.contains(node)).collect())
    }
}
