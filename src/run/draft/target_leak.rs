//! Detects target leakage: columns that determine a target alone or in pairs, and columns computed from the
//! targets. They are left out with the measured score; strong but not suspicious columns stay with a remark.

use crate::data::profile::DataProfile;
use crate::data::profile::column_relevance::{ColumnRelevance, TargetMeasure, gain};
use crate::run::draft::formatting::{grouped, several};
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::target::{DraftTarget, DraftTaskKind};
use crate::run::error::RunError;

/// From this AUC or R2 on, a column determines a target.
const DETERMINES: f64 = 0.995;
/// The same for several classes: the gain over always predicting the most frequent class.
const GAINS: f64 = 0.975;
/// From here on a column gets a remark.
const STRONG: f64 = 0.95;
/// The least number of rows to decide; the second number applies where a continuous column separates classes,
/// which can happen by chance with few rows.
const ROWS: [usize; 2] = [40, 100];

/// Leaves out columns that leak a target.
pub fn leave_out(
    profile: &DataProfile,
    targets: &[DraftTarget],
    entries: &mut [DraftColumn],
) -> Result<(), RunError> {
    let measures: Vec<(usize, TargetMeasure)> =
        targets.iter().map(|target| (target.column, target.kind.measure())).collect();
    let alone = profile.relevance(&measures)?;
    for entry in entries.iter_mut() {
        let worst = alone[entry.column].iter().zip(targets);
        let worst = worst.filter_map(|(relevance, target)| Some(((*relevance)?, target)));
        let worst = worst.max_by(|(a, _), (b, _)| strength(a).total_cmp(&strength(b)));
        let Some((relevance, target)) = worst else { continue };
        judge(profile, entry, &relevance, target);
    }
    together(profile, targets, entries)
}

/// Whether the column determines the target, so that it is left out.
fn determines(relevance: &ColumnRelevance) -> bool {
    let separates_classes = relevance.is_continuous && relevance.measure != TargetMeasure::R2;
    let enough = relevance.rows >= ROWS[usize::from(separates_classes)];
    enough
        && match relevance.measure {
            TargetMeasure::Accuracy => {
                gain(relevance.score, relevance.chance) >= GAINS && relevance.score >= 0.98
            }
            TargetMeasure::Auc | TargetMeasure::R2 => relevance.score >= DETERMINES,
        }
}

/// Whether the target's classes are intervals of the column, as if the column were computed from it.
fn are_classes(relevance: &ColumnRelevance) -> bool {
    relevance.rows >= ROWS[1] && relevance.steps.is_some_and(|steps| steps.are_classes())
}

/// A strength from 0 to 1, comparable between scores; more than 1 where the column must be left out.
fn strength(relevance: &ColumnRelevance) -> f64 {
    let score = match relevance.measure {
        TargetMeasure::Accuracy => gain(relevance.score, relevance.chance),
        TargetMeasure::Auc | TargetMeasure::R2 => relevance.score,
    };
    score + f64::from(u8::from(determines(relevance))) + f64::from(u8::from(are_classes(relevance)))
}

fn judge(profile: &DataProfile, entry: &mut DraftColumn, relevance: &ColumnRelevance, target: &DraftTarget) {
    let name = &profile.columns[target.column].name;
    let number = match relevance.measure {
        TargetMeasure::Auc => format!("AUC {:.3}", relevance.score),
        TargetMeasure::Accuracy => {
            format!("accuracy {:.3}, by chance {:.3}", relevance.score, relevance.chance)
        }
        TargetMeasure::R2 => format!("R2 {:.3}", relevance.score),
    };
    let rows = several(relevance.rows, "sample row");
    match &entry.column_use {
        ColumnUse::Input(config) if determines(relevance) => {
            let why = format!("it alone predicts {name} ({number} on {rows})");
            entry.column_use = ColumnUse::Out { why, instead: Some(config.clone()) };
        }
        ColumnUse::Input(config) if are_classes(relevance) => {
            let steps = relevance.steps.map_or((0, 0.0), |steps| (steps.changes, steps.chance));
            let changes = format!("changes {} times instead of {:.0} by chance", grouped(steps.0), steps.1);
            let why = format!("it is derived from {name}: sorted by it, {name} {changes} ({rows})");
            entry.column_use = ColumnUse::Out { why, instead: Some(config.clone()) };
        }
        ColumnUse::Input(_) if strength(relevance) >= STRONG && relevance.rows >= ROWS[0] => {
            entry.remarks.push(format!(
                "alone it predicts {name} with {number} ({rows}); make sure that it is known when predicting"
            ));
        }
        // An identifier of groups that also leaks the target.
        ColumnUse::Out { why, instead: Some(config) } if determines(relevance) => {
            let why = format!("{why}; it alone predicts {name} ({number} on {rows})");
            entry.column_use = ColumnUse::Out { why, instead: Some(config.clone()) };
        }
        _ => {}
    }
}

/// Leaves out pairs of inputs that determine a target, and inputs that are sums of the targets.
fn together(
    profile: &DataProfile,
    targets: &[DraftTarget],
    entries: &mut [DraftColumn],
) -> Result<(), RunError> {
    let numeric = |entries: &[DraftColumn]| -> Vec<usize> {
        let inputs = entries.iter().filter(|entry| matches!(entry.column_use, ColumnUse::Input(_)));
        inputs.map(|entry| entry.column).filter(|column| profile.columns[*column].is_numeric()).collect()
    };
    let name = |column: usize| profile.columns[column].name.as_str();
    let leave = |entries: &mut [DraftColumn], column: usize, why: String| {
        for entry in entries.iter_mut().filter(|entry| entry.column == column) {
            if let ColumnUse::Input(config) = &entry.column_use {
                entry.column_use = ColumnUse::Out { why: why.clone(), instead: Some(config.clone()) };
            }
        }
    };
    for target in targets.iter().filter(|target| target.kind == DraftTaskKind::Regression) {
        let Some(pair) = profile.best_pair(target.column, &numeric(entries))? else { continue };
        let how = if pair.is_product { "a product or ratio" } else { "a sum or difference" };
        for (own, other) in [(0, 1), (1, 0)] {
            let (other, target) = (name(pair.columns[other]), name(target.column));
            let score = format!("R2 {:.4} on {} sample rows", pair.score, grouped(pair.rows));
            let why = format!("with {other} it determines {target}: {how} ({score})");
            leave(entries, pair.columns[own], why);
        }
    }
    let target_columns: Vec<usize> = targets.iter().map(|target| target.column).collect();
    let are_numbers = target_columns
        .iter()
        .all(|column| profile.columns[*column].distinct == 2 || profile.columns[*column].is_numeric());
    if target_columns.len() < 2 || !are_numbers {
        return Ok(());
    }
    for column in numeric(entries) {
        if let Some(score) = profile.determined_by(column, &target_columns)? {
            leave(entries, column, format!("it is a sum of the targets (R2 {score:.4})"));
        }
    }
    Ok(())
}
