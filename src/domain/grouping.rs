//! Task grouping from pairwise affinities: the network selection of TAG (Fifty et al., NeurIPS 2021).
//!
//! In a group S the score of a task t is the mean affinity Z_(s->t) of the other tasks s in S; a task alone
//! scores 0. At most `max_groups` groups are chosen, and they may overlap. Each task is served by the chosen
//! group in which its score is highest, and the mean of these scores over all tasks is maximal.
//!
//! The solution is exact: the assignment of tasks to groups is a partition, so the best partition of every
//! subset follows from those of smaller subsets, in 3^T steps for T tasks.

/// Maximum number of tasks; more would take minutes.
pub const MAX_TASKS: usize = 16;

/// A proposed grouping.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// The groups; each task is in at least one.
    pub groups: Vec<TaskGroup>,
    /// Mean score over all tasks.
    pub mean: f64,
}

/// Tasks to train together, by index.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskGroup {
    /// Indices of the tasks.
    pub tasks: Vec<usize>,
    /// The tasks that this group serves, with their scores.
    pub serves: Vec<(usize, f64)>,
}

/// Returns the best grouping into at most `max_groups` groups. `affinity[i][j]` is the effect of task `i` on
/// task `j`; missing values count as 0. `None` for fewer than two tasks, more than [`MAX_TASKS`] tasks, or
/// no group.
pub fn best_grouping(affinity: &[Vec<Option<f64>>], max_groups: usize) -> Option<Grouping> {
    let tasks = affinity.len();
    if !(2..=MAX_TASKS).contains(&tasks) || max_groups == 0 {
        return None;
    }
    let all_tasks = (1_usize << tasks) - 1;
    let served = served(affinity, all_tasks);
    // For each number of groups and each set of tasks: the best sum, and the part served by the last group.
    let mut levels: Vec<Vec<(f64, usize)>> =
        vec![served.iter().enumerate().map(|(set, (sum, _))| (*sum, set)).collect()];
    for level in 1..max_groups.min(tasks) {
        let fewer = &levels[level - 1];
        let best_division = |set: usize| {
            let mut best = fewer[set];
            for part in subsets(set).filter(|part| *part != set) {
                let sum = served[part].0 + fewer[set & !part].0;
                if sum > best.0 {
                    best = (sum, part);
                }
            }
            best
        };
        levels.push((0..=all_tasks).map(best_division).collect());
    }
    let mut groups: Vec<TaskGroup> = Vec::new();
    let (mut left, mut level) = (all_tasks, levels.len() - 1);
    while left != 0 {
        // Prefer the smallest number of groups with the same score.
        while level > 0 && levels[level - 1][left].0 >= levels[level][left].0 {
            level -= 1;
        }
        let part = levels[level][left].1;
        let group = served[part].1;
        let serves = members(part).map(|task| (task, score(affinity, group, task))).collect();
        groups.push(TaskGroup { tasks: members(group).collect(), serves });
        left &= !part;
        level = level.saturating_sub(1);
    }
    groups.sort_by_key(|group| group.serves.first().map(|(task, _)| *task));
    let mean = levels.last()?[all_tasks].0 / tasks as f64;
    Some(Grouping { groups, mean })
}

/// Scores groups by other affinities than those they were chosen by: the mean over tasks of their scores in
/// the groups that serve them.
pub fn score_groups(affinity: &[Vec<Option<f64>>], groups: &[TaskGroup]) -> f64 {
    let of_group = |group: &TaskGroup| -> f64 {
        let set = group.tasks.iter().fold(0, |set, task| set | 1 << task);
        group.serves.iter().map(|(task, _)| score(affinity, set, *task)).sum()
    };
    groups.iter().map(of_group).sum::<f64>() / affinity.len() as f64
}

/// Mean affinity of the other tasks of a group to one of its tasks.
fn score(affinity: &[Vec<Option<f64>>], group: usize, task: usize) -> f64 {
    if group.count_ones() < 2 {
        return 0.0;
    }
    let others = members(group).filter(|other| *other != task);
    let sum: f64 = others.map(|other| affinity[other][task].unwrap_or(0.0)).sum();
    sum / (group.count_ones() - 1) as f64
}

/// For each set of tasks, the best sum of their scores in one group, and that group.
fn served(affinity: &[Vec<Option<f64>>], all_tasks: usize) -> Vec<(f64, usize)> {
    let mut best = vec![(f64::NEG_INFINITY, 0); all_tasks + 1];
    best[0] = (0.0, 0);
    for group in 1..=all_tasks {
        let scores: Vec<f64> = (0..affinity.len())
            .map(|task| if group >> task & 1 == 1 { score(affinity, group, task) } else { 0.0 })
            .collect();
        for part in subsets(group) {
            let sum: f64 = members(part).map(|task| scores[task]).sum();
            if sum > best[part].0 {
                best[part] = (sum, group);
            }
        }
    }
    best
}

/// All non-empty subsets.
fn subsets(set: usize) -> impl Iterator<Item = usize> {
    std::iter::successors((set != 0).then_some(set), move |part| {
        Some((part - 1) & set).filter(|part| *part != 0)
    })
}

fn members(set: usize) -> impl Iterator<Item = usize> {
    (0..usize::BITS as usize).filter(move |task| set >> task & 1 == 1)
}

#[cfg(test)]
mod tests {
    use crate::domain::grouping::{MAX_TASKS, best_grouping, score_groups};

    fn random(tasks: usize, seed: u64) -> Vec<Vec<Option<f64>>> {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut draw = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f64 / (1_u64 << 24) as f64 - 0.4
        };
        (0..tasks).map(|_| (0..tasks).map(|_| Some(draw())).collect()).collect()
    }

    /// The mean over tasks of the best score in these groups; `None` if a task is in none.
    fn value(affinity: &[Vec<Option<f64>>], groups: &[Vec<usize>]) -> Option<f64> {
        let score = |group: &Vec<usize>, task: usize| {
            let others = group.iter().filter(|other| **other != task);
            let sum: f64 = others.map(|other| affinity[*other][task].unwrap()).sum();
            if group.len() > 1 { sum / (group.len() - 1) as f64 } else { 0.0 }
        };
        let of_task = |task: usize| {
            let own = groups.iter().filter(|group| group.contains(&task)).map(|group| score(group, task));
            own.max_by(f64::total_cmp)
        };
        let all: Option<Vec<f64>> = (0..affinity.len()).map(of_task).collect();
        Some(all?.iter().sum::<f64>() / affinity.len() as f64)
    }

    /// Brute force over every choice of up to `most` groups.
    fn brute_force(affinity: &[Vec<Option<f64>>], most: usize) -> f64 {
        let tasks = affinity.len();
        let all: Vec<Vec<usize>> = (1..1_usize << tasks)
            .map(|set| (0..tasks).filter(|task| set >> task & 1 == 1).collect::<Vec<_>>())
            .collect();
        let mut best = f64::NEG_INFINITY;
        let mut open: Vec<(usize, Vec<Vec<usize>>)> = vec![(0, Vec::new())];
        while let Some((from, chosen)) = open.pop() {
            best = best.max(value(affinity, &chosen).unwrap_or(f64::NEG_INFINITY));
            if chosen.len() < most {
                let longer = |at: usize| (at + 1, [chosen.clone(), vec![all[at].clone()]].concat());
                open.extend((from..all.len()).map(longer));
            }
        }
        best
    }

    #[test]
    fn groupings_are_optimal() {
        for (tasks, most) in [(2, 1), (3, 1), (3, 2), (4, 2), (4, 3), (5, 2), (5, 3), (6, 2)] {
            for seed in 0..6 {
                let affinity = random(tasks, seed);
                let grouping = best_grouping(&affinity, most).expect("a grouping");
                let expected = brute_force(&affinity, most);
                assert!(
                    (grouping.mean - expected).abs() < 1e-12,
                    "{tasks} tasks, {most} groups: {grouping:?}, {expected}"
                );
                assert!(grouping.groups.len() <= most);
                let groups: Vec<Vec<usize>> =
                    grouping.groups.iter().map(|group| group.tasks.clone()).collect();
                let sum: f64 =
                    grouping.groups.iter().flat_map(|group| &group.serves).map(|(_, score)| score).sum();
                assert!((value(&affinity, &groups).expect("all served") - grouping.mean).abs() < 1e-12);
                assert!((sum / tasks as f64 - grouping.mean).abs() < 1e-12);
                assert!((score_groups(&affinity, &grouping.groups) - grouping.mean).abs() < 1e-12);
            }
        }
    }

    /// Two pairs that help each other and hinder the other pair.
    #[test]
    fn tasks_that_help_each_other_share_a_group() {
        let friend = |i: usize, j: usize| Some(if i / 2 == j / 2 { 0.2 } else { -0.1 });
        let affinity: Vec<Vec<_>> = (0..4).map(|i| (0..4).map(|j| friend(i, j)).collect()).collect();
        let two = best_grouping(&affinity, 2).expect("a grouping");
        assert_eq!(
            two.groups.iter().map(|group| group.tasks.clone()).collect::<Vec<_>>(),
            [vec![0, 1], vec![2, 3]]
        );
        assert!((two.mean - 0.2).abs() < 1e-12);
        assert_eq!(best_grouping(&affinity, 3).expect("a grouping"), two, "no more groups than are useful");
        // A task that all others hinder is better alone.
        let outcast = |i: usize, j: usize| Some(if i == 2 || j == 2 { -0.1 } else { 0.2 });
        let affinity: Vec<Vec<_>> = (0..3).map(|i| (0..3).map(|j| outcast(i, j)).collect()).collect();
        let result = best_grouping(&affinity, 3).expect("a grouping");
        assert_eq!(
            result.groups.iter().map(|group| group.tasks.clone()).collect::<Vec<_>>(),
            [vec![0, 1], vec![2]]
        );
        assert!((result.mean - 0.4 / 3.0).abs() < 1e-12);
        // All three: twice (0.2 - 0.1) / 2, and -0.1.
        assert!(best_grouping(&affinity, 1).expect("a grouping").mean.abs() < 1e-12);
    }

    #[test]
    fn nothing_to_group() {
        assert_eq!(best_grouping(&random(1, 0), 2), None);
        assert_eq!(best_grouping(&random(MAX_TASKS + 1, 0), 2), None);
        assert_eq!(best_grouping(&random(3, 0), 0), None);
    }
}
