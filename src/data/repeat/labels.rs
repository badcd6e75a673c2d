//! The effect of dropping rows on the distribution of the labels.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::frame::Frame;

/// Targets with up to this many distinct values count as classes; others are summarized by their mean.
const MAX_CLASSES: usize = 12;

/// Targets that are described.
const MAX_TARGETS: usize = 3;

/// Phrases on how the class shares or means of the targets change when only the `kept` rows are left.
pub(super) fn shifts(frame: &Frame, targets: &[&str], kept: &[u32]) -> Vec<String> {
    let phrases = targets.iter().filter_map(|name| shift(&frame.cells(name).ok()?, kept));
    phrases.take(MAX_TARGETS).collect()
}

fn shift(column: &Cells, kept: &[u32]) -> Option<String> {
    let mut classes: PlHashMap<String, [u64; 2]> = PlHashMap::default();
    let mut numbers = Vec::with_capacity(column.len());
    let mut kept = kept.iter().peekable();
    let read = column.for_each_text(|row, text| {
        let is_kept = kept.next_if(|next| **next as usize == row).is_some();
        let Some(text) = text else { return };
        numbers.push((text.trim().parse::<f64>().ok(), is_kept));
        if classes.len() <= MAX_CLASSES {
            if !classes.contains_key(text) {
                classes.insert(text.to_owned(), [0, 0]);
            }
            if let Some(counts) = classes.get_mut(text) {
                counts[0] += 1;
                counts[1] += u64::from(is_kept);
            }
        }
    });
    read.ok()?;
    let name = column.name();
    if classes.len() > MAX_CLASSES {
        let mean = |kept_only: bool| {
            let (mut sum, mut count) = (0.0, 0.0);
            for (number, _) in numbers.iter().filter(|(_, is_kept)| *is_kept || !kept_only) {
                sum += (*number)?;
                count += 1.0;
            }
            (count > 0.0).then_some(sum / count)
        };
        return Some(format!(
            "the mean of `{name}` changes from {} to {}",
            short(mean(false)?),
            short(mean(true)?)
        ));
    }
    let all: [u64; 2] = classes.values().fold([0, 0], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]]);
    let share = |counts: &[u64; 2], index: usize| counts[index] as f64 / (all[index].max(1)) as f64;
    let change = |counts: &[u64; 2]| (share(counts, 1) - share(counts, 0)).abs();
    // Two classes change by the same amount: the later name is usually the positive one, such as `1` or
    // `yes`.
    let (value, counts) = classes.iter().max_by(|(a, one), (b, other)| {
        let rounded = |counts: &[u64; 2]| (change(counts) * 1e9).round();
        rounded(one).total_cmp(&rounded(other)).then_with(|| a.cmp(b))
    })?;
    Some(format!(
        "the share of `{name}` = `{value}` changes from {:.3} to {:.3}",
        share(counts, 0),
        share(counts, 1)
    ))
}

/// A number with four significant digits.
fn short(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let digits = (3 - number.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{number:.digits$}")
}
