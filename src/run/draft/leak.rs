//! Columns that give a target away: what each says of each target alone, what two say together, and what is made
//! of the targets. Those are left out with their number; what is only strong stays, with a remark.

use crate::data::profile::Survey;
use crate::data::profile::alone::{Alone, Measure, gain};
use crate::run::draft::input::{Entry, Place};
use crate::run::draft::target::{Kind, Target};
use crate::run::draft::words::{grouped, several};
use crate::run::error::Error;

/// From here on a column determines a target, by AUC or R2.
const DETERMINES: f64 = 0.995;
/// The same of several classes: the gain over always answering the most frequent.
const GAINS: f64 = 0.975;
/// From here on a column is worth a look.
const STRONG: f64 = 0.95;
/// Rows that are needed to say so, and where measurements separate classes, which they do with few rows by chance.
const ROWS: [usize; 2] = [40, 100];

/// Leaves out what gives a target away.
pub fn leave_out(survey: &Survey, targets: &[Target], entries: &mut [Entry]) -> Result<(), Error> {
    let wanted: Vec<(usize, Measure)> =
        targets.iter().map(|target| (target.column, target.kind.measure())).collect();
    let alone = survey.alone(&wanted)?;
    for entry in entries.iter_mut() {
        let said = &alone[entry.column];
        let worst = said.iter().zip(targets).filter_map(|(said, target)| Some(((*said)?, target)));
        let worst = worst.max_by(|(a, _), (b, _)| strength(a).total_cmp(&strength(b)));
        let Some((said, target)) = worst else { continue };
        judge(survey, entry, &said, target);
    }
    together(survey, targets, entries)
}

/// Enough to leave the column out?
fn determines(said: &Alone) -> bool {
    let measured = said.is_continuous && said.measure != Measure::R2;
    let enough = said.rows >= ROWS[usize::from(measured)];
    enough
        && match said.measure {
            Measure::Accuracy => gain(said.score, said.chance) >= GAINS && said.score >= 0.98,
            Measure::Auc | Measure::R2 => said.score >= DETERMINES,
        }
}

fn are_classes(said: &Alone) -> bool {
    said.rows >= ROWS[1] && said.steps.is_some_and(|steps| steps.are_classes())
}

/// From 0 to 1, whatever it is measured by; above where the column cannot stay.
fn strength(said: &Alone) -> f64 {
    let own = match said.measure {
        Measure::Accuracy => gain(said.score, said.chance),
        Measure::Auc | Measure::R2 => said.score,
    };
    own + f64::from(u8::from(determines(said))) + f64::from(u8::from(are_classes(said)))
}

fn judge(survey: &Survey, entry: &mut Entry, said: &Alone, target: &Target) {
    let name = &survey.columns[target.column].name;
    let number = match said.measure {
        Measure::Auc => format!("AUC {:.3}", said.score),
        Measure::Accuracy => format!("accuracy {:.3}, by chance {:.3}", said.score, said.chance),
        Measure::R2 => format!("R2 {:.3}", said.score),
    };
    let rows = several(said.rows, "sample row");
    match &entry.place {
        Place::Input(words) if determines(said) => {
            let why = format!("it alone gives {name} away ({number} on {rows})");
            entry.place = Place::Out { why, instead: Some(words.clone()) };
        }
        Place::Input(words) if are_classes(said) => {
            let steps = said.steps.map_or((0, 0.0), |steps| (steps.changes, steps.chance));
            let changes =
                format!("changes {} times along it, by chance {:.0} times", grouped(steps.0), steps.1);
            let why = format!("it is made of {name}: it {changes} ({rows})");
            entry.place = Place::Out { why, instead: Some(words.clone()) };
        }
        Place::Input(_) if strength(said) >= STRONG && said.rows >= ROWS[0] => {
            entry.remarks.push(format!(
                "alone it says {name} with {number} ({rows}), see that it is known when predicting"
            ));
        }
        // An identifier of groups that also gives the target away: the number belongs to the reason.
        Place::Out { why, instead: Some(words) } if determines(said) => {
            let why = format!("{why}; it alone gives {name} away ({number} on {rows})");
            entry.place = Place::Out { why, instead: Some(words.clone()) };
        }
        _ => {}
    }
}

/// Two inputs that make a target, and inputs that several targets make.
fn together(survey: &Survey, targets: &[Target], entries: &mut [Entry]) -> Result<(), Error> {
    let numeric = |entries: &[Entry]| -> Vec<usize> {
        let inputs = entries.iter().filter(|entry| matches!(entry.place, Place::Input(_)));
        inputs.map(|entry| entry.column).filter(|column| survey.columns[*column].is_numeric()).collect()
    };
    let name = |column: usize| survey.columns[column].name.as_str();
    let leave = |entries: &mut [Entry], column: usize, why: String| {
        for entry in entries.iter_mut().filter(|entry| entry.column == column) {
            if let Place::Input(words) = &entry.place {
                entry.place = Place::Out { why: why.clone(), instead: Some(words.clone()) };
            }
        }
    };
    for target in targets.iter().filter(|target| target.kind == Kind::Regression) {
        let Some(pair) = survey.pair(target.column, &numeric(entries))? else { continue };
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
        .all(|column| survey.columns[*column].distinct == 2 || survey.columns[*column].is_numeric());
    if made.len() < 2 || !are_numbers {
        return Ok(());
    }
    for column in numeric(entries) {
        if let Some(score) = survey.made_of(column, &made)? {
            leave(entries, column, format!("the targets make it: a sum of them (R2 {score:.4})"));
        }
    }
    Ok(())
}
