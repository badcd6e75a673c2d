//! Raw values as a consumer feeds them, encoded by nodes: what [`feed`](crate::model::raw::feed) is given was encoded so.

use crate::domain::array::ElementType;
use crate::domain::shape::Shape;
use crate::domain::signature::Encoding;
use crate::model::signal::{Wire, WireMask};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A raw sequence or image as the network takes it.
pub fn emit_wire(graph: &mut Graph, raw: &Value, encoding: &Encoding) -> Wire {
    match encoding {
        Encoding::Tokens { tokenizer, .. } => {
            let pad = graph.ints(&[i64::from(tokenizer.pad)]);
            let behind = operator::equal(graph, raw, &pad);
            let mask = WireMask { tokens: Some(raw.clone()), ..mask(graph, &behind) };
            Wire { x: raw.clone(), mask: Some(mask) }
        }
        Encoding::Series { center, scale, .. } => {
            let center = graph.weight_f64("center", &[center.len()], center);
            let scale = graph.weight_f64("scale", &[scale.len()], scale);
            let (x, missing) = standardized(graph, raw, &center, &center, &scale);
            let first = operator::slice(graph, &missing, 2, 0, 1);
            let behind = operator::squeeze(graph, &first, &[2]);
            Wire { x, mask: Some(mask(graph, &behind)) }
        }
        // All but a sequence's filling is fed as the network takes it.
        Encoding::Registered { shape: Shape::Sequence { .. }, .. } => {
            let missing = operator::is_nan(graph, raw);
            let zero = graph.scalar(0.0);
            let x = operator::where_(graph, &missing, &zero, raw);
            let first = operator::slice(graph, &missing, 2, 0, 1);
            let behind = operator::squeeze(graph, &first, &[2]);
            Wire { x, mask: Some(mask(graph, &behind)) }
        }
        Encoding::Image { mean, deviation, .. } => {
            let bytes = operator::cast(graph, raw, ElementType::Float32);
            let share = operator::scale(graph, &bytes, 1.0 / 255.0);
            let mean = graph.weight("mean", &[mean.len(), 1, 1], mean);
            let deviation = graph.weight("deviation", &[deviation.len(), 1, 1], deviation);
            let centered = operator::sub(graph, &share, &mean);
            Wire::plain(operator::div(graph, &centered, &deviation))
        }
        other => Wire::plain(emit_column(graph, raw, other)),
    }
}

/// (raw - center) / scale in 64 bits, as training encoded it, and the truth values of where raw is missing: `fill`
/// stands there.
fn standardized(
    graph: &mut Graph,
    raw: &Value,
    fill: &Value,
    center: &Value,
    scale: &Value,
) -> (Value, Value) {
    let raw = operator::cast(graph, raw, ElementType::Float64);
    let missing = operator::is_nan(graph, &raw);
    let filled = operator::where_(graph, &missing, fill, &raw);
    let centered = operator::sub(graph, &filled, center);
    let scaled = operator::div(graph, &centered, scale);
    (operator::cast(graph, &scaled, ElementType::Float32), missing)
}

/// `behind`: a truth value `[batch, time]`, true behind a row's end.
fn mask(graph: &mut Graph, behind: &Value) -> WireMask {
    let behind = operator::cast(graph, behind, ElementType::Float32);
    let one = graph.scalar(1.0);
    let steps = operator::sub(graph, &one, &behind);
    let lengths = operator::reduce_sum(graph, &steps, &[1], false);
    WireMask::new(steps, operator::cast(graph, &lengths, ElementType::Int64))
}

/// Raw columns `[batch, 1]` of one element type, each centered and scaled, as the network takes them side by side: the
/// same arithmetic as of each alone, on all at once. One column may be of any kind.
pub fn emit_numbers(graph: &mut Graph, raw: &[Value], encodings: &[&Encoding]) -> Value {
    if let ([raw], [encoding]) = (raw, encodings) {
        return emit_column(graph, raw, encoding);
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
    let raw: Vec<&Value> = raw.iter().collect();
    let raw = operator::concat(graph, &raw, 1);
    let fill = graph.weight_f64("input.fill", &[columns], &fills);
    let center = graph.weight_f64("input.center", &[columns], &centers);
    let scale = graph.weight_f64("input.scale", &[columns], &scales);
    let (scaled, missing) = standardized(graph, &raw, &fill, &center, &scale);
    if !flags.contains(&true) {
        return scaled;
    }
    // Beside a column with an indicator stands whether its value was missing.
    let missing = operator::cast(graph, &missing, ElementType::Float32);
    let both = operator::concat(graph, &[&scaled, &missing], 1);
    let places = flags.iter().enumerate().flat_map(|(column, flag)| {
        std::iter::once(column).chain(flag.then_some(columns + column)).map(|place| place as i64)
    });
    let places = graph.ints(&places.collect::<Vec<i64>>());
    operator::gather(graph, &both, &places, 1)
}

/// A raw column `[batch, 1]` as the network takes it.
pub fn emit_column(graph: &mut Graph, raw: &Value, encoding: &Encoding) -> Value {
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
        Encoding::OneHot { keys } | Encoding::Code { keys, .. } => {
            // [batch, 1] == [1, keys]: a value not among the keys has code 0, equal to none.
            let codes = operator::codes(graph, raw, keys, 1, 0);
            let known: Vec<i64> = (1..=keys.len() as i64).collect();
            let known = graph.weight_ints("keys", &[1, keys.len()], &known);
            let equal = operator::equal(graph, &codes, &known);
            operator::cast(graph, &equal, ElementType::Float32)
        }
        _ => raw.clone(),
    }
}
