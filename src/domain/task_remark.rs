//! Warnings about tasks, merged so that a cause that concerns several tasks is reported once.

/// One task's part of a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRemark {
    /// The cause, shared by all tasks that it concerns: `classes on no training row`.
    pub cause: &'static str,
    /// Name of the task.
    pub task: String,
    /// The details of this task.
    pub text: String,
    /// Consequences and what to do.
    pub advice: String,
}

/// Maximum number of names and tasks that are listed.
const MOST: usize = 10;

/// Returns one text per cause, in the order of first occurrence.
pub fn merge(remarks: &[TaskRemark]) -> Vec<String> {
    let mut causes: Vec<&'static str> = Vec::new();
    for remark in remarks {
        if !causes.contains(&remark.cause) {
            causes.push(remark.cause);
        }
    }
    let text_of = |cause: &&'static str| {
        let own: Vec<&TaskRemark> = remarks.iter().filter(|remark| remark.cause == *cause).collect();
        merge_text(cause, &own)
    };
    causes.iter().map(text_of).collect()
}

fn merge_text(cause: &str, remarks: &[&TaskRemark]) -> String {
    if let [only] = remarks {
        return format!("task `{}`: {}; {}", only.task, only.text, only.advice);
    }
    let text: Vec<String> =
        remarks.iter().take(MOST).map(|remark| format!("`{}`: {}", remark.task, remark.text)).collect();
    let more = match remarks.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!("; and {more} more tasks"),
    };
    let advice = remarks.first().map_or("", |remark| remark.advice.as_str());
    format!("{} tasks, {cause}: {}{more}; {advice}", remarks.len(), text.join("; "))
}

/// Lists at most ten names, each in backquotes: `` `a`, `b` and 3 more ``.
pub fn list_names<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.into_iter().collect();
    let shown: Vec<String> = all.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match all.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::task_remark::{TaskRemark, list_names, merge};

    #[test]
    fn a_cause_is_reported_once() {
        let remark = |cause, task: usize| TaskRemark {
            cause,
            task: format!("t{task}"),
            text: "`x`".into(),
            advice: "they count as wrong".into(),
        };
        let texts = merge(&[remark("rare", 1), remark("new classes", 2), remark("rare", 3)]);
        assert_eq!(
            texts,
            [
                "2 tasks, rare: `t1`: `x`; `t3`: `x`; they count as wrong",
                "task `t2`: `x`; they count as wrong"
            ]
        );
        let many: Vec<TaskRemark> = (0..12).map(|task| remark("rare", task)).collect();
        let texts = merge(&many);
        assert!(texts.len() == 1 && texts[0].contains("`t9`: `x`; and 2 more tasks;"), "{texts:?}");
        assert!(!texts[0].contains("`t10`"), "{texts:?}");
    }

    #[test]
    fn ten_names_at_most() {
        assert_eq!(list_names(["a", "b"]), "`a`, `b`");
        let twelve: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        assert!(list_names(twelve.iter().map(String::as_str)).ends_with("`9` and 2 more"));
    }
}
