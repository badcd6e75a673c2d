//! What a key of `train.rates` or an entry of `train.freeze` selects: a part of the network, a task's own
//! weights, or the weights whose names match a pattern.

use crate::domain::name::TaskName;
use crate::model::weights::{Weight, WeightOwner};
use crate::train::config::WeightPart;

/// A selection of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightSelector {
    /// All weights of a part of the network.
    Part(WeightPart),
    /// The own layers and the output of the task with this index.
    Task(usize),
    /// Names of weights; `*` stands for any characters.
    Pattern(String),
}

impl WeightSelector {
    /// A part comes before a task of the same name.
    pub fn parse(key: &str, tasks: &[TaskName]) -> Self {
        if let Some(part) = WeightPart::ALL.into_iter().find(|part| part.name() == key) {
            return Self::Part(part);
        }
        match tasks.iter().position(|task| task.as_str() == key) {
            Some(task) => Self::Task(task),
            None => Self::Pattern(key.to_owned()),
        }
    }

    /// Whether this weight is among them.
    pub fn selects(&self, weight: &Weight) -> bool {
        match self {
            Self::Part(part) => *part == part_of(weight),
            Self::Task(task) => weight.owner == WeightOwner::Task(*task),
            Self::Pattern(pattern) => matches(pattern, &weight.name),
        }
    }

    /// Orders selectors of one weight: a pattern wins over a task, a task over a part, a longer pattern over
    /// a shorter one.
    pub fn precedence(&self) -> (u8, usize) {
        match self {
            Self::Part(_) => (0, 0),
            Self::Task(_) => (1, 0),
            Self::Pattern(pattern) => (2, pattern.chars().count()),
        }
    }
}

fn part_of(weight: &Weight) -> WeightPart {
    match &weight.owner {
        WeightOwner::Inputs | WeightOwner::Input(_) => WeightPart::Inputs,
        WeightOwner::Task(_) | WeightOwner::Heads => WeightPart::Heads,
        WeightOwner::Body if weight.name.starts_with("sharing.") => WeightPart::Sharing,
        WeightOwner::Body => WeightPart::Trunk,
    }
}

/// Whether the whole of `text` matches a pattern in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        // The first occurrence leaves the most for the pieces after it.
        match rest.find(piece) {
            Some(start) => rest = &rest[start + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::domain::name::TaskName;
    use crate::train::config::WeightPart;
    use crate::train::weight_selector::{WeightSelector, matches};

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("trunk.0.*", "trunk.0.dense.weight", true),
            ("trunk.0.*", "trunk.01.dense.weight", false),
            ("*.bias", "head.a.output.bias", true),
            ("*.bias", "head.a.output.bias.more", false),
            ("*", "", true),
            ("trunk.*.norm.*", "trunk.0.transformer.norm.gamma", true),
            ("trunk.*.norm.*", "trunk.norm.gamma", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*b", "abb", true),
            ("a*b*b", "ab", false),
            ("trunk.0", "trunk.0", true),
            ("trunk.0", "trunk.0.dense", false),
            ("", "trunk", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_win_over_tasks_and_tasks_over_parts() {
        let tasks = ["income", "trunk"].map(|name| TaskName::new(name).expect("a name"));
        let parse = |key: &str| WeightSelector::parse(key, &tasks);
        assert_eq!(parse("trunk"), WeightSelector::Part(WeightPart::Trunk));
        assert_eq!(parse("income"), WeightSelector::Task(0));
        let order = ["heads", "income", "*", "*.bias", "trunk.0.*"].map(|key| parse(key).precedence());
        assert!(order.is_sorted() && order[0] < order[1] && order[1] < order[2] && order[3] < order[4]);
    }
}
