//! Formats a plan for the terminal: the resolved file, the stages and the network.

use std::fmt::Write;

use crate::plan::render::{FeaturesView, MemoryView, PartView, View};
use crate::plan::resolved_plan::Plan;
use crate::plan::trial::Trial;
use crate::spec::write;

/// The plan as plain text.
pub fn text(plan: &Plan, view: &View) -> String {
    let mut out = write(&plan.pipeline);
    // With several trials, one line per trial; the JSON has every stage.
    let several = plan.trials.len() > 1 || plan.remaining_combinations() > 0;
    let stages: Vec<[String; 4]> = plan
        .stages()
        .filter(|stage| !several || stage.trial.is_none())
        .map(|stage| {
            let view = view.stage(stage);
            let state = match view {
                Some(view) if view.cached => "cached",
                Some(_) => "will run",
                None => "",
            };
            let fingerprint = view.and_then(|view| view.fingerprint.as_ref()).map(|f| f.short().to_owned());
            let why = view.map(|view| view.reason.clone()).unwrap_or_default();
            [stage.to_string(), fingerprint.unwrap_or_default(), state.to_owned(), why]
        })
        .collect();
    out.push_str("\nStages\n");
    columns(&mut out, &stages, &[]);
    if several {
        let trials: Vec<[String; 4]> = plan.trials.iter().map(|each| trial(plan, view, each)).collect();
        let _ = writeln!(out, "\nTrials ({})", trials.len());
        columns(&mut out, &trials, &[]);
        if plan.remaining_combinations() > 0 {
            let count = plan.remaining_combinations();
            let _ = writeln!(out, "  and {count} more combinations, chosen from the results of these");
        }
    }
    if !view.features.is_empty() {
        out.push_str("\nFeatures\n");
        columns(&mut out, &view.features.iter().map(features).collect::<Vec<_>>(), &[]);
    }
    if let Some(parts) = &view.parts {
        out.push_str("\nNetwork\n");
        network(&mut out, parts);
    }
    if let Some(needed) = &view.memory {
        out.push('\n');
        out.push_str(&memory(needed));
    }
    out
}

/// A trial's number, its choices, its state, and the stages that will run.
fn trial(plan: &Plan, view: &View, trial: &Trial) -> [String; 4] {
    let own = plan.stages().filter(|stage| stage.trial == Some(trial.number));
    let seen: Vec<(&str, bool)> =
        own.filter_map(|stage| Some((stage.kind().name(), view.stage(stage)?.cached))).collect();
    let mut open: Vec<&str> = seen.iter().filter(|(_, cached)| !cached).map(|(kind, _)| *kind).collect();
    let all = open.len() == seen.len();
    // A trial has a baseline per task.
    open.dedup();
    let (state, which) = match open.len() {
        _ if seen.is_empty() => ("", String::new()),
        0 => ("cached", String::new()),
        _ if all => ("will run", String::new()),
        _ => ("will run", open.join(", ")),
    };
    [format!("#{}", trial.number), plan.label(trial), state.to_owned(), which]
}

/// `memory  about 1.2 GB: weights 400 MB, ...`
fn memory(needed: &MemoryView) -> String {
    let MemoryView { total, program, weights, optimizer, activations, data, complete } = needed;
    let (about, data) = match complete {
        true => ("about", format!("data {data}")),
        false => ("at least", "data unknown before `fit`".to_owned()),
    };
    format!(
        "memory  {about} {total}: weights {weights}, optimizer {optimizer}, activations {activations}, \
         {data}, mtl itself {program}\n"
    )
}

/// `text  once   [384]  58.6 MB  trunk.0.pretrained, trunk.1.pool`, or why not.
fn features(view: &FeaturesView) -> [String; 5] {
    let shape = view.shape.map(|shape| shape.to_string()).unwrap_or_default();
    let bytes = view.bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
    let (when, what) = match &view.reason {
        Some(reason) => ("in every step", format!("because {reason}")),
        None => ("once", view.layers.join(", ")),
    };
    [view.input.to_string(), when.to_owned(), shape, bytes, what]
}

fn network(out: &mut String, parts: &[PartView]) {
    let row = |part: &PartView| {
        let parameters = thousands(part.parameters);
        let rate = part.rate.clone().unwrap_or_default();
        [part.part.clone(), part.kind.clone(), part.shape.to_string(), parameters, rate]
    };
    let mut rows: Vec<[String; 5]> = parts.iter().map(row).collect();
    let total = parts.iter().map(|part| part.parameters).fold(0, usize::saturating_add);
    rows.push(["total".to_owned(), String::new(), String::new(), thousands(total), String::new()]);
    columns(out, &rows, &[3]);
}

/// Writes rows of aligned columns; the columns in `right` are right-aligned.
fn columns<const COLUMNS: usize>(out: &mut String, rows: &[[String; COLUMNS]], right: &[usize]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    for row in rows {
        let mut line = String::from(" ");
        for (column, cell) in row.iter().enumerate().filter(|(column, _)| widths[*column] > 0) {
            let width = widths[column];
            let _ = match right.contains(&column) {
                true => write!(line, " {cell:>width$} "),
                false => write!(line, " {cell:<width$} "),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// 1234567 -> 1,234,567
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn groups_of_three_digits() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
