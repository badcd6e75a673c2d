//! The input kind `one_hot`: see [`OneHotSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::feature::encode::one_hot;
use crate::data::feature::vocabulary::Vocabulary;
use crate::data::feature::{Feature, Part};
use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::signature::Encoding;

/// One of several values, as one column per value; all 0 for an unseen one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneHotSpec {
    /// A value seen on fewer training rows than this counts as unseen. Default 1.
    #[serde(default = "one")]
    pub minimum: Count,
}

impl Settings for OneHotSpec {
    const BARE: Option<&'static str> = Some("minimum");
    const EXAMPLE: &'static str = "{one_hot: {minimum: 5}}";
}

fn one() -> Count {
    Count::constant(1)
}

/// Values beyond which one column per value costs more memory than it is worth.
const LIMIT: usize = 1000;

impl OneHotSpec {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[Part<'_>]) -> Result<Feature, Error> {
        let fitted = Vocabulary::fit(name, self.minimum.get(), parts)?;
        let found = fitted.keys.len();
        if found > LIMIT {
            return Err(Error::TooManyValues { column: name.to_owned(), found, limit: LIMIT });
        }
        if found == 0 {
            return Err(Error::NoKeys { column: name.to_owned(), minimum: self.minimum.get() });
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
