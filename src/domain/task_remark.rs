//! What a person should know of a task, told once for all tasks of which it is true.

/// One task's part of a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRemark {
    /// What is told of every task that has it: `classes on no training row`.
    pub cause: &'static str,
    pub task: String,
    /// What is so of this task.
    pub text: String,
    /// What follows from it, and what to do.
    pub advice: String,
}

/// Names and tasks told at most.
const MOST: usize = 10;

/// A text for each cause, in the order they were met first.
pub fn merged(remarks: &[TaskRemark]) -> Vec<String> {
    let mut causes: Vec<&'static str> = Vec::new();
    for remark in remarks {
        if !causes.contains(&remark.cause) {
            causes.push(remark.cause);
        }
    }
    let of_cause = |cause: &&'static str| {
        let own: Vec<&TaskRemark> = remarks.iter().filter(|remark| remark.cause == *cause).collect();
        merge_text(cause, &own)
    };
    causes.iter().map(of_cause).collect()
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

/// At most ten names, each in backquotes: `` `a`, `b` and 3 more ``.
pub fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.into_iter().collect();
    let shown: Vec<String> = all.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match all.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::task_remark::{TaskRemark, merged, names};

    #[test]
    fn one_cause_is_told_once() {
        let remark = |cause, task: usize| TaskRemark {
            cause,
            task: format!("t{task}"),
            text: "`x`".into(),
            advice: "they count as wrong".into(),
        };
        let message = merged(&[remark("rare", 1), remark("new classes", 2), remark("rare", 3)]);
        assert_eq!(
            message,
            [
                "2 tasks, rare: `t1`: `x`; `t3`: `x`; they count as wrong",
                "task `t2`: `x`; they count as wrong"
            ]
        );
        let many: Vec<TaskRemark> = (0..12).map(|task| remark("rare", task)).collect();
        let message = merged(&many);
        assert!(message.len() == 1 && message[0].contains("`t9`: `x`; and 2 more tasks;"), "{message:?}");
        assert!(!message[0].contains("`t10`"), "{message:?}");
    }

    #[test]
    fn ten_names_at_most() {
        assert_eq!(names(["a", "b"]), "`a`, `b`");
        let twelve: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        assert!(names(twelve.iter().map(String::as_str)).ends_with("`9` and 2 more"));
    }
}
