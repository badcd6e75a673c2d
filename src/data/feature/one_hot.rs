//! The input kind `one_hot`: see [`OneHotConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::encode::one_hot;
use crate::data::feature::vocabulary::CategoryVocabulary;
use crate::data::feature::{Feature, FeaturePart};
use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::signature::Encoding;

/// One of several values, as one column per value; all 0 for an unseen one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneHotConfig {
    /// A value seen on fewer training rows than this counts as unseen. Default 1.
    #[serde(default = "default_minimum")]
    pub minimum: Count,
}

impl Settings for OneHotConfig {
    const BARE: Option<&'static str> = Some("minimum");
    const EXAMPLE: &'static str = "{one_hot: {minimum: 5}}";
}

fn default_minimum() -> Count {
    Count::constant(1)
}

/// Values beyond which one column per value costs more memory than it is worth.
const LIMIT: usize = 1000;

impl OneHotConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let fitted = CategoryVocabulary::fit(name, self.minimum.get(), parts)?;
        let result = fitted.keys.len();
        if result > LIMIT {
            return Err(DataError::TooManyValues { column: name.to_owned(), found: result, limit: LIMIT });
        }
        if result == 0 {
            return Err(DataError::NoKeys { column: name.to_owned(), minimum: self.minimum.get() });
        }
        Ok(Feature {
            raw: fitted.raw(),
            encoded: fitted.codes.iter().map(|codes| one_hot(codes, result)).collect(),
            encoding: Encoding::OneHot { keys: fitted.keys },
            samples: fitted.samples,
            notes: fitted.notes,
        })
    }
}
