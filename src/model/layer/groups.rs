//! Groups of channels of a convolution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::number::Count;

/// The groups of channels of a convolution; filters of a group read its channels only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// This many groups of equal size.
    Count(Count),
    /// Every channel is a group.
    Depthwise,
}

impl Default for Groups {
    fn default() -> Self {
        Self::Count(Count::constant(1))
    }
}

impl Groups {
    /// The number of groups for an image of `channels`.
    ///
    /// # Errors
    /// The groups would not be equal: a phrase whose subject is the layer.
    pub fn of(self, channels: usize, filters: usize) -> Result<usize, String> {
        let groups = match self {
            Self::Depthwise if filters.is_multiple_of(channels) => return Ok(channels),
            Self::Depthwise => {
                return Err(format!(
                    "is depthwise, so its {filters} filters must be a multiple of the image's {channels} \
                     channels"
                ));
            }
            Self::Count(count) => count.get(),
        };
        for (what, count) in [("channels of the image", channels), ("filters", filters)] {
            if !count.is_multiple_of(groups) {
                return Err(format!("has {groups} groups, which do not divide the {count} {what}"));
            }
        }
        Ok(groups)
    }
}

impl Serialize for Groups {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Depthwise => serializer.serialize_str("depthwise"),
            Self::Count(count) => count.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GroupsForm;
        impl serde::de::Visitor<'_> for GroupsForm {
            type Value = Groups;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("depthwise, or a number of groups of at least 1")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Groups, E> {
                match text {
                    "depthwise" => Ok(Groups::Depthwise),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Groups, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Unsigned(count), &self);
                usize::try_from(count).ok().and_then(Count::new).map(Groups::Count).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(GroupsForm)
    }
}

impl JsonSchema for Groups {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Groups".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string", "enum": ["depthwise"]},
            {"type": "integer", "minimum": 1}
        ]})
    }
}

#[cfg(test)]
mod tests {
    use crate::model::layer::groups::Groups;

    #[test]
    fn groups_must_be_equal() {
        let groups = |text: &str| serde_json::from_str::<Groups>(text).unwrap();
        assert_eq!(groups("\"depthwise\"").of(8, 16), Ok(8));
        assert_eq!(groups("4").of(8, 12), Ok(4));
        assert_eq!(
            groups("\"depthwise\"").of(8, 12).unwrap_err(),
            "is depthwise, so its 12 filters must be a multiple of the image's 8 channels"
        );
        assert_eq!(
            groups("3").of(8, 12).unwrap_err(),
            "has 3 groups, which do not divide the 8 channels of the image"
        );
        assert_eq!(groups("4").of(8, 6).unwrap_err(), "has 4 groups, which do not divide the 6 filters");
        assert!(serde_json::from_str::<Groups>("0").is_err());
        assert!(serde_json::from_str::<Groups>("\"deep\"").is_err());
    }
}
