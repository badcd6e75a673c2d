//! Which digits of a column's numbers floats keep, and which they lose.

use crate::data::cells::Cells;
use crate::data::feature::Statistics;
use crate::domain::array::ElementType;

/// The share of a deviation from which rounding a raw number shows.
const VISIBLE: f64 = 1e-5;
/// The share of a column's spread from which rounding is worth a word.
const TELLING: f64 = 1e-4;
/// The share of different numbers that must stay different.
const KEPT: f64 = 0.9;
/// Numbers looked at.
const SAMPLE: usize = 4096;
/// Numbers below it are written out.
const LONGEST: f64 = 1e20;
/// Whole numbers up to here are all 64-bit floats.
const WHOLE: u64 = 1 << 53;

/// What a model is fed for numbers that it centers and scales: 32-bit floats, unless one of them would be
/// moved by more than it can be seen to differ from the others.
pub(in crate::data) fn raw_type<'a>(
    numbers: impl IntoIterator<Item = &'a f64>,
    center: f64,
    scale: f64,
) -> ElementType {
    let shows = |x: &f64| (x - f64::from(*x as f32)).abs() > VISIBLE * scale.max((x - center).abs());
    match numbers.into_iter().any(shows) {
        true => ElementType::Float64,
        false => ElementType::Float32,
    }
}

/// What rounding does to a column.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct PrecisionLoss {
    bits: u32,
    digits: u32,
    /// The number that is moved farthest, and what becomes of it.
    example: (String, String),
    different: usize,
    left: usize,
}

/// What a 32-bit network loses of numbers that it reads as (x - center) / scale; `None` where it can tell
/// them apart.
pub(in crate::data) fn precision_loss(
    numbers: &[f64],
    statistics: &Statistics,
    center: f64,
    scale: f64,
) -> Option<PrecisionLoss> {
    let mut sample: Vec<f64> =
        numbers.iter().step_by(numbers.len().div_ceil(SAMPLE).max(1)).copied().collect();
    sample.sort_unstable_by(f64::total_cmp);
    let encoded = |x: f64| ((x - center) / scale) as f32;
    let decoded = |x: f64| f64::from(encoded(x)) * scale + center;
    let different = 1 + sample.windows(2).filter(|two| two[0] != two[1]).count();
    let left = 1 + sample.windows(2).filter(|two| encoded(two[0]) != encoded(two[1])).count();
    if different == 1 {
        return None;
    }
    let moved = |x: f64| (x - decoded(x)).abs();
    let share = |x: f64| moved(x) / statistics.spread.max((x - statistics.median).abs());
    let telling = sample.iter().any(|x| share(*x) > TELLING);
    if !telling && left as f64 >= KEPT * different as f64 {
        return None;
    }
    // Of most numbers: the few far from all others have fewer digits to lose, or more.
    let most =
        || sample.iter().copied().filter(|x| (x - statistics.median).abs() <= 10.0 * statistics.spread);
    let farthest = most().max_by(|a, b| moved(*a).total_cmp(&moved(*b)))?;
    let written = display_number(farthest).chars().filter(char::is_ascii_digit).count() as u32;
    // No more than it has.
    let digits = most().map(|x| digits_of(x, moved(x))).max()?.min(written);
    let example = (display_number(farthest), display_number(decoded(farthest)));
    (digits > 0).then_some(PrecisionLoss { bits: 32, digits, example, different, left })
}

/// What 64-bit floats lose of whole numbers beyond 2^53.
pub(in crate::data) fn integer_precision_loss(
    cells: &Cells,
    rows: &[u32],
    statistics: &Statistics,
) -> Option<PrecisionLoss> {
    let Cells::Int(values) = cells else { return None };
    if statistics.minimum.abs().max(statistics.maximum.abs()) <= WHOLE as f64 {
        return None;
    }
    let picked = rows.iter().step_by(rows.len().div_ceil(SAMPLE).max(1));
    let mut sample: Vec<i64> = picked.filter_map(|row| values.get(*row as usize)).collect();
    sample.sort_unstable();
    let moved = |x: i64| (i128::from(x) - (x as f64) as i128).unsigned_abs() as f64;
    let different = 1 + sample.windows(2).filter(|two| two[0] != two[1]).count();
    let left = 1 + sample.windows(2).filter(|two| two[0] as f64 != two[1] as f64).count();
    let telling = sample
        .iter()
        .any(|x| moved(*x) > TELLING * statistics.spread.max((*x as f64 - statistics.median).abs()));
    if !telling && left as f64 >= KEPT * different as f64 {
        return None;
    }
    let farthest = sample.iter().copied().max_by(|a, b| moved(*a).total_cmp(&moved(*b)))?;
    let digits = places(moved(farthest));
    let example = (farthest.to_string(), ((farthest as f64) as i128).to_string());
    (digits > 0).then_some(PrecisionLoss { bits: 64, digits, example, different, left })
}

impl PrecisionLoss {
    /// `what` names the column; `remedy` says what to write instead.
    pub fn message(&self, what: &str, remedy: &str) -> String {
        let Self { bits, digits, example: (from, to), different, left } = self;
        let last =
            if *digits == 1 { "last digit is".to_owned() } else { format!("last {digits} digits are") };
        let fewer = match left < different {
            true => format!(", {different} different numbers become {left}"),
            false => String::new(),
        };
        format!("{what}: its {last} lost in {bits}-bit floats ({from} becomes {to}{fewer}); {remedy}")
    }

    /// What to write instead of, where a column is scaled and where 64 bits do not hold it.
    pub fn remedy<'a>(&self, unscaled: bool, scale: &'a str) -> &'a str {
        match (self.bits, unscaled) {
            (64, _) => "subtract a beginning from it in the `query`",
            (_, true) => scale,
            (_, false) => {
                "numbers far from all others take the digits: drop those rows, or take logarithms, in the `query`"
            }
        }
    }
}

/// How many of a number's digits, as people write it, are lost when it is moved so far.
fn digits_of(x: f64, moved: f64) -> u32 {
    let text = if f64::from(x as f32) == x { format!("{:e}", x as f32) } else { format!("{x:e}") };
    let Some((digits, exponent)) = text.split_once('e') else { return 0 };
    let behind = digits.split_once('.').map_or(0, |(_, behind)| behind.len() as i32);
    let last = exponent.parse::<i32>().unwrap_or(0) - behind;
    // The zeros at the end of a whole number are digits too, where it is not written as a power of ten.
    let last = if x.abs() < LONGEST { last.min(0) } else { last };
    places(moved / 10f64.powi(last))
}

/// Digits that are uncertain in a whole number moved so far.
fn places(moved: f64) -> u32 {
    if moved < 0.5 { 0 } else { moved.log10().floor().clamp(0.0, 400.0) as u32 + 1 }
}

/// A number as people write it: what 32 bits hold with their few digits, very large and small ones as powers
/// of ten.
pub(in crate::data) fn display_number(number: f64) -> String {
    let (single, size) = (number as f32, number.abs());
    // The shortest text of a whole number in 32 bits is not always that number: 1700000256 would be
    // 1700000300.
    let is_single = number.fract() != 0.0 && f64::from(single) == number;
    match (is_single, size == 0.0 || (1e-5..LONGEST).contains(&size)) {
        (true, true) => single.to_string(),
        (false, true) => number.to_string(),
        (true, false) => format!("{single:e}"),
        (false, false) => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{digits_of, display_number, precision_loss, raw_type};
    use crate::data::feature::Statistics;
    use crate::domain::array::ElementType;

    fn told(numbers: &[f64], center: f64, scale: f64) -> Option<String> {
        let statistics = Statistics::from_values(&mut numbers.to_vec()).unwrap();
        precision_loss(numbers, &statistics, center, scale).map(|lost| lost.message("x", "y"))
    }

    #[test]
    fn seconds_since_1970_are_told_unless_they_are_scaled() {
        let seconds: Vec<f64> = (0..400).map(|i| 1_700_000_000.0 + f64::from(i)).collect();
        // numpy: len(set(np.float32(1.7e9 + np.arange(400)))) is 4; np.float32(1700000320) is 1700000256.
        assert_eq!(
            told(&seconds, 0.0, 1.0).unwrap(),
            "x: its last 2 digits are lost in 32-bit floats (1700000320 becomes 1700000256, 400 different numbers \
             become 4); y"
        );
        assert_eq!(told(&seconds, 1_700_000_199.5, 115.0), None);
        assert_eq!(raw_type(&seconds, 1_700_000_199.5, 115.0), ElementType::Float64);
    }

    #[test]
    fn one_number_far_away_takes_the_digits_of_all() {
        let mut numbers: Vec<f64> = (0..400).map(f64::from).collect();
        assert_eq!(told(&numbers, 199.5, 115.0), None);
        numbers.push(1e18);
        let statistics = told(&numbers, 2.5e15, 5e16).unwrap();
        assert!(
            statistics.starts_with("x: its last 3 digits")
                && statistics.contains("401 different numbers become 2"),
            "{statistics}"
        );
    }

    #[test]
    fn ordinary_numbers_lose_nothing() {
        // A few digits, many digits, heavy tails, whole numbers, all the same: as they stand, and scaled.
        let noise = |i: u32| f64::from(i.wrapping_mul(2_654_435_761)) / 4294967296.0;
        let columns: [Vec<f64>; 5] = [
            (0..3000).map(|i| f64::from(i % 700) / 100.0).collect(),
            (0..3000).map(noise).collect(),
            (0..3000).map(|i| (noise(i) * 12.0).exp()).collect(),
            (0..3000).map(|i| f64::from(i) * 1000.0).collect(),
            vec![0.1; 3000],
        ];
        for numbers in columns {
            let statistics = Statistics::from_values(&mut numbers.clone()).unwrap();
            let scale = statistics.usable(statistics.deviation).unwrap_or(1.0);
            assert_eq!(precision_loss(&numbers, &statistics, statistics.mean, scale), None);
            assert_eq!(precision_loss(&numbers, &statistics, 0.0, 1.0), None);
            assert_eq!(raw_type(&numbers, statistics.mean, scale), ElementType::Float32);
        }
    }

    #[test]
    fn digits_are_counted_as_people_write_them() {
        for (x, moved, digits) in [
            (1_700_000_261.0, 61.0, 2),
            (1_700_000_000_123.0, 60_000.0, 5),
            (0.1, 1.5e-9, 0),
            (1_234.56, 0.4, 2),
            (1e300, 1e292, 0),
            (7.0, 0.6, 1),
        ] {
            assert_eq!(digits_of(x, moved), digits, "{x}");
        }
        let statistics = [0.1, f64::from(0.1_f32), 1_700_000_256.0, -1e300, 1e-40].map(display_number);
        assert_eq!(statistics, ["0.1", "0.1", "1700000256", "-1e300", "1e-40"]);
    }
}
