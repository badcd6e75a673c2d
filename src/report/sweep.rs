//! Which settings work: the trials of a sweep put together by what varies, each group's mean over its
//! seeds with its 95 % interval, and whether it differs from equal weights.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::choice::called;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::report::pareto::Pareto;
use crate::report::score::{ARROWS, metric};
use crate::report::student::{Mean, mean, paired};
use crate::report::style::{Style, Tone};
use crate::report::table::{Align, Cell, Table};
use crate::report::trials::Trained;
use crate::report::{gain, number};
use crate::store::trial::SweepObjective;
use crate::store::{Error, Store};

const WEIGHTING: &str = "weighting";
const EQUAL: &str = "equal";

/// The trials of one run or several, by what varies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sweep {
    /// The addresses that tell groups apart.
    pub by: Vec<String>,
    /// The best group first, by its objective on validation rows.
    pub groups: Vec<Group>,
    /// Which objectives are better.
    pub direction: Direction,
    /// Trials that gave no scores yet.
    pub without: usize,
    /// Trials that were given up: no mean has them.
    pub pruned: usize,
    /// Epochs trained, and those that trials would have been trained for without pruning.
    pub epochs: (usize, usize),
    /// The settings that no other is better than, where several objectives are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub front: Option<Pareto>,
}

/// Trials with the same settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// One per address.
    pub settings: Vec<String>,
    /// The same, as short as tells the groups apart.
    #[serde(skip)]
    pub called: Vec<String>,
    /// `census-3f2a#1`
    pub trials: Vec<String>,
    /// Trials of these settings that were given up, left out of every mean.
    pub pruned: usize,
    /// What the best epochs were chosen by, on validation rows.
    pub objective: Option<Mean>,
    /// Mean over tasks of its place among the groups, by the test split where there is one.
    pub rank: Option<f64>,
    pub tasks: Vec<TaskMean>,
    /// Over each task trained alone, in percent, the mean over tasks.
    pub gain: GainMean,
}

/// A gain on both splits, where tasks were trained alone too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GainMean {
    pub valid: Option<Mean>,
    pub test: Option<Mean>,
}

/// The first metric of a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskMean {
    pub task: String,
    pub metric: String,
    pub direction: Direction,
    pub valid: Option<Mean>,
    pub test: Option<Mean>,
    /// Of a paired t-test against equal weights, all else the same, on the test split.
    pub p: Option<f64>,
    /// Over the task trained alone, in percent, on the test split.
    pub gain: Option<Mean>,
}

impl Sweep {
    /// Reads runs; without addresses, everything that their sweeps vary tells groups apart.
    pub fn read(store: &Store, runs: &[RunId], by: &[String]) -> Result<Self, Error> {
        Self::read_trials(store, &runs.iter().map(|run| (run.clone(), None)).collect::<Vec<_>>(), by)
    }

    /// The same of runs, or of those of their trials that are named; one that is named twice counts once.
    pub fn read_trials(store: &Store, named: &[(RunId, Option<u32>)], by: &[String]) -> Result<Self, Error> {
        let mut trained: Vec<Trained> = Vec::new();
        let mut direction = Direction::Lower;
        let mut objectives = Vec::new();
        for (run, only) in named {
            direction = store.direction(run)?;
            let mut own = Trained::read(store, run)?;
            own.retain(|trial| only.is_none_or(|only| trial.number == only));
            own.retain(|trial| trained.iter().all(|known| known.name != trial.name));
            trained.extend(own);
            objectives.push(store.sweep_objectives(run)?);
        }
        // Runs with other objectives have no front together.
        objectives.dedup();
        let shared = if objectives.len() == 1 { objectives.remove(0) } else { Vec::new() };
        Ok(Self::of(&trained, by, direction).with_front(&shared, &trained))
    }

    /// With the front of its groups by these objectives.
    pub fn with_front(self, objectives: &[SweepObjective], trained: &[Trained]) -> Self {
        let front = Pareto::of(objectives, &self.groups, trained);
        Self { front, ..self }
    }

    /// Groups what was read.
    pub fn of(trained: &[Trained], by: &[String], direction: Direction) -> Self {
        let mut varied: Vec<String> = Vec::new();
        for address in trained.iter().flat_map(|trial| trial.choices.iter().map(|(address, _)| address)) {
            if !varied.contains(address) {
                varied.push(address.clone());
            }
        }
        let by = if by.is_empty() { varied.clone() } else { by.to_vec() };
        let given_up: Vec<&Trained> = trained.iter().filter(|trial| trial.pruned.is_some()).collect();
        let scored: Vec<&Trained> =
            trained.iter().filter(|trial| trial.pruned.is_none() && !trial.scores.is_empty()).collect();
        let settings = |trial: &Trained| by.iter().map(|address| trial.setting(address)).collect::<Vec<_>>();
        let mut members: Vec<(Vec<String>, Vec<&Trained>)> = Vec::new();
        for &trial in &scored {
            let settings = settings(trial);
            match members.iter_mut().find(|(known, _)| *known == settings) {
                Some((_, trials)) => trials.push(trial),
                None => members.push((settings, vec![trial])),
            }
        }
        // What is not looked at must be the same on both sides of a pair, and so must the seed.
        let rest: Vec<&String> = varied.iter().filter(|address| !by.contains(address)).collect();
        let pair = |trial: &Trained| {
            (rest.iter().map(|address| trial.setting(address)).collect::<Vec<_>>(), trial.seed)
        };
        let reference = |settings: &[String]| {
            let place = by.iter().position(|address| address == WEIGHTING)?;
            let mut equal = settings.to_vec();
            equal[place] = EQUAL.to_owned();
            let found = members.iter().find(|(known, _)| *known == equal && known != settings)?;
            Some(found.1.as_slice())
        };
        let mut groups: Vec<Group> = members
            .iter()
            .map(|(own, trials)| Group {
                settings: own.clone(),
                called: Vec::new(),
                pruned: given_up.iter().filter(|trial| settings(trial) == *own).count(),
                trials: trials.iter().map(|trial| trial.name.clone()).collect(),
                objective: mean(&trials.iter().filter_map(|trial| trial.objective).collect::<Vec<_>>()),
                rank: None,
                tasks: tasks(trials, reference(own), pair),
                gain: GainMean {
                    valid: mean(&trials.iter().filter_map(|trial| trial.gain.0).collect::<Vec<_>>()),
                    test: mean(&trials.iter().filter_map(|trial| trial.gain.1).collect::<Vec<_>>()),
                },
            })
            .collect();
        rank(&mut groups);
        for place in 0..by.len() {
            let values: Vec<String> = groups.iter().map(|group| group.settings[place].clone()).collect();
            groups.iter_mut().zip(called(&values)).for_each(|(group, short)| group.called.push(short));
        }
        let key = |group: &Group| group.objective.map_or(f64::NAN, |objective| objective.mean);
        groups.sort_by(|a, b| match (key(a), key(b)) {
            (a, b) if direction.prefers(a, b) => std::cmp::Ordering::Less,
            (a, b) if direction.prefers(b, a) => std::cmp::Ordering::Greater,
            (a, b) => a.is_nan().cmp(&b.is_nan()),
        });
        let (pruned, without) = (given_up.len(), trained.len() - scored.len() - given_up.len());
        let epochs =
            trained.iter().fold((0, 0), |sum, trial| (sum.0 + trial.epochs.0, sum.1 + trial.epochs.1));
        Self { by, groups, direction, without, pruned, epochs, front: None }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!(self)
    }

    /// For people.
    pub fn text(&self, style: &Style) -> String {
        if self.groups.is_empty() {
            return "no trial has scores yet\n".to_owned();
        }
        let mut text = String::new();
        for (title, remark, table) in self.tables() {
            text.push_str(&style.heading(&title, &remark));
            text.push_str(&table.text(style));
        }
        text.push_str(&self.front_text(style));
        if self.pruned > 0 {
            let (trained, planned) = self.epochs;
            text.push_str(&format!(
                "\n{} trials were pruned and are in no mean; {trained} of {planned} epochs were trained\n",
                self.pruned
            ));
        }
        if self.without > 0 {
            text.push_str(&format!("\n{} trials have no scores yet\n", self.without));
        }
        text
    }

    /// A table of the groups, and one for every task: title, remark, table.
    pub(crate) fn tables(&self) -> Vec<(String, String, Table)> {
        let Some(first) = self.groups.first() else { return Vec::new() };
        let largest = self.groups.iter().map(|group| group.trials.len()).max().unwrap_or(0);
        let remark = match largest {
            0 | 1 => "one trial each".to_owned(),
            _ => "mean ± half of its 95 % interval (Student t)".to_owned(),
        };
        let arrow = metric("objective", self.direction);
        let mut table = self.table(&[
            ("trials", Align::Right),
            (arrow.as_str(), Align::Left),
            ("mean rank", Align::Right),
        ]);
        for group in &self.groups {
            let rank = group.rank.map_or_else(|| "–".to_owned(), |rank| format!("{rank:.2}"));
            let more = if group.pruned > 0 { format!(" + {} pruned", group.pruned) } else { String::new() };
            let cells = [format!("{}{more}", group.trials.len()), interval(group.objective), rank];
            table.row([names(group), cells.map(Cell::from).to_vec()].concat());
        }
        let mut tables = vec![("Settings".to_owned(), remark, table)];
        for (place, task) in first.tasks.iter().enumerate() {
            let tested = self.groups.iter().any(|group| group.tasks[place].p.is_some());
            let remark = format!("{}  {ARROWS}", metric(&task.metric, task.direction));
            let mut columns = vec![("valid", Align::Left), ("test", Align::Left)];
            columns.extend(tested.then_some(("p against equal weights", Align::Right)));
            let mut table = self.table(&columns);
            for group in &self.groups {
                let task = &group.tasks[place];
                let mut cells = names(group);
                cells.push(interval(task.valid).into());
                cells.push(Cell::new(Tone::Strong, interval(task.test)));
                if tested {
                    let tone = if task.p.is_some_and(|p| p < 0.05) { Tone::Good } else { Tone::Plain };
                    cells.push(Cell::new(tone, task.p.map_or_else(String::new, |p| format!("{p:.3}"))));
                }
                table.row(cells);
            }
            tables.push((task.task.clone(), remark, table));
        }
        tables.extend(gain::groups(self));
        tables
    }

    /// The front for people; nothing without several objectives.
    pub fn front_text(&self, style: &Style) -> String {
        self.front.as_ref().map_or_else(String::new, |front| front.text(&self.by, style))
    }

    pub(crate) fn table(&self, columns: &[(&str, Align)]) -> Table {
        let mut titles: Vec<(&str, Align)> = self.by.iter().map(|by| (by.as_str(), Align::Left)).collect();
        titles.extend(columns);
        Table::new(&titles)
    }
}

pub(crate) fn names(group: &Group) -> Vec<Cell> {
    group.called.iter().map(|setting| Cell::new(Tone::Strong, setting)).collect()
}

/// `0.9463 ± 0.0012`
pub(crate) fn interval(mean: Option<Mean>) -> String {
    let Some(mean) = mean else { return "–".to_owned() };
    let half = mean.half.map(|half| format!(" ± {}", number::difference(half).trim_start_matches('+')));
    format!("{}{}", number::significant(mean.mean), half.unwrap_or_default())
}

/// The first metric of every task over a group's trials, and against the reference's trials of the same pair.
fn tasks<P: PartialEq>(
    trials: &[&Trained],
    reference: Option<&[&Trained]>,
    pair: impl Fn(&Trained) -> P,
) -> Vec<TaskMean> {
    let Some(first) = trials.first() else { return Vec::new() };
    let of = |trial: &Trained, task: usize, split: Split| trial.scores.get(task)?.value(split);
    let over = |task: usize, split: Split| {
        mean(&trials.iter().filter_map(|trial| of(trial, task, split)).collect::<Vec<_>>())
    };
    let against = |task: usize| {
        let difference = |trial: &&Trained| {
            let other = reference?.iter().find(|other| pair(other) == pair(trial))?;
            Some(of(trial, task, Split::Test)? - of(other, task, Split::Test)?)
        };
        paired(&trials.iter().filter_map(difference).collect::<Vec<_>>())
    };
    let one = |(place, score): (usize, &crate::report::trials::TaskScore)| TaskMean {
        task: score.task.clone(),
        metric: score.metric.clone(),
        direction: score.direction,
        valid: over(place, Split::Valid),
        test: over(place, Split::Test),
        p: against(place),
        gain: mean(&trials.iter().filter_map(|trial| trial.scores.get(place)?.gain).collect::<Vec<_>>()),
    };
    first.scores.iter().enumerate().map(one).collect()
}

/// Each group's mean place over the tasks; equal ones share the mean of their places.
fn rank(groups: &mut [Group]) {
    let value = |group: &Group, task: usize| {
        let task = group.tasks.get(task)?;
        Some((task.test.or(task.valid)?.mean, task.direction))
    };
    let tasks = groups.first().map_or(0, |group| group.tasks.len());
    let ranks: Vec<Option<f64>> = groups
        .iter()
        .map(|group| {
            let place = |task: usize| {
                let (own, direction) = value(group, task)?;
                let others = groups.iter().filter_map(|other| value(other, task)).map(|(other, _)| other);
                let (better, same) = others.fold((0.0, 0.0), |(better, same), other| {
                    (better + f64::from(direction.prefers(other, own)), same + f64::from(other == own))
                });
                Some(better + (same + 1.0) / 2.0)
            };
            let places: Option<Vec<f64>> = (0..tasks).map(place).collect();
            places
                .filter(|places| !places.is_empty())
                .map(|places| places.iter().sum::<f64>() / places.len() as f64)
        })
        .collect();
    groups.iter_mut().zip(ranks).for_each(|(group, rank)| group.rank = rank);
}

#[cfg(test)]
mod tests;
