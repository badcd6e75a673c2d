//! How many batches of an epoch each table has.

/// Divides `total` batches by weight (largest remainder method). A table with a positive weight has at least
/// one batch, so that no task goes untrained.
pub(super) fn apportion(weights: &[f64], total: usize) -> Vec<usize> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return vec![0; weights.len()];
    }
    let exact: Vec<f64> = weights.iter().map(|weight| weight / sum * total as f64).collect();
    let mut quotas: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    // The sort is stable: of equal remainders the earlier table comes first.
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let left = total.saturating_sub(quotas.iter().sum());
    order.iter().take(left).for_each(|&table| quotas[table] += 1);
    for table in 0..quotas.len() {
        if weights[table] > 0.0 && quotas[table] == 0 {
            let most = (0..quotas.len()).max_by_key(|&other| (quotas[other], usize::MAX - other));
            if let Some(most) = most.filter(|&most| quotas[most] > 1) {
                quotas[most] -= 1;
                quotas[table] = 1;
            }
        }
    }
    quotas
}
