//! Which classes no row of a split has.

use crate::data::target::TargetFit;
use crate::domain::score::Split;
use crate::domain::table::EncodedTable;
use crate::domain::task::FittedTarget;
use crate::domain::task_remark::{TaskRemark, names};

/// Classes of training rows that valid or test have none of: they cannot be scored there. A split without any
/// label is told of elsewhere.
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
            let there = there(fitted, table.split(split), classes.len());
            let lacking = (0..classes.len()).filter(|class| !there[*class] && counts[*class] > 0);
            let lacking: Vec<&str> = lacking.map(|class| classes[class]).collect();
            (there.contains(&true) && !lacking.is_empty()).then(|| {
                format!(
                    "no row of {split} has {} of {} classes ({})",
                    lacking.len(),
                    classes.len(),
                    names(lacking)
                )
            })
        })
        .collect();
    (!text.is_empty()).then(|| TaskRemark {
        cause: "classes without a row to be scored on",
        task: task.to_owned(),
        text: text.join(", "),
        advice: "means over classes leave them out, and a ranking of one class is undefined".to_owned(),
    })
}

/// Which classes these rows have.
fn there(fitted: &TargetFit, rows: &[u32], classes: usize) -> Vec<bool> {
    let (truth, width) = (&fitted.truth, fitted.truth.width());
    let cells = truth.as_f32().unwrap_or_default();
    let mut there = vec![false; classes];
    for row in rows {
        let steps = truth.row(*row as usize);
        for cell in cells[steps.start * width..steps.end * width].iter().filter(|cell| !cell.is_nan()) {
            if let Some(seen) = there.get_mut(*cell as usize) {
                *seen = true;
            }
        }
    }
    there
}
