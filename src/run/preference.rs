//! The preference vector that `--preference` feeds to a model.

use crate::domain::array::Array;
use crate::domain::diagnostic::nearest;
use crate::domain::name::TaskName;
use crate::domain::signature::PREFERENCE;
use crate::onnx::bundle::ModelCard;
use crate::run::error::RunError;

/// The preference input of a model: the given weights scaled to sum to 1, otherwise the card's default. Tasks
/// that are not named get 0. `None` for a model without this input.
///
/// # Errors
/// If the weights do not fit the model's tasks, or the model takes no preference.
pub fn feed_preference(
    card: &ModelCard,
    given_shares: &[(String, f64)],
) -> Result<Option<(String, Array)>, RunError> {
    if card.preference.is_empty() {
        return if given_shares.is_empty() { Ok(None) } else { Err(RunError::NoPreference) };
    }
    let mut shares: Vec<f64> = card.preference.values().copied().collect();
    if !given_shares.is_empty() {
        shares = preference_vector(card, given_shares)?;
    }
    let sum: f64 = shares.iter().sum();
    let shares: Vec<f32> = shares.iter().map(|share| (share / sum) as f32).collect();
    Ok(Some((PREFERENCE.to_owned(), Array::f32(&[1, shares.len()], shares))))
}

fn preference_vector(card: &ModelCard, given_shares: &[(String, f64)]) -> Result<Vec<f64>, RunError> {
    let mut shares = vec![0.0; card.preference.len()];
    for (index, (name, share)) in given_shares.iter().enumerate() {
        let invalid = |reason: String| Err(RunError::Preference(reason));
        if given_shares[..index].iter().any(|(other, _)| other == name) {
            return invalid(format!("contains `{name}` twice"));
        }
        if !share.is_finite() || *share < 0.0 {
            return invalid(format!("`{name}` is {share}, expected a number >= 0"));
        }
        let position = card.preference.keys().position(|task| task.as_str() == name.as_str());
        let Some(position) = position else {
            let near = nearest(name, card.preference.keys().map(TaskName::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return invalid(format!("contains `{name}`, which is not a task of the model{near}"));
        };
        shares[position] = *share;
    }
    match shares.iter().sum::<f64>() > 0.0 {
        true => Ok(shares),
        false => Err(RunError::Preference("has no weight greater than 0".to_owned())),
    }
}
