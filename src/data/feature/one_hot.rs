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

/// A categorical value as a one-hot vector; all zeros for unseen values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneHotConfig {
    /// Values on fewer training rows count as unseen. Default 1.
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

/// The largest number of values: more features cost too much memory.
const MAX_VALUES: usize = 1000;

impl OneHotConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let fitted = CategoryVocabulary::fit(name, self.minimum.get(), parts)?;
        let (column, found) = (name.to_owned(), fitted.keys.len());
        if found > MAX_VALUES {
            return Err(DataError::TooManyValues { column, found, limit: MAX_VALUES });
        }
        if found == 0 {
            return Err(DataError::NoKeys { column, minimum: self.minimum.get() });
        }
        Ok(Feature {
            raw: fitted.raw(),
            encoded: fitted.codes.iter().map(|codes| one_hot(codes, found)).collect(),
            encoding: Encoding::OneHot { keys: fitted.keys },
            samples: fitted.samples,
            notes: fitted.notes,
        })
    }
}
