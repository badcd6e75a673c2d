//! Chooses the best epoch, and stops training without improvement.
//!
//! An epoch with an undefined monitor (for example NaN, or AUROC with a single class) is never an
//! improvement. As long as the monitor was never defined, the validation loss is used instead; without that,
//! the latest epoch is kept and training is not stopped early.

use serde::{Deserialize, Serialize};

use crate::domain::score::Direction;

/// Keeps track of the best epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    direction: Direction,
    patience: Option<usize>,
    state: StopperState,
}

/// The state that checkpoints store. Epochs count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopperState {
    /// The best epoch; 0 before the first.
    pub best_epoch: usize,
    /// The best objective, as bits, because decimal text could lose precision.
    best_bits: Option<u64>,
    /// The lowest loss while there is no objective, as bits.
    #[serde(default)]
    #[serde(rename = "stand_in_bits")]
    fallback_bits: Option<u64>,
    /// Epochs since the best one.
    #[serde(rename = "waited")]
    pub epochs_without_improvement: usize,
}

impl StopperState {
    /// The best objective, if any.
    pub fn best(&self) -> Option<f64> {
        self.best_bits.map(f64::from_bits)
    }
}

/// The result of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyStoppingVerdict {
    /// The best so far: keep its weights.
    Best,
    /// No improvement; continue.
    Wait,
    /// No improvement for `patience` epochs.
    Stop,
}

impl EarlyStopping {
    /// Stops after `patience` epochs without improvement; `None` never stops.
    pub fn new(direction: Direction, patience: Option<usize>) -> Self {
        Self { direction, patience, state: StopperState::default() }
    }

    /// The state, for a checkpoint.
    pub fn state(&self) -> StopperState {
        self.state
    }

    /// Continues from a checkpoint's state.
    pub fn restore(&mut self, state: StopperState) {
        self.state = state;
    }

    /// Takes an epoch's objective, and the loss to use instead while the objective was never defined.
    pub fn update(
        &mut self,
        epoch: usize,
        objective: Option<f64>,
        fallback_loss: Option<f64>,
    ) -> EarlyStoppingVerdict {
        let objective = objective.filter(|value| !value.is_nan());
        let fallback_loss = fallback_loss.filter(|value| !value.is_nan());
        let lowest = self.state.fallback_bits.map(f64::from_bits);
        let better = match (objective, self.state.best()) {
            (Some(value), Some(best)) => self.direction.prefers(value, best),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => match (fallback_loss, lowest) {
                (Some(loss), Some(lowest)) => loss < lowest,
                (None, Some(_)) => false,
                (_, None) => true,
            },
        };
        if better {
            self.state = StopperState {
                best_epoch: epoch,
                best_bits: objective.map(f64::to_bits),
                fallback_bits: fallback_loss.filter(|_| objective.is_none()).map(f64::to_bits),
                epochs_without_improvement: 0,
            };
            return EarlyStoppingVerdict::Best;
        }
        self.state.epochs_without_improvement += 1;
        match self.patience {
            Some(patience) if self.state.epochs_without_improvement >= patience => EarlyStoppingVerdict::Stop,
            _ => EarlyStoppingVerdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::score::Direction;
    use crate::train::early_stopping::{EarlyStopping, EarlyStoppingVerdict};

    fn verdicts(
        direction: Direction,
        patience: Option<usize>,
        objectives: &[Option<f64>],
    ) -> (Vec<EarlyStoppingVerdict>, usize) {
        let mut stopping = EarlyStopping::new(direction, patience);
        let verdicts =
            objectives.iter().enumerate().map(|(i, value)| stopping.update(i + 1, *value, None)).collect();
        (verdicts, stopping.state().best_epoch)
    }

    use EarlyStoppingVerdict::{Best, Stop, Wait};

    #[test]
    fn stops_after_patience_epochs_without_improvement() {
        let losses = [Some(1.0), Some(0.5), Some(0.5), Some(0.6)];
        assert_eq!(verdicts(Direction::Lower, Some(2), &losses), (vec![Best, Best, Wait, Stop], 2));
        let scores = [Some(0.7), Some(0.6), Some(0.8)];
        assert_eq!(verdicts(Direction::Higher, Some(2), &scores), (vec![Best, Wait, Best], 3));
    }

    #[test]
    fn without_patience_never_stops() {
        let losses = [Some(1.0), Some(2.0), Some(3.0), Some(4.0)];
        assert_eq!(verdicts(Direction::Lower, None, &losses), (vec![Best, Wait, Wait, Wait], 1));
    }

    #[test]
    fn without_an_objective_the_latest_epoch_is_best() {
        assert_eq!(verdicts(Direction::Lower, Some(1), &[None, None, None]), (vec![Best; 3], 3));
        assert_eq!(
            verdicts(Direction::Lower, Some(1), &[None, Some(2.0), Some(f64::NAN)]),
            (vec![Best, Best, Stop], 2)
        );
    }

    #[test]
    fn a_loss_is_used_until_there_is_an_objective() {
        let mut stopping = EarlyStopping::new(Direction::Higher, Some(2));
        let epochs = [
            (None, Some(0.9), Best),
            (None, Some(0.7), Best),
            (None, Some(f64::NAN), Wait),
            // From here on only the objective counts, however low the loss is.
            (Some(0.2), Some(0.8), Best),
            (None, Some(0.1), Wait),
            (Some(0.3), Some(0.9), Best),
            (Some(f64::NAN), Some(0.1), Wait),
            (Some(0.3), Some(0.1), Stop),
        ];
        for (epoch, (objective, loss, verdict)) in (1..).zip(epochs) {
            assert_eq!(stopping.update(epoch, objective, loss), verdict, "epoch {epoch}");
        }
        assert_eq!((stopping.state().best_epoch, stopping.state().best()), (6, Some(0.3)));
        // If the objective was never defined, patience depends on the loss.
        let mut stopping = EarlyStopping::new(Direction::Higher, Some(2));
        let verdicts = [0.5, 0.4, 0.6, 0.4].map(|loss| stopping.update(1, None, Some(loss)));
        assert_eq!((verdicts, stopping.state().best()), ([Best, Best, Wait, Stop], None));
    }

    #[test]
    fn a_restored_state_continues() {
        let mut one = EarlyStopping::new(Direction::Lower, Some(2));
        one.update(1, Some(0.1 + 0.2), None);
        one.update(2, Some(0.5), None);
        let mut two = EarlyStopping::new(Direction::Lower, Some(2));
        let text = serde_json::to_string(&one.state()).expect("text");
        two.restore(serde_json::from_str(&text).expect("a state"));
        assert_eq!(one, two);
        assert_eq!(two.update(3, Some(0.4), None), Stop);
    }
}
