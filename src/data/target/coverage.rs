//! Classes that are missing from the validation or test split.

use crate::data::target::TargetFit;
use crate::domain::score::Split;
use crate::domain::table::EncodedTable;
use crate::domain::task::FittedTarget;
use crate::domain::task_remark::{TaskRemark, list_names};

/// A remark on classes of training rows that valid or test lack, so that they cannot be scored there. Splits
/// without any label are reported elsewhere.
pub(in crate::data) fn check_coverage(
    task: &str,
    fitted: &TargetFit,
    table: &EncodedTable,
) -> Option<TaskRemark> {
    let (classes, counts): (Vec<&str>, Vec<u64>) = match &fitted.target {
        FittedTarget::Binary { classes, counts, .. } => {
            (classes.iter().map(String::as_str).collect(), counts.to_vec())
        }
        FittedTarget::Multiclass { classes, counts }
        | FittedTarget::Ordinal { classes, counts }
        | FittedTarget::Tagging { classes, counts, .. }
        | FittedTarget::Segmentation { classes, counts, .. } => {
            (classes.iter().map(String::as_str).collect(), counts.clone())
        }
        _ => return None,
    };
    let text: Vec<String> = [Split::Valid, Split::Test]
        .into_iter()
        .filter_map(|split| {
            let present = present_classes(fitted, table.split(split), classes.len());
            let absent = (0..classes.len()).filter(|class| !present[*class] && counts[*class] > 0);
            let absent: Vec<&str> = absent.map(|class| classes[class]).collect();
            (present.contains(&true) && !absent.is_empty()).then(|| {
                format!(
                    "{} of {} classes occur on no {split} row ({})",
                    absent.len(),
                    classes.len(),
                    list_names(absent)
                )
            })
        })
        .collect();
    (!text.is_empty()).then(|| TaskRemark {
        cause: "classes without validation or test rows",
        task: task.to_owned(),
        text: text.join(", "),
        advice: "averages over classes leave them out, and ranking metrics are undefined for a single class"
            .to_owned(),
    })
}

/// Whether each class occurs on these rows.
fn present_classes(fitted: &TargetFit, rows: &[u32], classes: usize) -> Vec<bool> {
    let (truth, width) = (&fitted.truth, fitted.truth.width());
    let cells = truth.as_f32().unwrap_or_default();
    let mut present = vec![false; classes];
    for row in rows {
        let steps = truth.row(*row as usize);
        for cell in cells[steps.start * width..steps.end * width].iter().filter(|cell| !cell.is_nan()) {
            if let Some(is_present) = present.get_mut(*cell as usize) {
                *is_present = true;
            }
        }
    }
    present
}
