//! Conversion of logits to the target's unit, center + scale x logit, in 64 bits: with a mean of 1.7e12,
//! 32-bit floats cannot represent the differences between rows.

use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::task::FittedTarget;

/// The standardization of a regression target.
#[derive(Clone, Debug)]
pub struct TargetUnit {
    /// Offset of each column.
    pub center: Vec<f64>,
    /// Factor of each column.
    pub scale: Vec<f64>,
    /// Type of the exported model's predictions.
    pub element: ElementType,
}

impl TargetUnit {
    /// The unit of a fitted regression target; predictions have type `element`.
    pub fn new(center: &[f64], scale: &[f64], element: ElementType) -> Self {
        Self { center: center.to_vec(), scale: scale.to_vec(), element }
    }

    /// Number of target columns.
    pub fn columns(&self) -> usize {
        self.center.len()
    }
}

/// Converts logits to predictions in the unit of a regression target; `None` for other targets. Predictions
/// for rows are float64; those for pixels have the target's precision.
pub fn in_unit(target: &FittedTarget, logits: &Array) -> Option<Array> {
    let (center, scale) = target.standardization()?;
    let columns = || center.iter().zip(scale).cycle();
    let answers = logits.as_f32()?.iter().zip(columns());
    let answers = answers.map(|(logit, (center, scale))| f64::from(*logit) * scale + center);
    let values = match (target, target.prediction_type()) {
        (FittedTarget::PixelRegression { .. }, ElementType::Float32) => {
            ArrayValues::F32(answers.map(|answer| answer as f32).collect())
        }
        _ => ArrayValues::F64(answers.collect()),
    };
    Some(Array { shape: logits.shape.clone(), values, offsets: logits.offsets.clone() })
}

#[cfg(test)]
mod tests {
    use crate::domain::array::{Array, ArrayValues, ElementType};
    use crate::domain::task::FittedTarget;
    use crate::model::head::target_unit::in_unit;

    #[test]
    fn small_differences_survive_a_large_mean() {
        let target = |center, scale| FittedTarget::Regression {
            columns: vec!["a".into(), "b".into()],
            center: vec![center, 0.0],
            scale: vec![scale, 1.0],
        };
        let logits = Array::f32(&[2, 2], vec![0.25, 2.0, -0.5, 3.0]);
        let predictions = in_unit(&target(1.7e12, 57.0), &logits).unwrap();
        // np.float32([.25, -.5]) * 57. + 1.7e12
        assert_eq!(
            predictions.values,
            ArrayValues::F64(vec![1_700_000_000_014.25, 2.0, 1_699_999_999_971.5, 3.0])
        );
        assert_eq!(target(1.7e12, 57.0).prediction_type(), ElementType::Float64);
        assert_eq!(target(39.0, 13.0).prediction_type(), ElementType::Float32);
        assert_eq!(target(0.0, 1e300).prediction_type(), ElementType::Float64);
        assert_eq!(target(0.0, 1e-40).prediction_type(), ElementType::Float64);
    }
}
