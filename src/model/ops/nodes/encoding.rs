//! Encodes raw inputs in the graph, with the same arithmetic as the encoding of training data. (Training and
//! inference in candle get encoded data from [`feed`](crate::model::raw::feed).)

use crate::domain::array::ElementType;
use crate::domain::piecewise::PiecewiseFeatures;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature, TokenPlane};
use crate::model::activations::{GraphActivations, GraphMask, WordSteps};
use crate::onnx::graph::{Dim, Graph, GraphValue};
use crate::onnx::operator;
use crate::onnx::operator::attention::marked_steps;

/// Dimensions of a raw input in the graph.
pub fn raw_dims(input: &InputSignature) -> Vec<Dim> {
    let time = || Dim::Dynamic(format!("{}_time", input.name));
    match &input.encoding {
        Encoding::Tokens { plane: None, .. } => vec![Dim::Batch, time()],
        Encoding::Tokens { plane: Some(_), .. } => vec![Dim::Batch, time(), Dim::Fixed(2)],
        Encoding::Series { center, .. } => vec![Dim::Batch, time(), Dim::Fixed(center.len())],
        Encoding::Image { channels, height, width, .. } => {
            vec![Dim::Batch, Dim::Fixed(*channels), Dim::Fixed(*height), Dim::Fixed(*width)]
        }
        Encoding::Registered { shape, .. } => match *shape {
            Shape::Sequence { width } => vec![Dim::Batch, time(), Dim::Fixed(width)],
            Shape::Image { channels, height, width } => {
                vec![Dim::Batch, Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)]
            }
            Shape::Vector { .. } | Shape::Tokens { .. } => vec![Dim::Batch, Dim::Fixed(shape.width())],
        },
        _ => vec![Dim::Batch, Dim::Fixed(1)],
    }
}

/// Encodes a raw input of any kind: a sequence, an image or a column.
pub fn sequence_to_onnx(graph: &mut Graph, raw: &GraphValue, encoding: &Encoding) -> GraphActivations {
    match encoding {
        Encoding::Tokens { tokenizer, plane, .. } => {
            let mut number = |index: i64| {
                let number = operator::slice(graph, raw, 2, index, index + 1);
                operator::squeeze(graph, &number, &[2])
            };
            let (tokens, second) = match plane {
                None => (raw.clone(), None),
                Some(_) => (number(0), Some(number(1))),
            };
            let pad = graph.ints(&[i64::from(tokenizer.pad)]);
            let padding = operator::equal(graph, &tokens, &pad);
            let mut mask = GraphMask { tokens: Some(tokens.clone()), ..mask(graph, &padding) };
            match (plane, second) {
                (Some(TokenPlane::Words { .. }), Some(starts)) => {
                    mask.words = Some(words(graph, &starts, &mask.steps));
                }
                (Some(TokenPlane::Segments { .. }), segments) => mask.segments = segments,
                _ => {}
            }
            GraphActivations { x: tokens, mask: Some(mask) }
        }
        Encoding::Series { center, scale, .. } => {
            let center = graph.weight_f64("center", &[center.len()], center);
            let scale = graph.weight_f64("scale", &[scale.len()], scale);
            let (x, missing) = standardized(graph, raw, &center, &center, &scale);
            GraphActivations { x, mask: Some(mask_of_missing(graph, &missing)) }
        }
        // Registered sequences are fed encoded, with NaN as padding.
        Encoding::Registered { shape: Shape::Sequence { .. }, .. } => {
            let missing = operator::is_nan(graph, raw);
            let zero = graph.scalar(0.0);
            let x = operator::where_(graph, &missing, &zero, raw);
            GraphActivations { x, mask: Some(mask_of_missing(graph, &missing)) }
        }
        Encoding::Image { mean, deviation, .. } => {
            let bytes = operator::cast(graph, raw, ElementType::Float32);
            let scaled = operator::scale(graph, &bytes, 1.0 / 255.0);
            let mean = graph.weight("mean", &[mean.len(), 1, 1], mean);
            let deviation = graph.weight("deviation", &[deviation.len(), 1, 1], deviation);
            let centered = operator::sub(graph, &scaled, &mean);
            GraphActivations::plain(operator::div(graph, &centered, &deviation))
        }
        other => GraphActivations::plain(column_to_onnx(graph, raw, other)),
    }
}

/// The words of rows of pieces, from the integers `starts` `[batch, time]`, 1 where a word begins. There are
/// as many places for words as steps.
fn words(graph: &mut Graph, starts: &GraphValue, steps: &GraphValue) -> WordSteps<GraphValue> {
    let starts = operator::cast(graph, starts, ElementType::Float32);
    let starts = operator::mul(graph, &starts, steps);
    let (first, steps) = marked_steps(graph, &starts);
    let lengths = operator::reduce_sum(graph, &starts, &[1], false);
    WordSteps {
        first: operator::cast(graph, &first, ElementType::Int64),
        steps,
        lengths: operator::cast(graph, &lengths, ElementType::Int64),
    }
}

/// (raw - center) / scale in 64 bits, as for training data, and a boolean mask of missing (NaN) values, which
/// are replaced by `fill` first.
fn standardized(
    graph: &mut Graph,
    raw: &GraphValue,
    fill: &GraphValue,
    center: &GraphValue,
    scale: &GraphValue,
) -> (GraphValue, GraphValue) {
    let raw = operator::cast(graph, raw, ElementType::Float64);
    let missing = operator::is_nan(graph, &raw);
    let filled = operator::where_(graph, &missing, fill, &raw);
    let centered = operator::sub(graph, &filled, center);
    let scaled = operator::div(graph, &centered, scale);
    (operator::cast(graph, &scaled, ElementType::Float32), missing)
}

/// The mask of a sequence whose padding is NaN, from the missing values `[batch, time, columns]`.
fn mask_of_missing(graph: &mut Graph, missing: &GraphValue) -> GraphMask {
    let first = operator::slice(graph, missing, 2, 0, 1);
    let padding = operator::squeeze(graph, &first, &[2]);
    mask(graph, &padding)
}

/// The mask of a sequence; `padding` is a boolean `[batch, time]`.
fn mask(graph: &mut Graph, padding: &GraphValue) -> GraphMask {
    let padding = operator::cast(graph, padding, ElementType::Float32);
    let one = graph.scalar(1.0);
    let steps = operator::sub(graph, &one, &padding);
    let lengths = operator::reduce_sum(graph, &steps, &[1], false);
    GraphMask::new(steps, operator::cast(graph, &lengths, ElementType::Int64))
}

/// Encodes raw numeric columns `[batch, 1]` of one element type together and concatenates them. The
/// arithmetic is that of [`column_to_onnx`], on all columns at once. A single column may have any encoding.
pub fn numbers_to_onnx(graph: &mut Graph, raw: &[GraphValue], encodings: &[&Encoding]) -> GraphValue {
    if let ([raw], [encoding]) = (raw, encodings) {
        return column_to_onnx(graph, raw, encoding);
    }
    let columns = raw.len();
    let (mut fills, mut centers, mut scales, mut flags) = (vec![], vec![], vec![], vec![]);
    for encoding in encodings {
        if let Encoding::Scale { center, scale, fill, indicator } = encoding {
            fills.push(*fill);
            centers.push(*center);
            scales.push(*scale);
            flags.push(*indicator);
        }
    }
    let raw: Vec<&GraphValue> = raw.iter().collect();
    let raw = operator::concat(graph, &raw, 1);
    let fill = graph.weight_f64("input.fill", &[columns], &fills);
    let center = graph.weight_f64("input.center", &[columns], &centers);
    let scale = graph.weight_f64("input.scale", &[columns], &scales);
    let (scaled, missing) = standardized(graph, &raw, &fill, &center, &scale);
    if !flags.contains(&true) {
        return scaled;
    }
    // A column with an indicator is followed by a column of 0 or 1: was its value missing?
    let missing = operator::cast(graph, &missing, ElementType::Float32);
    let with_missing = operator::concat(graph, &[&scaled, &missing], 1);
    let indices = flags.iter().enumerate().flat_map(|(column, flag)| {
        std::iter::once(column).chain(flag.then_some(columns + column)).map(|index| index as i64)
    });
    let indices = graph.ints(&indices.collect::<Vec<i64>>());
    operator::gather(graph, &with_missing, &indices, 1)
}

/// Encodes a raw column `[batch, 1]`.
pub fn column_to_onnx(graph: &mut Graph, raw: &GraphValue, encoding: &Encoding) -> GraphValue {
    match encoding {
        Encoding::Scale { center, scale, fill, indicator } => {
            let fill = graph.scalar_f64(*fill);
            let (center, scale) = (graph.scalar_f64(*center), graph.scalar_f64(*scale));
            let (scaled, missing) = standardized(graph, raw, &fill, &center, &scale);
            if !indicator {
                return scaled;
            }
            let missing = operator::cast(graph, &missing, ElementType::Float32);
            operator::concat(graph, &[&scaled, &missing], 1)
        }
        Encoding::Piecewise { edges, features, fill, indicator } => {
            let (x, missing) = piecewise(graph, raw, edges, features, *fill);
            if !indicator {
                return x;
            }
            let missing = operator::cast(graph, &missing, ElementType::Float32);
            operator::concat(graph, &[&x, &missing], 1)
        }
        Encoding::OneHot { keys } | Encoding::Code { keys, .. } => {
            // [batch, 1] == [1, keys]: a value that is not a key has code 0, which equals none of 1..=keys.
            let codes = operator::codes(graph, raw, keys, 1, 0);
            let key_codes: Vec<i64> = (1..=keys.len() as i64).collect();
            let key_codes = graph.weight_ints("keys", &[1, keys.len()], &key_codes);
            let equal = operator::equal(graph, &codes, &key_codes);
            operator::cast(graph, &equal, ElementType::Float32)
        }
        _ => raw.clone(),
    }
}

/// The features of a raw column `[batch, 1]` by a piecewise linear function, and which cells are missing.
fn piecewise(
    graph: &mut Graph,
    raw: &GraphValue,
    edges: &[f64],
    features: &PiecewiseFeatures,
    fill: f64,
) -> (GraphValue, GraphValue) {
    let bins = edges.len() - 1;
    let raw = operator::cast(graph, raw, ElementType::Float64);
    let missing = operator::is_nan(graph, &raw);
    let fill = graph.scalar_f64(fill);
    let filled = operator::where_(graph, &missing, &fill, &raw);
    let from = graph.weight_f64("edges", &[1, bins], &edges[..bins]);
    let widths: Vec<f64> = edges.windows(2).map(|two| two[1] - two[0]).collect();
    let widths = graph.weight_f64("widths", &[1, bins], &widths);
    let above = operator::sub(graph, &filled, &from);
    let shares = operator::div(graph, &above, &widths);
    let x = match features {
        PiecewiseFeatures::Bins => {
            // As in training: from the position, rounded to 32 bits.
            let [low, high] = open_bounds(bins, f64::MIN, f64::MAX);
            let low = graph.weight_f64("low", &[1, bins], &low);
            let high = graph.weight_f64("high", &[1, bins], &high);
            let shares = bounded(graph, &shares, &low, &high);
            let position = operator::reduce_sum(graph, &shares, &[1], true);
            let position = operator::cast(graph, &position, ElementType::Float32);
            let numbers: Vec<f32> = (0..bins).map(|bin| bin as f32).collect();
            let numbers = graph.weight("bins", &[1, bins], &numbers);
            let [low, high] = open_bounds(bins, f32::MIN, f32::MAX);
            let low = graph.weight("low_share", &[1, bins], &low);
            let high = graph.weight("high_share", &[1, bins], &high);
            let shares = operator::sub(graph, &position, &numbers);
            bounded(graph, &shares, &low, &high)
        }
        PiecewiseFeatures::Values(values) => {
            let (low, high) = (graph.scalar_f64(0.0), graph.scalar_f64(1.0));
            let shares = bounded(graph, &shares, &low, &high);
            let steps: Vec<f64> = values.windows(2).map(|two| two[1] - two[0]).collect();
            let steps = graph.weight_f64("steps", &[1, bins], &steps);
            let risen = operator::mul(graph, &shares, &steps);
            let risen = operator::reduce_sum(graph, &risen, &[1], true);
            let first = graph.scalar_f64(values[0]);
            let value = operator::add(graph, &risen, &first);
            operator::cast(graph, &value, ElementType::Float32)
        }
    };
    (x, missing)
}

/// Bounds of the shares of bins: 0 and 1, except that the first bin goes on below its edge and the last above
/// it.
fn open_bounds<T: Copy + From<u8>>(bins: usize, lowest: T, highest: T) -> [Vec<T>; 2] {
    let low = (0..bins).map(|bin| if bin == 0 { lowest } else { T::from(0) });
    let high = (0..bins).map(|bin| if bin + 1 == bins { highest } else { T::from(1) });
    [low.collect(), high.collect()]
}

fn bounded(graph: &mut Graph, x: &GraphValue, low: &GraphValue, high: &GraphValue) -> GraphValue {
    let x = operator::max(graph, x, low);
    operator::min(graph, &x, high)
}
