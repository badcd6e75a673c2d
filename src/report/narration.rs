//! A run, told line by line as it happens.

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, MissingLabels};
use crate::domain::score::{Score, Split, TaskValue};
use crate::report::gain::percent;
use crate::report::number::{count, duration, size};

/// What an event looks like as a line; `None` for those that say nothing new to a person.
pub fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { run, resumed, .. } => {
            format!("{} {run}", if *resumed { "resuming" } else { "run" })
        }
        Event::StageCached { stage, fingerprint, .. } => {
            format!("  {stage:<14} cached ({fingerprint})")
        }
        Event::StageFinished { stage, cached: false, seconds, .. } => {
            format!("  {stage:<14} done in {}", duration(*seconds))
        }
        Event::StageFailed { stage, reason, .. } => format!("  {stage:<14} FAILED: {reason}"),
        Event::StageSkipped { stage, because, .. } => {
            format!("  {stage:<14} skipped, because {because} failed")
        }
        Event::Note { stage, severity, text } => match severity {
            Severity::Warning => format!("  {stage:<14} warning: {text}"),
            Severity::Error => format!("  {stage:<14} error: {text}"),
        },
        Event::Loaded { table, rows, columns, files } => {
            let bytes: u64 = files.iter().map(|file| file.bytes).sum();
            format!(
                "  {:<14} {} rows x {columns} columns, {} read",
                table.as_str(),
                count(*rows),
                size(bytes)
            )
        }
        Event::Divided { table, train, valid, test } => format!(
            "  {:<14} {} train, {} valid, {} test",
            table.as_str(),
            count(*train),
            count(*valid),
            count(*test)
        ),
        Event::Fitted { table, inputs, tasks, missing } => {
            format!("  {:<14} {inputs} inputs, {tasks} tasks{}", table.as_str(), missing_labels(missing))
        }
        Event::TrainStarted { epochs, steps_per_epoch, rows, parameters, device, from_step, .. } => {
            let from =
                if *from_step > 0 { format!(", going on from step {from_step}") } else { String::new() };
            format!(
                "  training       {} parameters, {} rows, {epochs} epochs of {steps_per_epoch} steps on {device}{from}\n  \
                 each epoch     training loss of every task (and its score on validation rows)",
                count(*parameters),
                count(*rows)
            )
        }
        Event::EpochFinished { epoch, losses, scores, rows_per_second, best, objective, .. } => format!(
            "  epoch {epoch:>3}  {}, {} rows/s{}",
            losses.iter().map(|loss| standing(loss, scores)).collect::<Vec<_>>().join(", "),
            count(*rows_per_second as usize),
            if *best && objective.is_some() { ", best so far" } else { "" }
        ),
        Event::TrainFinished { best_epoch, epochs, reason, .. } => {
            format!("  trained        {epochs} epochs ({reason}); best is epoch {best_epoch}")
        }
        Event::BaselineScored { task, epoch, epochs, scores, .. } => {
            let tested = scores.iter().find(|score| score.split == Split::Test).or(scores.first());
            let score = tested.map(|score| format!(", {} {}", score.metric, value(score)));
            let score = score.unwrap_or_default();
            format!("  alone          {task}: {epochs} epochs, best is epoch {epoch}{score}")
        }
        Event::Gained { overall, .. } => {
            let said: Vec<String> = overall
                .iter()
                .map(|(split, gain)| format!("{} on {split} rows", percent(Some(*gain))))
                .collect();
            format!("  gain           over single tasks: {}", said.join(", "))
        }
        Event::Exported { file, bytes, opset, .. } => {
            format!("  exported       {} ({}, opset {opset})", file.display(), size(*bytes))
        }
        Event::Verified { parity, .. } if parity.verified => format!(
            "  verified       largest difference from ONNX Runtime {:.1e} (allowed {:.0e})",
            parity.largest, parity.tolerance
        ),
        Event::Verified { .. } => "  UNVERIFIED     the model was not compared with ONNX Runtime".to_owned(),
        _ => return None,
    })
}

/// Each task's loss: `income 0.2131, weeks 0.0311`.
pub fn losses(values: &[TaskValue]) -> String {
    let all: Vec<String> = values.iter().map(|loss| format!("{} {:.4}", loss.task, loss.value)).collect();
    all.join(", ")
}

/// A task's training loss, and its first validation score: `income 0.2131 (auroc 0.9410)`.
fn standing(loss: &TaskValue, scores: &[Score]) -> String {
    let mut of_task = scores.iter().filter(|score| score.task == loss.task && score.metric != "loss");
    let score = of_task.next().map(|score| format!(" ({} {})", score.metric, value(score)));
    format!("{} {:.4}{}", loss.task, loss.value, score.unwrap_or_default())
}

fn value(score: &Score) -> String {
    score.defined().map_or_else(|| "undefined".to_owned(), |value| format!("{value:.4}"))
}

fn missing_labels(missing: &[MissingLabels]) -> String {
    let lacking: Vec<String> = missing
        .iter()
        .filter(|labels| labels.missing > 0)
        .map(|labels| {
            format!(
                "{} lacks {} of {} {} labels",
                labels.task,
                count(labels.missing),
                count(labels.rows),
                labels.split
            )
        })
        .collect();
    if lacking.is_empty() { String::new() } else { format!("; {}", lacking.join(", ")) }
}
