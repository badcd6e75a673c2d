//! The order in which tasks are computed when heads read other tasks' predictions.

/// Topological order of the tasks by their dependencies `after`; stable otherwise.
///
/// # Errors
/// The tasks of a cycle, each depending on the next; the first is repeated at the end.
pub fn order(after: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut done = Vec::with_capacity(after.len());
    for task in 0..after.len() {
        visit(task, after, &mut Vec::new(), &mut done)?;
    }
    Ok(done)
}

fn visit(
    task: usize,
    after: &[Vec<usize>],
    path: &mut Vec<usize>,
    done: &mut Vec<usize>,
) -> Result<(), Vec<usize>> {
    if done.contains(&task) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|seen| *seen == task) {
        let mut cycle = path[start..].to_vec();
        cycle.push(task);
        return Err(cycle);
    }
    path.push(task);
    for other in &after[task] {
        visit(*other, after, path, done)?;
    }
    path.pop();
    done.push(task);
    Ok(())
}

/// The `tasks` and all their dependencies, in the order of `order`.
pub fn closure<'a>(tasks: &[usize], order: &[usize], after: impl Fn(usize) -> &'a [usize]) -> Vec<usize> {
    let mut needed = vec![false; order.len()];
    tasks.iter().for_each(|task| needed[*task] = true);
    // In reverse order, a task comes before its dependencies.
    for task in order.iter().rev() {
        if needed[*task] {
            after(*task).iter().for_each(|other| needed[*other] = true);
        }
    }
    order.iter().copied().filter(|task| needed[*task]).collect()
}

#[cfg(test)]
mod tests {
    use crate::model::order::{closure, order};

    #[test]
    fn dependencies_and_cycles() {
        // 0 depends on 2, which depends on 1; 3 has no dependencies.
        let after = [vec![2], vec![], vec![1], vec![]];
        let sorted = order(&after).unwrap();
        assert_eq!(sorted, [1, 2, 0, 3]);
        assert_eq!(closure(&[0], &sorted, |task| &after[task]), [1, 2, 0]);
        assert_eq!(closure(&[3, 1], &sorted, |task| &after[task]), [1, 3]);
        assert_eq!(order(&[vec![1], vec![2], vec![0]]), Err(vec![0, 1, 2, 0]));
        assert_eq!(order(&[vec![0]]), Err(vec![0, 0]));
    }
}
