//! The learning rate of every weight, which weights are frozen, and from which epoch each is trained.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::model::network::Network;
use crate::model::weights::Weight;
use crate::train::config::{TrainConfig, WeightPart};
use crate::train::weight_selector::WeightSelector;

/// `train.rates`, `train.freeze` and `train.unfreeze` for the weights of one network.
pub struct ParameterGroups<'a> {
    config: &'a TrainConfig,
    /// With their rates, in the order of the settings.
    rates: Vec<(WeightSelector, f64)>,
    frozen: Vec<WeightSelector>,
}

impl<'a> ParameterGroups<'a> {
    /// `tasks` are in the signature's order.
    pub fn new(config: &'a TrainConfig, tasks: &[TaskName]) -> Self {
        let rates = config.rates.rates.iter();
        Self {
            config,
            rates: rates.map(|(key, rate)| (WeightSelector::parse(key, tasks), rate.get())).collect(),
            frozen: config.freeze.iter().map(|key| WeightSelector::parse(key, tasks)).collect(),
        }
    }

    /// Whether `train.freeze` selects the weight.
    pub fn is_frozen(&self, weight: &Weight) -> bool {
        self.frozen.iter().any(|selector| selector.selects(weight))
    }

    /// The weight's learning rate, as a multiple of the optimizer's.
    pub fn relative_rate(&self, weight: &Weight) -> f64 {
        let own = self.rates.iter().filter(|(selector, _)| selector.selects(weight));
        // Of equals, `max_by_key` returns the last.
        let own = own.max_by_key(|(selector, _)| selector.precedence());
        let own = own.map_or(1.0, |(_, rate)| rate / self.config.optimizer.view().rate());
        match (self.config.rates.decay_per_layer, weight.blocks_after) {
            (Some(factor), Some(blocks)) => own * factor.get().powf(blocks as f64),
            _ => own,
        }
    }

    /// The weight's learning rate before any schedule.
    pub fn rate(&self, weight: &Weight) -> f64 {
        self.relative_rate(weight) * self.config.optimizer.view().rate()
    }

    /// The zero-based epoch from which the weight is trained.
    pub fn first_epoch(&self, weight: &Weight) -> usize {
        match (&self.config.unfreeze, weight.blocks_after) {
            (Some(config), Some(blocks)) => config.every.get().saturating_mul(blocks.saturating_add(1)),
            _ => 0,
        }
    }

    /// The first setting that has no effect on this network, or that leaves nothing to train.
    pub fn problem(&self, network: &Network) -> Option<Diagnostic> {
        let train = Path::from_key("train");
        let weights = || network.weights().trainable();
        let unknown = |key: &str, setting: &str, path: Path| {
            let message = format!("no trainable weight matches `{key}` in `train.{setting}`");
            let has_weights = |part: &WeightPart| {
                let part = WeightSelector::Part(*part);
                weights().any(|weight| part.selects(weight))
            };
            let parts = WeightPart::ALL.into_iter().filter(has_weights);
            let mut known: Vec<&str> =
                network.signature().tasks.iter().map(|task| task.name.as_str()).collect();
            parts.for_each(|part| known.push(part.name()));
            known.extend(weights().map(|weight| weight.name.as_str()));
            Diagnostic::error("no-weights", path, message).did_you_mean(key, known)
        };
        for ((selector, _), key) in self.rates.iter().zip(self.config.rates.rates.keys()) {
            if !weights().any(|weight| selector.selects(weight)) {
                return Some(unknown(key, "rates", train.key("rates").key(key)).on_key());
            }
        }
        for (index, (selector, key)) in self.frozen.iter().zip(&self.config.freeze).enumerate() {
            if !weights().any(|weight| selector.selects(weight)) {
                return Some(unknown(key, "freeze", train.key("freeze").index(index)));
            }
        }
        if weights().all(|weight| self.is_frozen(weight)) && !self.frozen.is_empty() {
            let message = "`freeze` leaves no weight to train";
            let help = "freeze fewer parts; the heads, at least, are usually trained";
            return Some(Diagnostic::error("all-frozen", train.key("freeze"), message).help(help));
        }
        self.without_blocks(network)
    }

    /// Settings that depend on blocks, in a network that has none.
    fn without_blocks(&self, network: &Network) -> Option<Diagnostic> {
        let weights = || network.weights().trainable().filter(|weight| !self.is_frozen(weight));
        let train = Path::from_key("train");
        let help = "blocks are those of the layers `transformer` and `pretrained`";
        let refuse = |path: Path, message: String| {
            Some(Diagnostic::error("no-blocks", path, message).on_key().help(help))
        };
        let last = weights().filter_map(|weight| weight.blocks_after).min();
        if last.is_none() && self.config.rates.decay_per_layer.is_some() {
            let message = "`decay_per_layer` has no effect: no layer with blocks is trained";
            return refuse(train.key("rates").key("decay_per_layer"), message.to_owned());
        }
        if last.is_none() && self.config.gradient_checkpointing {
            let message = "`gradient_checkpointing` has no effect: no layer with blocks is trained";
            return refuse(train.key("gradient_checkpointing"), message.to_owned());
        }
        let config = self.config.unfreeze.as_ref()?;
        let Some(blocks) = last else {
            let message = "`unfreeze` has no effect: no layer with blocks is trained";
            return refuse(train.key("unfreeze"), message.to_owned());
        };
        let (first, epochs) = (config.every.get().saturating_mul(blocks + 1), self.config.epochs.get());
        if first >= epochs {
            let message = format!(
                "`unfreeze` unfreezes the first block after {first} epochs; the training has {epochs}"
            );
            let path = train.key("unfreeze");
            let help = "raise `epochs`, or lower `every`";
            return Some(Diagnostic::error("never-unfrozen", path, message).on_key().help(help));
        }
        weights().all(|weight| self.first_epoch(weight) > 0).then(|| {
            let message = "`unfreeze` leaves no weight to train in the first epoch";
            let help = "remove `heads` from `freeze`";
            Diagnostic::error("all-frozen", train.key("unfreeze"), message).on_key().help(help)
        })
    }
}

#[cfg(test)]
mod tests;
