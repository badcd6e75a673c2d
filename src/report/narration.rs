//! Formats the events of a run as lines of progress.

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, ExportedScore, MissingLabels};
use crate::domain::score::{Split, TaskValue};
use crate::report::epochs::WIDEST;
use crate::report::gain::percent;
use crate::report::number::{count, duration, significant, size, tiny};
use crate::report::table::width;

/// The line of an event; `None` for events that are not shown.
pub fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { run, resumed, .. } => {
            format!("{} {run}", if *resumed { "resuming" } else { "run" })
        }
        Event::StageCached { stage, fingerprint, .. } => {
            format!("  {stage:<14} cached ({fingerprint})")
        }
        Event::StageFinished { cached: true, .. } => return None,
        Event::StageFinished { stage, seconds, .. } => {
            format!("  {stage:<14} took {}", duration(*seconds))
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
            let line =
                format!("  {:<14} {inputs} inputs, {tasks} tasks{}", table.as_str(), missing_labels(missing));
            wrapped(&line, WIDEST)
        }
        Event::TrainStarted { epochs, steps_per_epoch, rows, parameters, device, from_step, .. } => {
            let from = if *from_step > 0 { format!(", resumed at step {from_step}") } else { String::new() };
            format!(
                "  training       {} parameters, {} rows, {epochs} epochs of {steps_per_epoch} steps on \
                 {device}{from}",
                count(*parameters),
                count(*rows)
            )
        }
        Event::TrainFinished { best_epoch, epochs, reason, .. } => {
            format!("  trained        {epochs} epochs ({reason}); best: epoch {best_epoch}")
        }
        Event::BaselineScored { task, epoch, epochs, scores, .. } => {
            let tested = scores.iter().find(|score| score.split == Split::Test).or(scores.first());
            let score = tested.map(|score| format!(", {} {}", score.metric, significant(score.value)));
            let score = score.unwrap_or_default();
            format!("  baseline       {task} alone: {epochs} epochs, best: epoch {epoch}{score}")
        }
        Event::Gained { overall, .. } => {
            let gains: Vec<String> = overall
                .iter()
                .map(|(split, gain)| format!("{} on {split} rows", percent(Some(*gain))))
                .collect();
            format!("  gain           over single-task training: {}", gains.join(", "))
        }
        Event::Exported { file, bytes, opset, rounding, .. } => {
            let rounding = rounding.as_ref().map_or_else(String::new, |text| format!(", {text}"));
            format!("  exported       {} ({}, opset {opset}{rounding})", file.display(), size(*bytes))
        }
        Event::Verified { parity, .. } if parity.verified => {
            let line = format!(
                "  verified       max difference from ONNX Runtime {} (tolerance {:.0e})",
                tiny(parity.largest),
                parity.tolerance
            );
            std::iter::once(line)
                .chain(parity.scores.iter().map(exported_score))
                .collect::<Vec<_>>()
                .join("\n")
        }
        Event::Verified { .. } => "  UNVERIFIED     the model was not compared with ONNX Runtime".to_owned(),
        Event::StageStarted { .. }
        | Event::Stepped { .. }
        | Event::Featured { .. }
        | Event::EpochFinished(_)
        | Event::GradientsCompared { .. }
        | Event::AffinityMeasured { .. }
        | Event::CheckpointSaved { .. }
        | Event::TrialChosen { .. }
        | Event::TrialPruned { .. }
        | Event::Scored { .. }
        | Event::FrontScored { .. }
        | Event::RunFinished { .. } => return None,
    })
}

/// A score of the exported model beside the trained network's.
fn exported_score(exported: &ExportedScore) -> String {
    let score = &exported.score;
    let trained = exported.trained.map_or_else(String::new, |trained| {
        let change = percent(exported.relative_change().map(|change| 100.0 * change));
        format!(", trained {} ({change})", significant(trained))
    });
    let value = significant(score.value);
    format!("  as exported    {} {} {value} on {} rows{trained}", score.task, score.metric, score.split)
}

/// The losses of the tasks: `income 0.2131, weeks 0.0311`.
pub fn losses(values: &[TaskValue]) -> String {
    let all: Vec<String> =
        values.iter().map(|loss| format!("{} {}", loss.task, significant(loss.value))).collect();
    all.join(", ")
}

/// Wraps a line after commas to at most `limit` columns and indents the following lines below the first
/// line's text. A part without a comma stays whole.
pub(crate) fn wrapped(line: &str, limit: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in line.split_inclusive(", ") {
        match lines.last_mut() {
            Some(last) if width(last) + width(part.trim_end()) <= limit => last.push_str(part),
            Some(_) => lines.push(format!("{INDENT}{part}")),
            None => lines.push(part.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// As wide as the label of a line.
const INDENT: &str = "                 ";

fn missing_labels(missing: &[MissingLabels]) -> String {
    let parts: Vec<String> = missing
        .iter()
        .filter(|labels| labels.missing > 0)
        .map(|labels| {
            format!(
                "{} is missing {} of {} {} labels",
                labels.task,
                count(labels.missing),
                count(labels.rows),
                labels.split
            )
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use crate::report::narration::wrapped;

    #[test]
    fn a_long_line_is_wrapped_after_commas() {
        let line =
            "  #3    done      seed 2, 3 epochs in 6.00 s: income auroc 0.9123, weeks rmse 9.123  [1/2]";
        assert_eq!(wrapped(line, 100), line);
        assert_eq!(
            wrapped(line, 50),
            "  #3    done      seed 2,\n                 3 epochs in 6.00 s: income auroc 0.9123,\n\
             \u{20}                weeks rmse 9.123  [1/2]"
        );
    }
}
