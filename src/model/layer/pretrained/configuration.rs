//! Reads the settings in a `config.json`.

use serde_json::Value;

use crate::model::activation::Activation;

/// The content of a `config.json`.
pub struct Configuration<'a>(pub &'a Value);

impl Configuration<'_> {
    /// A positive whole number.
    ///
    /// # Errors
    /// It is missing, or is something else.
    pub fn count(&self, name: &str) -> Result<usize, String> {
        let value = self.0.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
        count.ok_or_else(|| format!("`{name}` is {value}; expected a positive whole number"))
    }

    /// The same, or `default` if it is missing or null.
    pub fn count_or(&self, name: &str, default: usize) -> Result<usize, String> {
        if self.is_missing(name) { Ok(default) } else { self.count(name) }
    }

    /// A whole number of at least 0, or `default` if it is missing or null.
    ///
    /// # Errors
    /// It is something else.
    pub fn index_or(&self, name: &str, default: usize) -> Result<usize, String> {
        if self.is_missing(name) {
            return Ok(default);
        }
        let value = &self.0[name];
        let index = value.as_u64().and_then(|index| usize::try_from(index).ok());
        index.ok_or_else(|| format!("`{name}` is {value}; expected a whole number of at least 0"))
    }

    /// `true` or `false`, or `default` if it is missing or null.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag_or(&self, name: &str, default: bool) -> Result<bool, String> {
        if self.is_missing(name) {
            return Ok(default);
        }
        let value = &self.0[name];
        value.as_bool().ok_or_else(|| format!("`{name}` is {value}; expected true or false"))
    }

    /// A number that is not negative, or `default` if it is missing or null.
    pub fn number_or(&self, name: &str, default: f64) -> Result<f64, String> {
        if self.is_missing(name) {
            return Ok(default);
        }
        let value = &self.0[name];
        let number = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| format!("`{name}` is {value}; expected a number of at least 0"))
    }

    /// A text, or `default` if it is missing or null.
    pub fn text_or<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, String> {
        if self.is_missing(name) {
            return Ok(default);
        }
        let value = &self.0[name];
        value.as_str().ok_or_else(|| format!("`{name}` is {value}; expected a text"))
    }

    /// A mapping inside; an empty one if it is missing.
    pub fn section(&self, name: &str) -> Configuration<'_> {
        static EMPTY: Value = Value::Null;
        Configuration(self.0.get(name).unwrap_or(&EMPTY))
    }

    /// # Errors
    /// There is another setting than these.
    pub fn only(&self, names: &[&str]) -> Result<(), String> {
        let mut found = self.0.as_object().into_iter().flat_map(|settings| settings.keys());
        match found.find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(format!("`{name}` is not supported; known: {}", names.join(", "))),
            None => Ok(()),
        }
    }

    /// As many positive whole numbers as `default` has, or `default` if they are missing or null.
    ///
    /// # Errors
    /// It is something else.
    pub fn counts_or<const N: usize>(&self, name: &str, default: [usize; N]) -> Result<[usize; N], String> {
        if self.is_missing(name) {
            return Ok(default);
        }
        let value = &self.0[name];
        let count = |value: &Value| -> Option<usize> {
            value.as_u64().filter(|count| *count > 0).and_then(|count| count.try_into().ok())
        };
        let counts: Option<Vec<usize>> =
            value.as_array().and_then(|values| values.iter().map(count).collect());
        let counts = counts.and_then(|counts| <[usize; N]>::try_from(counts).ok());
        counts.ok_or_else(|| format!("`{name}` is {value}; expected {N} positive whole numbers"))
    }

    /// Height and width: one number for both, or two.
    ///
    /// # Errors
    /// It is missing, or is something else.
    pub fn sides(&self, name: &str) -> Result<[usize; 2], String> {
        match self.0.get(name).is_some_and(Value::is_array) {
            true => self.counts_or(name, [0; 2]),
            false => self.count(name).map(|side| [side; 2]),
        }
    }

    /// Channels, height and width of the images that a model of `timm` is made for.
    ///
    /// # Errors
    /// `input_size` is not three positive whole numbers.
    pub fn image_size(&self) -> Result<[usize; 3], String> {
        self.section("pretrained_cfg").counts_or("input_size", [3, 224, 224])
    }

    /// An activation function by its name in transformers.
    ///
    /// # Errors
    /// It is not known.
    pub fn activation(&self, name: &str, default: &str) -> Result<Activation, String> {
        Self::named_activation(name, self.text_or(name, default)?)
    }

    /// The activation function `found`, which the setting `name` names.
    ///
    /// # Errors
    /// It is not known.
    pub fn named_activation(name: &str, found: &str) -> Result<Activation, String> {
        let known = [
            ("gelu", Activation::Gelu),
            ("gelu_new", Activation::GeluTanh),
            ("gelu_fast", Activation::GeluTanh),
            ("gelu_pytorch_tanh", Activation::GeluTanh),
            ("quick_gelu", Activation::QuickGelu),
            ("relu", Activation::Relu),
            ("silu", Activation::Silu),
            ("swish", Activation::Silu),
            ("tanh", Activation::Tanh),
            ("sigmoid", Activation::Sigmoid),
        ];
        let activation = known.iter().find(|(name, _)| *name == found);
        activation.map(|(_, activation)| *activation).ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            format!("unknown activation `{found}` in `{name}`; known: {}", known.join(", "))
        })
    }

    /// # Errors
    /// `heads` does not divide `width`.
    pub fn check_heads(width: usize, heads: usize) -> Result<(), String> {
        match width.is_multiple_of(heads) {
            true => Ok(()),
            false => Err(format!("{heads} attention heads do not divide the width {width}")),
        }
    }

    /// Names in a list; none if it is missing or null.
    ///
    /// # Errors
    /// It is something else.
    pub fn names(&self, name: &str) -> Result<Vec<&str>, String> {
        if self.is_missing(name) {
            return Ok(Vec::new());
        }
        let value = &self.0[name];
        let names: Option<Vec<&str>> =
            value.as_array().and_then(|values| values.iter().map(Value::as_str).collect());
        names.ok_or_else(|| format!("`{name}` is {value}; expected a list of names"))
    }

    /// Words in a list, or in a text between `|`; none if it is missing or null.
    ///
    /// # Errors
    /// It is something else.
    pub fn words(&self, name: &str) -> Result<Vec<&str>, String> {
        match self.0.get(name).and_then(Value::as_str) {
            Some(text) => Ok(text.split('|').map(str::trim).collect()),
            None => self.names(name),
        }
    }

    /// Whether it is a negative number.
    pub fn is_negative(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_f64).is_some_and(|number| number < 0.0)
    }

    /// Whether there is such a setting, and it is not null.
    pub fn has(&self, name: &str) -> bool {
        !self.is_missing(name)
    }

    fn is_missing(&self, name: &str) -> bool {
        self.0.get(name).is_none_or(Value::is_null)
    }
}
