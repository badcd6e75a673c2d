//! From numbers to places: the range of an axis, and the round numbers written beside it.

/// An axis' range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisScale {
    low: f64,
    high: f64,
    log: bool,
}

/// Spread further than this, positive numbers are shown by their logarithms.
const WIDE: f64 = 40.0;

impl AxisScale {
    /// A range with all of these numbers, and a little room around them; `None` of no number.
    pub fn around(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (low, high) = ends(values)?;
        if low > 0.0 && high / low > WIDE {
            let room = (high / low).powf(0.04);
            return Some(Self { low: low / room, high: high * room, log: true });
        }
        let room = if high > low { 0.06 * (high - low) } else { 0.05 * high.abs().max(0.1) };
        // Of what is never negative, an axis does not begin below zero.
        let low = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Some(Self { low, high: high + room, log: false })
    }

    /// Just these ends.
    pub fn between(low: f64, high: f64) -> Self {
        Self { low, high, log: false }
    }

    /// Whole numbers from the first to the last, half a step of room if there is one alone.
    pub fn counted(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (low, high) = ends(values)?;
        Some(if high > low { Self::between(low, high) } else { Self::between(low - 0.5, high + 0.5) })
    }

    pub fn is_log(&self) -> bool {
        self.log
    }

    /// From 0 to 1; what is outside of the range is put on its end.
    pub fn to_unit(&self, value: f64) -> f64 {
        let (low, high, value) = match self.log {
            true => (self.low.ln(), self.high.ln(), value.max(self.low).ln()),
            false => (self.low, self.high, value),
        };
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// Round numbers within the range, `most` at most, with what is written beside them.
    pub fn ticks(&self, most: usize, whole: bool) -> Vec<(f64, String)> {
        if self.log { self.powers(most) } else { self.steps(most, whole) }
    }

    fn steps(&self, most: usize, whole: bool) -> Vec<(f64, String)> {
        let most = most.max(2) as f64;
        let rough = (self.high - self.low) / most;
        let ten = 10_f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * ten);
        let fits = |step: &f64| (self.high / step).floor() - (self.low / step).ceil() <= most;
        let mut step = nice.into_iter().find(fits).unwrap_or(10.0 * ten);
        if whole {
            step = step.max(1.0).round();
        }
        let (first, last) =
            ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        (first..=last).map(|count| count as f64 * step).map(|value| (value, label(value, step))).collect()
    }

    fn powers(&self, most: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let digits: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let inside = |digits: &[f64]| -> Vec<f64> {
            let all = (first..=last).flat_map(|power| digits.iter().map(move |d| d * 10_f64.powi(power)));
            all.filter(|value| (self.low..=self.high).contains(value)).collect()
        };
        let result = digits.iter().map(|digits| inside(digits)).find(|ticks| ticks.len() <= most);
        let mut result = result.unwrap_or_else(|| inside(&[1.0]));
        let every = result.len().div_ceil(most.max(1));
        result = result.into_iter().step_by(every.max(1)).collect();
        result.into_iter().map(|value| (value, label(value, value))).collect()
    }
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |ends, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// A tick's number with as many digits as tell it from the next.
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

    fn labels(scale: AxisScale, most: usize, whole: bool) -> Vec<String> {
        scale.ticks(most, whole).into_iter().map(|(_, label)| label).collect()
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
    fn one_number_has_room_around_it() {
        let scale = AxisScale::around([2.0].into_iter()).expect("a scale");
        assert!((scale.to_unit(2.0) - 0.5).abs() < 1e-9);
        assert!(AxisScale::around([f64::NAN].into_iter()).is_none(), "nothing to show");
        assert!((AxisScale::around([0.0].into_iter()).expect("a scale")).to_unit(0.0) < 0.01);
    }

    proptest! {
        #[test]
        fn ticks_stand_in_order_within_the_range(low in -1e6..1e6, wide in 1e-6..1e6, most in 2_usize..12) {
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
