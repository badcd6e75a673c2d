//! Fingerprints of content: equal fingerprints mean equal content.

use serde::{Deserialize, Deserializer, Serialize, de};

/// A 256-bit hash as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl Fingerprint {
    /// The first 12 digits, for display and folder names.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    /// Validates the text: part of it becomes a folder name, and the file may come from anywhere.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_valid = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match is_valid {
            true => Ok(Self(text)),
            false => Err(de::Error::invalid_value(
                de::Unexpected::Str(&text),
                &"a fingerprint of hexadecimal digits",
            )),
        }
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.short())
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn invalid_fingerprints_are_refused_and_short_cuts_at_a_character_boundary() {
        for text in ["", "../../x", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", "xyz", &"a".repeat(65)] {
            assert!(serde_json::from_value::<Fingerprint>(serde_json::json!(text)).is_err(), "{text}");
        }
        let whole: Fingerprint = serde_json::from_value(serde_json::json!("0f".repeat(32))).unwrap();
        assert_eq!(whole.short(), "0f0f0f0f0f0f");
        assert_eq!(Fingerprint("\u{20ac}".repeat(5)).short(), "\u{20ac}".repeat(4));
        assert_eq!(Fingerprint("\u{e9}".repeat(7)).short(), "\u{e9}".repeat(6));
        assert_eq!(Fingerprint(format!("a{}", "\u{e9}".repeat(7))).short().len(), 15);
    }
}
