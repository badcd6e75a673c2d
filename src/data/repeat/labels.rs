//! What dropping rows does to the labels.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::frame::Frame;

/// A number with more different values than these has a mean; with fewer they are classes.
const CLASSES: usize = 12;

/// More targets than these are not told one by one.
const MOST: usize = 3;

/// For each target that has classes or a mean: what it is over all rows, and over those that are kept.
pub(super) fn shifts(frame: &Frame, targets: &[&str], kept: &[u32]) -> Vec<String> {
    let message = targets.iter().filter_map(|name| shift(&frame.cells(name).ok()?, kept));
    message.take(MOST).collect()
}

fn shift(column: &Cells, kept: &[u32]) -> Option<String> {
    let mut classes: PlHashMap<String, [u64; 2]> = PlHashMap::default();
    let mut numbers = Vec::with_capacity(column.len());
    let mut kept = kept.iter().peekable();
    let read = column.for_each_text(|row, text| {
        let stays = kept.next_if(|next| **next as usize == row).is_some();
        let Some(text) = text else { return };
        numbers.push((text.trim().parse::<f64>().ok(), stays));
        if classes.len() <= CLASSES {
            if !classes.contains_key(text) {
                classes.insert(text.to_owned(), [0, 0]);
            }
            if let Some(counts) = classes.get_mut(text) {
                counts[0] += 1;
                counts[1] += u64::from(stays);
            }
        }
    });
    read.ok()?;
    let name = column.name();
    if classes.len() > CLASSES {
        let mean = |stays: bool| {
            let some = numbers.iter().filter(|(_, one)| *one || !stays);
            let (mut sum, mut count) = (0.0, 0.0);
            for (number, _) in some {
                sum += (*number)?;
                count += 1.0;
            }
            (count > 0.0).then_some(sum / count)
        };
        return Some(format!(
            "the mean of `{name}` goes from {} to {}",
            short(mean(false)?),
            short(mean(true)?)
        ));
    }
    let all: [u64; 2] = classes.values().fold([0, 0], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]]);
    let share = |counts: &[u64; 2], at: usize| counts[at] as f64 / (all[at].max(1)) as f64;
    let change = |counts: &[u64; 2]| (share(counts, 1) - share(counts, 0)).abs();
    // Of two classes both change by as much: the later name is the one that is looked for, as `1` or `yes`.
    let (value, counts) = classes.iter().max_by(|(a, one), (b, other)| {
        let nearly = |counts: &[u64; 2]| (change(counts) * 1e9).round();
        nearly(one).total_cmp(&nearly(other)).then_with(|| a.cmp(b))
    })?;
    Some(format!(
        "`{name}` is `{value}` on {:.3} of the rows, then on {:.3}",
        share(counts, 0),
        share(counts, 1)
    ))
}

/// Four digits that count.
fn short(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let digits = (3 - number.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{number:.digits$}")
}
