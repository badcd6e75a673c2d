//! The input kind `category`: see [`CategoryConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::vocabulary::CategoryVocabulary;
use crate::data::feature::{Feature, FeaturePart};
use crate::data::note::DataNote;
use crate::domain::array::Array;
use crate::domain::choice_config::Settings;
use crate::domain::diagnostic::Severity;
use crate::domain::number::Count;
use crate::domain::signature::Encoding;

/// A categorical value as a learned embedding, with a row for unseen values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryConfig {
    /// Embedding width. Default: min(16, 1.6 x values^0.56), rounded.
    #[serde(default)]
    pub width: Option<Count>,
    /// Values on fewer training rows count as unseen. Default 1.
    #[serde(default = "default_minimum")]
    pub minimum: Count,
}

impl Settings for CategoryConfig {
    const BARE: Option<&'static str> = Some("width");
    const EXAMPLE: &'static str = "{category: {width: 8, minimum: 5}}";
}

fn default_minimum() -> Count {
    Count::constant(1)
}

impl CategoryConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let mut fitted = CategoryVocabulary::fit(name, self.minimum.get(), parts)?;
        if fitted.keys.is_empty() {
            let minimum = self.minimum.get();
            let text =
                format!("input `{name}`: no value occurs on `minimum: {minimum}` or more training rows");
            fitted.notes.push(DataNote { severity: Severity::Warning, text });
        }
        let width = self.width.map_or_else(|| default_width(fitted.keys.len()), Count::get);
        Ok(Feature {
            raw: fitted.raw(),
            encoding: Encoding::Code { keys: fitted.keys, width },
            encoded: fitted.codes.into_iter().map(Array::codes).collect(),
            samples: fitted.samples,
            notes: fitted.notes,
        })
    }
}

/// min(16, 1.6 x values^0.56), rounded, at least 1.
fn default_width(values: usize) -> usize {
    (1.6 * (values.max(1) as f64).powf(0.56)).round().clamp(1.0, 16.0) as usize
}

#[cfg(test)]
mod tests {
    use crate::data::feature::category::default_width;

    /// `[min(16, round(1.6 * n ** 0.56)) for n in (0 or 1, 2, 7, 47, 60, 61, 1000)]`
    #[test]
    fn widths_grow_with_the_number_of_values() {
        let widths = [0, 1, 2, 7, 47, 60, 61, 1000].map(default_width);
        assert_eq!(widths, [2, 2, 2, 5, 14, 16, 16, 16]);
    }
}
