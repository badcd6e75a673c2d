//! `mtl group`: which tasks to train together, by what their steps do to each other and by their gradients.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::grouping::{self, MOST_TASKS};
use crate::domain::name::RunId;
use crate::report::affinity::matrix;
use crate::report::number;
use crate::report::style::{Style, Tone};
use crate::report::table::{Align, Cell, Table};
use crate::store::affinity::AffinityRecord;
use crate::store::{Error, Store};

/// What one trial says of its tasks' groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Grouping {
    pub run: RunId,
    pub trial: u32,
    pub tasks: Vec<String>,
    /// Groups at most.
    pub most: usize,
    /// By inter-task affinity; `None` where none was measured.
    pub affinity: Option<Proposal>,
    /// By the cosines of the tasks' gradients; `None` where they were not compared.
    pub cosine: Option<Proposal>,
}

/// Groups by one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    pub pairs: Vec<AffinityRecord>,
    pub groups: Vec<ProposedGroup>,
    /// Mean score over all tasks.
    pub mean: f64,
}

/// Tasks to train together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProposedGroup {
    pub tasks: Vec<String>,
    /// Whom it answers for, and the mean of what the others in it do to them.
    pub serves: Vec<(String, f64)>,
}

impl Grouping {
    /// Reads a trial's measurements and searches.
    pub fn read(store: &Store, run: &RunId, trial: u32, most: usize) -> Result<Self, Error> {
        let tasks: Vec<String> = store.run(run)?.tasks.into_iter().map(|task| task.task).collect();
        let cosines = store.cosines(run, trial)?;
        // A cosine is the same both ways.
        let back = |pair: &AffinityRecord| AffinityRecord {
            task: pair.other.clone(),
            other: pair.task.clone(),
            ..pair.clone()
        };
        let both: Vec<AffinityRecord> = cosines.iter().flat_map(|pair| [pair.clone(), back(pair)]).collect();
        Ok(Self {
            run: run.clone(),
            trial,
            most,
            affinity: propose(&tasks, store.affinities(run, trial)?, most),
            cosine: propose(&tasks, both, most),
            tasks,
        })
    }

    /// What keeps it from saying anything.
    pub fn obstacle(&self) -> Option<String> {
        match self.tasks.len() {
            1 => Some(format!("{} has one task: there is nothing to group", self.run)),
            many if many > MOST_TASKS => {
                Some(format!("{} has {many} tasks; the exact search is for {MOST_TASKS} at most", self.run))
            }
            _ if self.affinity.is_none() => Some(format!(
                "{}#{} measured no affinities; run its pipeline with --set train.affinity.every=10, or name the pipeline here",
                self.run, self.trial
            )),
            _ => None,
        }
    }

    /// The groups to train: by affinity.
    pub fn groups(&self) -> &[ProposedGroup] {
        self.affinity.as_ref().map_or(&[], |proposal| &proposal.groups)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!(self)
    }

    /// For people.
    pub fn text(&self, style: &Style) -> String {
        let mut text = format!("{}#{}\n", style.paint(Tone::Strong, self.run.as_str()), self.trial);
        if let Some(found) = &self.affinity {
            let steps = found.pairs.iter().map(|pair| pair.steps).max().unwrap_or(0);
            let remark = format!("a step lowers each column's loss by so many %; mean of {steps} steps");
            text.push_str(&style.heading("Inter-task affinity", &remark));
            text.push_str(&matrix("a step of", &found.pairs, 100.0, style));
            text.push_str(&self.proposal("Groups by affinity", found, 100.0, style));
        }
        if let Some(found) = &self.cosine {
            let steps = found.pairs.iter().map(|pair| pair.steps).max().unwrap_or(0);
            text.push_str(&style.heading("Gradient cosine", &format!("mean of {steps} steps")));
            text.push_str(&matrix("gradients of", &found.pairs, 1.0, style));
            text.push_str(&self.proposal("Groups by gradient cosine", found, 1.0, style));
        }
        text
    }

    fn proposal(&self, title: &str, found: &Proposal, times: f64, style: &Style) -> String {
        let remark = format!(
            "at most {}, they may overlap; a score is the mean of what the others in the group do to the task, 0 alone",
            self.most
        );
        let columns = [("group", Align::Right), ("trained together", Align::Left), ("serves", Align::Left)];
        let mut table = Table::new(&columns);
        for (number, group) in (1..).zip(&found.groups) {
            let serves: Vec<String> = group
                .serves
                .iter()
                .map(|(task, score)| format!("{task} {}", number::difference(score * times)))
                .collect();
            table.row(vec![
                number.to_string().into(),
                Cell::new(Tone::Strong, group.tasks.join(", ")),
                serves.join(", ").into(),
            ]);
        }
        let alone: Vec<&str> = found
            .groups
            .iter()
            .filter(|group| group.tasks.len() == 1)
            .flat_map(|group| group.tasks.iter().map(String::as_str))
            .collect();
        let unhelped: Vec<&str> = found
            .groups
            .iter()
            .filter(|group| group.tasks.len() > 1)
            .flat_map(|group| &group.serves)
            .filter(|(_, score)| *score <= 0.0)
            .map(|(task, _)| task.as_str())
            .collect();
        let mean = format!("mean score {}", number::difference(found.mean * times));
        let caution = |tasks: &[&str], what: &str| match tasks.len() {
            0 => String::new(),
            _ => {
                let tasks = number::listed(&tasks.join(", "));
                let said = what.replace("{}", &tasks);
                style.paint(
                    Tone::Caution,
                    &format!("\n{said}; `evaluate: {{baselines: single_task}}` tells how well alone"),
                )
            }
        };
        let alone = caution(&alone, "no group would help {}");
        let unhelped = caution(&unhelped, "{}: not helped here, with so few groups");
        format!("{}{}{mean}{alone}{unhelped}\n", style.heading(title, &remark), table.text(style))
    }
}

fn propose(tasks: &[String], pairs: Vec<AffinityRecord>, most: usize) -> Option<Proposal> {
    let place = |name: &String| tasks.iter().position(|task| task == name);
    let mut cells = vec![vec![None; tasks.len()]; tasks.len()];
    for pair in &pairs {
        cells[place(&pair.task)?][place(&pair.other)?] = pair.value;
    }
    let found = grouping::best(&cells, most).filter(|_| !pairs.is_empty())?;
    let group = |group: &grouping::Group| ProposedGroup {
        tasks: group.tasks.iter().map(|task| tasks[*task].clone()).collect(),
        serves: group.serves.iter().map(|(task, score)| (tasks[*task].clone(), *score)).collect(),
    };
    Some(Proposal { groups: found.groups.iter().map(group).collect(), mean: found.mean, pairs })
}

#[cfg(test)]
mod tests {
    use crate::domain::name::RunId;
    use crate::report::grouping::{Grouping, propose};
    use crate::report::style::Style;
    use crate::store::affinity::AffinityRecord;

    /// By hand: a and b help each other; c is hindered by both, least by a.
    #[test]
    fn groups_are_told_with_who_serves_whom_and_who_is_not_helped() {
        let tasks = ["a", "b", "c"].map(str::to_owned).to_vec();
        let pair = |task: &str, other: &str, value: f64| AffinityRecord {
            task: task.to_owned(),
            other: other.to_owned(),
            value: Some(value),
            steps: 12,
        };
        let pairs = vec![
            pair("a", "b", 0.04),
            pair("b", "a", 0.02),
            pair("a", "c", -0.01),
            pair("b", "c", -0.03),
            pair("c", "a", -0.01),
            pair("c", "b", 0.0),
        ];
        let grouping = |most: usize| Grouping {
            run: RunId::new("abc-1").expect("a name"),
            trial: 1,
            most,
            affinity: propose(&tasks, pairs.clone(), most),
            cosine: propose(&tasks, Vec::new(), most),
            tasks: tasks.clone(),
        };
        let found = grouping(2);
        let text = found.text(&Style::plain());
        for part in [
            "    1  a, b",
            "a +2.0, b +4.0",
            "    2  c ",
            "c 0\n",
            "mean score +2.0",
            "no group would help c;",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let one = grouping(1).text(&Style::plain());
        for part in ["    1  a, b, c", "a +0.50, b +2.0, c −2.0", "c: not helped here"] {
            assert!(one.contains(part), "{part} is missing in\n{one}");
        }
        assert!(found.cosine.is_none() && found.obstacle().is_none());
        assert_eq!(found.json()["affinity"]["groups"][1]["serves"][0][0], "c");
    }
}
