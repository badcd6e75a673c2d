//! Which epoch is the best one, and when to stop looking for a better.
//!
//! A monitor that is undefined after an epoch (a ranking of rows of one class, NaN) makes that epoch no
//! better than any. As long as it never was defined, the validation loss stands in for it; where there is
//! none either, the latest epoch is kept, and nothing ends the training early.

use serde::{Deserialize, Serialize};

use crate::domain::score::Direction;

/// The best epoch so far, and how long ago it was.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    direction: Direction,
    patience: Option<usize>,
    standing: StopperState,
}

/// What it remembers. Epochs count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopperState {
    pub best_epoch: usize,
    /// The best objective, as bits: text would not keep it exactly.
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
    pub fn best(&self) -> Option<f64> {
        self.best_bits.map(f64::from_bits)
    }
}

/// What an epoch's objective means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyStoppingVerdict {
    /// The best so far: keep its weights.
    Best,
    /// Not better; go on.
    Wait,
    /// Not better, for as long as patience lasts.
    Stop,
}

impl EarlyStopping {
    pub fn new(direction: Direction, patience: Option<usize>) -> Self {
        Self { direction, patience, standing: StopperState::default() }
    }

    pub fn standing(&self) -> StopperState {
        self.standing
    }

    pub fn restore(&mut self, status: StopperState) {
        self.standing = status;
    }

    /// Told the objective after each epoch, and the loss that stands in for it while it never was defined.
    pub fn judge(
        &mut self,
        epoch: usize,
        objective: Option<f64>,
        stand_in: Option<f64>,
    ) -> EarlyStoppingVerdict {
        let objective = objective.filter(|value| !value.is_nan());
        let stand_in = stand_in.filter(|value| !value.is_nan());
        let lowest = self.standing.fallback_bits.map(f64::from_bits);
        let better = match (objective, self.standing.best()) {
            (Some(value), Some(best)) => self.direction.prefers(value, best),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => match (stand_in, lowest) {
                (Some(loss), Some(lowest)) => loss < lowest,
                (None, Some(_)) => false,
                (_, None) => true,
            },
        };
        if better {
            self.standing = StopperState {
                best_epoch: epoch,
                best_bits: objective.map(f64::to_bits),
                fallback_bits: stand_in.filter(|_| objective.is_none()).map(f64::to_bits),
                epochs_without_improvement: 0,
            };
            return EarlyStoppingVerdict::Best;
        }
        self.standing.epochs_without_improvement += 1;
        match self.patience {
            Some(patience) if self.standing.epochs_without_improvement >= patience => {
                EarlyStoppingVerdict::Stop
            }
            _ => EarlyStoppingVerdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::score::Direction;
    use crate::train::early_stopping::{EarlyStopping, EarlyStoppingVerdict};

    fn judge(
        direction: Direction,
        patience: Option<usize>,
        objectives: &[Option<f64>],
    ) -> (Vec<EarlyStoppingVerdict>, usize) {
        let mut stopping = EarlyStopping::new(direction, patience);
        let verdicts =
            objectives.iter().enumerate().map(|(i, value)| stopping.judge(i + 1, *value, None)).collect();
        (verdicts, stopping.standing().best_epoch)
    }

    use EarlyStoppingVerdict::{Best, Stop, Wait};

    #[test]
    fn stops_after_patience_without_a_better_one() {
        let losses = [Some(1.0), Some(0.5), Some(0.5), Some(0.6)];
        assert_eq!(judge(Direction::Lower, Some(2), &losses), (vec![Best, Best, Wait, Stop], 2));
        let scores = [Some(0.7), Some(0.6), Some(0.8)];
        assert_eq!(judge(Direction::Higher, Some(2), &scores), (vec![Best, Wait, Best], 3));
    }

    #[test]
    fn without_patience_never_stops() {
        let losses = [Some(1.0), Some(2.0), Some(3.0), Some(4.0)];
        assert_eq!(judge(Direction::Lower, None, &losses), (vec![Best, Wait, Wait, Wait], 1));
    }

    #[test]
    fn without_an_objective_the_latest_is_best() {
        assert_eq!(judge(Direction::Lower, Some(1), &[None, None, None]), (vec![Best; 3], 3));
        assert_eq!(
            judge(Direction::Lower, Some(1), &[None, Some(2.0), Some(f64::NAN)]),
            (vec![Best, Best, Stop], 2)
        );
    }

    #[test]
    fn a_loss_stands_in_until_there_is_an_objective() {
        let mut stopping = EarlyStopping::new(Direction::Higher, Some(2));
        let preference = [
            (None, Some(0.9), Best),
            (None, Some(0.7), Best),
            (None, Some(f64::NAN), Wait),
            // From here on the objective counts, however low the loss is.
            (Some(0.2), Some(0.8), Best),
            (None, Some(0.1), Wait),
            (Some(0.3), Some(0.9), Best),
            (Some(f64::NAN), Some(0.1), Wait),
            (Some(0.3), Some(0.1), Stop),
        ];
        for (epoch, (objective, loss, verdict)) in (1..).zip(preference) {
            assert_eq!(stopping.judge(epoch, objective, loss), verdict, "epoch {epoch}");
        }
        assert_eq!((stopping.standing().best_epoch, stopping.standing().best()), (6, Some(0.3)));
        // Never defined: patience goes by the loss.
        let mut stopping = EarlyStopping::new(Direction::Higher, Some(2));
        let verdicts = [0.5, 0.4, 0.6, 0.4].map(|loss| stopping.judge(1, None, Some(loss)));
        assert_eq!((verdicts, stopping.standing().best()), ([Best, Best, Wait, Stop], None));
    }

    #[test]
    fn a_standing_goes_on() {
        let mut one = EarlyStopping::new(Direction::Lower, Some(2));
        one.judge(1, Some(0.1 + 0.2), None);
        one.judge(2, Some(0.5), None);
        let mut two = EarlyStopping::new(Direction::Lower, Some(2));
        let text = serde_json::to_string(&one.standing()).expect("text");
        two.restore(serde_json::from_str(&text).expect("a standing"));
        assert_eq!(one, two);
        assert_eq!(two.judge(3, Some(0.4), None), Stop);
    }
}
