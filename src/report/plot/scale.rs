//! Scales of axes: the range of values, and round ticks.

/// The range of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisScale {
    low: f64,
    high: f64,
    log: bool,
}

/// Ratio of positive values above which the axis is logarithmic.
const WIDE: f64 = 40.0;

impl AxisScale {
    /// A range around all finite values with small margins, logarithmic if they are spread widely; `None`
    /// without any.
    pub fn around(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (low, high) = ends(values)?;
        if low > 0.0 && high / low > WIDE {
            let room = (high / low).powf(0.04);
            return Some(Self { low: low / room, high: high * room, log: true });
        }
        let room = if high > low { 0.06 * (high - low) } else { 0.05 * high.abs().max(0.1) };
        // The axis of non-negative values does not start below 0.
        let low = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Some(Self { low, high: high + room, log: false })
    }

    /// A linear range with these ends.
    pub fn between(low: f64, high: f64) -> Self {
        Self { low, high, log: false }
    }

    /// A range of integers from the least to the greatest; with margins if these are equal. `None` without
    /// values.
    pub fn counted(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (low, high) = ends(values)?;
        Some(if high > low { Self::between(low, high) } else { Self::between(low - 0.5, high + 0.5) })
    }

    /// Whether the axis is logarithmic.
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// The position of a value in the range, clamped to [0, 1].
    pub fn to_unit(&self, value: f64) -> f64 {
        let (low, high, value) = match self.log {
            true => (self.low.ln(), self.high.ln(), value.max(self.low).ln()),
            false => (self.low, self.high, value),
        };
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// About `most` round numbers within the range, with labels; integers if `integers`.
    pub fn ticks(&self, most: usize, integers: bool) -> Vec<(f64, String)> {
        if self.log { self.log_ticks(most) } else { self.linear_ticks(most, integers) }
    }

    fn linear_ticks(&self, most: usize, integers: bool) -> Vec<(f64, String)> {
        let most = most.max(2) as f64;
        let rough = (self.high - self.low) / most;
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power);
        let fits = |step: &f64| (self.high / step).floor() - (self.low / step).ceil() <= most;
        let mut step = steps.into_iter().find(fits).unwrap_or(10.0 * power);
        if integers {
            step = step.max(1.0).round();
        }
        let (first, last) =
            ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        (first..=last).map(|count| count as f64 * step).map(|value| (value, label(value, step))).collect()
    }

    fn log_ticks(&self, most: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let digits: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let ticks_with = |digits: &[f64]| -> Vec<f64> {
            let all = (first..=last).flat_map(|power| digits.iter().map(move |d| d * 10_f64.powi(power)));
            all.filter(|value| (self.low..=self.high).contains(value)).collect()
        };
        let ticks = digits.iter().map(|digits| ticks_with(digits)).find(|ticks| ticks.len() <= most);
        let ticks = ticks.unwrap_or_else(|| ticks_with(&[1.0]));
        let every = ticks.len().div_ceil(most.max(1)).max(1);
        ticks.into_iter().step_by(every).map(|value| (value, label(value, value))).collect()
    }
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |ends, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// A tick's label with enough digits to distinguish it from the next.
fn label(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let power = |number: f64| (number.abs().log10() + 1e-9).floor();
    let digits = (power(value) - power(step)).max(0.0) as usize;
    let text = match (-4.0..5.0).contains(&power(value)) {
        true => format!("{value:.*}", (-power(step)).max(0.0) as usize),
        false => format!("{value:.digits$e}"),
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::report::plot::scale::AxisScale;

    fn labels(scale: AxisScale, most: usize, integers: bool) -> Vec<String> {
        scale.ticks(most, integers).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(AxisScale::between(0.0, 1.0), 5, false), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(AxisScale::between(-1.0, 1.0), 5, false), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
        assert_eq!(labels(AxisScale::between(0.912, 0.948), 5, false), ["0.92", "0.93", "0.94"]);
        assert_eq!(labels(AxisScale::between(1.0, 3.0), 8, true), ["1", "2", "3"]);
        assert_eq!(labels(AxisScale::between(1.0, 100.0), 6, true), ["20", "40", "60", "80", "100"]);
        assert_eq!(labels(AxisScale::between(0.0, 3e6), 4, false), ["0", "1e6", "2e6", "3e6"]);
        assert_eq!(
            labels(AxisScale::between(0.87943, 0.87946), 3, false),
            ["0.87943", "0.87944", "0.87945", "0.87946"]
        );
        assert_eq!(labels(AxisScale::between(2.5e-6, 3.1e-6), 3, false), ["2.6e−6", "2.8e−6", "3.0e−6"]);
    }

    #[test]
    fn a_wide_range_is_logarithmic() {
        let scale = AxisScale::around([0.01, 0.5, 40.0].into_iter()).expect("a scale");
        assert!(scale.is_log());
        assert_eq!(labels(scale, 5, false), ["0.01", "0.1", "1", "10"]);
        assert!(scale.to_unit(0.02) < 0.3 && scale.to_unit(40.0) > 0.9);
    }

    #[test]
    fn a_single_value_has_margins() {
        let scale = AxisScale::around([2.0].into_iter()).expect("a scale");
        assert!((scale.to_unit(2.0) - 0.5).abs() < 1e-9);
        assert!(AxisScale::around([f64::NAN].into_iter()).is_none(), "nothing to show");
        assert!((AxisScale::around([0.0].into_iter()).expect("a scale")).to_unit(0.0) < 0.01);
    }

    proptest! {
        #[test]
        fn ticks_are_ordered_and_within_the_range(low in -1e6..1e6, wide in 1e-6..1e6, most in 2_usize..12) {
            let scale = AxisScale::between(low, low + wide);
            let ticks = scale.ticks(most, false);
            prop_assert!(ticks.len() <= most + 1 && !ticks.is_empty(), "{ticks:?}");
            prop_assert!(ticks.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(ticks.windows(2).all(|pair| pair[0].1 != pair[1].1), "{ticks:?}");
            let near = 1e-6 * wide;
            prop_assert!(ticks.iter().all(|(value, _)| (low - near..=low + wide + near).contains(value)));
        }
    }
}
