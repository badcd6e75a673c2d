//! In which order tasks are answered when some see others' answers.

/// Every task after those it waits for; otherwise in the given order. Or the tasks of a cycle, each
/// waiting for the next.
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

/// The wanted tasks and all they wait for, in the order of `order`.
pub fn closure<'a>(wanted: &[usize], order: &[usize], after: impl Fn(usize) -> &'a [usize]) -> Vec<usize> {
    let mut needed = vec![false; order.len()];
    wanted.iter().for_each(|task| needed[*task] = true);
    // Backwards, a task stands before those it waits for.
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
    fn waits_and_cycles() {
        // 0 waits for 2, which waits for 1; 3 waits for none.
        let after = [vec![2], vec![], vec![1], vec![]];
        let result = order(&after).unwrap();
        assert_eq!(result, [1, 2, 0, 3]);
        assert_eq!(closure(&[0], &result, |task| &after[task]), [1, 2, 0]);
        assert_eq!(closure(&[3, 1], &result, |task| &after[task]), [1, 3]);
        assert_eq!(order(&[vec![1], vec![2], vec![0]]), Err(vec![0, 1, 2, 0]));
        assert_eq!(order(&[vec![0]]), Err(vec![0, 0]));
    }
}
