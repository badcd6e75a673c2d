//! The rotary embeddings in a `config.json`.

use crate::model::kernel::rotary::{RotaryFrequencies, RotaryScaling};
use crate::model::layer::pretrained::configuration::Configuration;

/// The frequencies of a model with one kind of attention. Transformers 5 writes them as `rope_parameters`;
/// transformers 4 wrote `rope_theta` and `rope_scaling`.
///
/// # Errors
/// A setting is missing, of another type or not supported.
pub fn rotary(configuration: &Configuration, default_theta: f64) -> Result<RotaryFrequencies, String> {
    match configuration.has("rope_parameters") {
        true => parameters(&configuration.section("rope_parameters"), default_theta),
        false => Ok(RotaryFrequencies {
            theta: theta(configuration, "rope_theta", default_theta)?,
            scaling: scaling(&configuration.section("rope_scaling"))?,
        }),
    }
}

/// The frequencies of one kind of attention, as transformers 5 writes them.
///
/// # Errors
/// Those of [`rotary`].
pub fn parameters(section: &Configuration, default_theta: f64) -> Result<RotaryFrequencies, String> {
    Ok(RotaryFrequencies { theta: theta(section, "rope_theta", default_theta)?, scaling: scaling(section)? })
}

/// The base of the frequencies in the setting `name`.
///
/// # Errors
/// It is not a positive number.
pub fn theta(section: &Configuration, name: &str, default: f64) -> Result<f64, String> {
    positive(section, name, Some(default))
}

fn scaling(section: &Configuration) -> Result<RotaryScaling, String> {
    // The first versions wrote `type`.
    let kind = section.text_or("rope_type", section.text_or("type", "default")?)?;
    let number = |name: &str| positive(section, name, None);
    match kind {
        "default" => Ok(RotaryScaling::None),
        "linear" => Ok(RotaryScaling::Linear(number("factor")?)),
        "llama3" => {
            let (low, high) = (number("low_freq_factor")?, number("high_freq_factor")?);
            if low >= high {
                return Err(format!(
                    "`low_freq_factor` is {low}; expected less than `high_freq_factor`, {high}"
                ));
            }
            let steps = number("original_max_position_embeddings")?;
            Ok(RotaryScaling::Llama3 { factor: number("factor")?, low, high, steps })
        }
        other => Err(format!("`rope_type` is `{other}`; supported: default, linear, llama3")),
    }
}

fn positive(section: &Configuration, name: &str, default: Option<f64>) -> Result<f64, String> {
    if default.is_none() && !section.has(name) {
        return Err(format!("`{name}` is missing"));
    }
    match section.number_or(name, default.unwrap_or_default())? {
        0.0 => Err(format!("`{name}` is 0; expected a positive number")),
        number => Ok(number),
    }
}
