//! Which classes no row of a split has.

use crate::data::target::FittedTarget;
use crate::domain::remark::{Remark, names};
use crate::domain::score::Split;
use crate::domain::table::Table;
use crate::domain::task::Target;

/// Classes of training rows that valid or test have none of: they cannot be scored there. A split without any label is told
/// of elsewhere.
pub(in crate::data) fn of(task: &str, fitted: &FittedTarget, table: &Table) -> Option<Remark> {
    let (classes, counts): (Vec<&str>, Vec<u64>) = match &fitted.target {
        Target::Binary { classes, counts, .. } => {
            (classes.iter().map(String::as_str).collect(), counts.to_vec())
        }
        Target::Multiclass { classes, counts }
        | Target::Ordinal { classes, counts }
        | Target::Tagging { classes, counts, .. }
        | Target::Segmentation { classes, counts, .. } => {
            (classes.iter().map(String::as_str).collect(), counts.clone())
        }
        _ => return None,
    };
    let said: Vec<String> = [Split::Valid, Split::Test]
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
    (!said.is_empty()).then(|| Remark {
        cause: "classes without a row to be scored on",
        task: task.to_owned(),
        said: said.join(", "),
        advice: "means over classes leave them out, and a ranking of one class is undefined".to_owned(),
    })
}

/// Which classes these rows have.
fn there(fitted: &FittedTarget, rows: &[u32], classes: usize) -> Vec<bool> {
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
