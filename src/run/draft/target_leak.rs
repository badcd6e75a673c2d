//! Columns that give a target away: what each says of each target alone, what two say together, and what is
//! made of the targets. Those are left out with their number; what is only strong stays, with a remark.

use crate::data::profile::DataProfile;
use crate::data::profile::column_relevance::{ColumnRelevance, TargetMeasure, gain};
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::target::{DraftTarget, DraftTaskKind};
use crate::run::draft::words::{grouped, several};
use crate::run::error::RunError;

/// From here on a column determines a target, by AUC or R2.
const DETERMINES: f64 = 0.995;
/// The same of several classes: the gain over always answering the most frequent.
const GAINS: f64 = 0.975;
/// From here on a column is worth a look.
const STRONG: f64 = 0.95;
/// Rows that are needed to say so, and where measurements separate classes, which they do with few rows by
/// chance.
const ROWS: [usize; 2] = [40, 100];

/// Leaves out what gives a target away.
pub fn leave_out(
    profile: &DataProfile,
    targets: &[DraftTarget],
    entries: &mut [DraftColumn],
) -> Result<(), RunError> {
    let wanted: Vec<(usize, TargetMeasure)> =
        targets.iter().map(|target| (target.column, target.kind.measure())).collect();
    let alone = profile.alone(&wanted)?;
    for entry in entries.iter_mut() {
        let text = &alone[entry.column];
        let worst = text.iter().zip(targets).filter_map(|(text, target)| Some(((*text)?, target)));
        let worst = worst.max_by(|(a, _), (b, _)| strength(a).total_cmp(&strength(b)));
        let Some((text, target)) = worst else { continue };
        judge(profile, entry, &text, target);
    }
    together(profile, targets, entries)
}

/// Enough to leave the column out?
fn determines(text: &ColumnRelevance) -> bool {
    let measured = text.is_continuous && text.measure != TargetMeasure::R2;
    let enough = text.rows >= ROWS[usize::from(measured)];
    enough
        && match text.measure {
            TargetMeasure::Accuracy => gain(text.score, text.chance) >= GAINS && text.score >= 0.98,
            TargetMeasure::Auc | TargetMeasure::R2 => text.score >= DETERMINES,
        }
}

fn are_classes(text: &ColumnRelevance) -> bool {
    text.rows >= ROWS[1] && text.steps.is_some_and(|steps| steps.are_classes())
}

/// From 0 to 1, whatever it is measured by; above where the column cannot stay.
fn strength(text: &ColumnRelevance) -> f64 {
    let own = match text.measure {
        TargetMeasure::Accuracy => gain(text.score, text.chance),
        TargetMeasure::Auc | TargetMeasure::R2 => text.score,
    };
    own + f64::from(u8::from(determines(text))) + f64::from(u8::from(are_classes(text)))
}

fn judge(profile: &DataProfile, entry: &mut DraftColumn, text: &ColumnRelevance, target: &DraftTarget) {
    let name = &profile.columns[target.column].name;
    let number = match text.measure {
        TargetMeasure::Auc => format!("AUC {:.3}", text.score),
        TargetMeasure::Accuracy => format!("accuracy {:.3}, by chance {:.3}", text.score, text.chance),
        TargetMeasure::R2 => format!("R2 {:.3}", text.score),
    };
    let rows = several(text.rows, "sample row");
    match &entry.column_use {
        ColumnUse::Input(config) if determines(text) => {
            let why = format!("it alone gives {name} away ({number} on {rows})");
            entry.column_use = ColumnUse::Out { why, instead: Some(config.clone()) };
        }
        ColumnUse::Input(config) if are_classes(text) => {
            let steps = text.steps.map_or((0, 0.0), |steps| (steps.changes, steps.chance));
            let changes =
                format!("changes {} times along it, by chance {:.0} times", grouped(steps.0), steps.1);
            let why = format!("it is made of {name}: it {changes} ({rows})");
            entry.column_use = ColumnUse::Out { why, instead: Some(config.clone()) };
        }
        ColumnUse::Input(_) if strength(text) >= STRONG && text.rows >= ROWS[0] => {
            entry.remarks.push(format!(
                "alone it says {name} with {number} ({rows}), see that it is known when predicting"
            ));
        }
        // An identifier of groups that also gives the target away: the number belongs to the reason.
        ColumnUse::Out { why, instead: Some(config) } if determines(text) => {
            let why = format!("{why}; it alone gives {name} away ({number} on {rows})");
            entry.column_use = ColumnUse::Out { why, instead: Some(config.clone()) };
        }
        _ => {}
    }
}

/// Two inputs that make a target, and inputs that several targets make.
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
        let Some(pair) = profile.pair(target.column, &numeric(entries))? else { continue };
        let how = if pair.is_product { "a product or ratio" } else { "a sum or difference" };
        for (own, other) in [(0, 1), (1, 0)] {
            let (other, wanted) = (name(pair.columns[other]), name(target.column));
            let score = format!("R2 {:.4} on {} sample rows", pair.score, grouped(pair.rows));
            let why = format!("with {other} it makes {wanted}: {how} ({score})");
            leave(entries, pair.columns[own], why);
        }
    }
    let made: Vec<usize> = targets.iter().map(|target| target.column).collect();
    let are_numbers = made
        .iter()
        .all(|column| profile.columns[*column].distinct == 2 || profile.columns[*column].is_numeric());
    if made.len() < 2 || !are_numbers {
        return Ok(());
    }
    for column in numeric(entries) {
        if let Some(score) = profile.made_of(column, &made)? {
            leave(entries, column, format!("the targets make it: a sum of them (R2 {score:.4})"));
        }
    }
    Ok(())
}
