//! The preference among tasks that a model is told, from a person's words.

use crate::domain::array::Array;
use crate::domain::diagnostic::nearest;
use crate::domain::name::TaskName;
use crate::domain::signature::PREFERENCE;
use crate::onnx::bundle::ModelCard;
use crate::run::error::RunError;

/// What a model is fed beside its rows: these shares, scaled to sum to 1, or without any the card's own. A
/// task not named has none. `None` for a model that reads no preference.
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
        let wrong = |what: String| Err(RunError::Preference(what));
        if given_shares[..index].iter().any(|(other, _)| other == name) {
            return wrong(format!("names `{name}` twice"));
        }
        if !share.is_finite() || *share < 0.0 {
            return wrong(format!("gives `{name}` {share}, expected a number of 0 or more"));
        }
        let result = card.preference.keys().position(|task| task.as_str() == name.as_str());
        let Some(result) = result else {
            let near = nearest(name, card.preference.keys().map(TaskName::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return wrong(format!("names `{name}`, which is no task of the model{near}"));
        };
        shares[result] = *share;
    }
    match shares.iter().sum::<f64>() > 0.0 {
        true => Ok(shares),
        false => Err(RunError::Preference("gives no task a share".to_owned())),
    }
}
