//! The regularization `elastic`: see [`ElasticConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::train::regularization::{PenaltyStrength, Regularization};

/// The elastic net penalty l1 sum |w| + l2 sum w^2 (Zou & Hastie 2005).
///
/// `regularization: {elastic: {l1: 1.0e-6, l2: 1.0e-5}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticConfig {
    /// Strength of sum |w|.
    pub l1: NonNegative,
    /// Strength of sum w^2.
    pub l2: NonNegative,
}

impl Settings for ElasticConfig {
    const EXAMPLE: &'static str = "{elastic: {l1: 1.0e-6, l2: 1.0e-5}}";
}

impl Regularization for ElasticConfig {
    fn strength(&self) -> PenaltyStrength {
        PenaltyStrength { l1: self.l1.get(), l2: self.l2.get() }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::train::regularization::Regularization;
    use crate::train::regularization::elastic::ElasticConfig;

    /// w = (1, -2): 0.5 * 3 + 0.1 * 5 = 2.
    #[test]
    fn by_hand() {
        let config = ElasticConfig { l1: NonNegative::constant(0.5), l2: NonNegative::constant(0.1) };
        assert_eq!(config.strength().penalty(3.0, 5.0), 2.0);
    }
}
