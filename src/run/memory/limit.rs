//! Where in the pipeline stands what takes the most memory, and what to write instead.

use crate::data::free_memory;
use crate::domain::bytes::Bytes;
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::task::TargetConfig;
use crate::run::memory::{MemoryEstimate, MemoryPart};
use crate::spec::PipelineConfig;

/// How much may be taken, and who says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryLimit {
    bytes: Bytes,
    configured: bool,
}

impl MemoryLimit {
    /// What was said, else what there is; `None` where nobody knows.
    pub fn from_setting(message: Option<Bytes>) -> Option<Self> {
        let bytes = message.or_else(free_memory::available)?;
        Some(Self { bytes, configured: message.is_some() })
    }

    fn describe(self) -> String {
        match self.configured {
            true => format!("`--memory` allows {}", self.bytes),
            false => format!("this machine has {} free", self.bytes),
        }
    }
}

/// What takes the most, where the whole does not fit.
pub fn refused(
    pipeline: &PipelineConfig,
    estimate: &MemoryEstimate,
    limit: MemoryLimit,
) -> Option<Diagnostic> {
    let need = estimate.total();
    if need <= limit.bytes {
        return None;
    }
    // What would be left for one thing if all others stayed as they are.
    let room = |own: Bytes| Bytes(limit.bytes.0.saturating_sub(need.0.saturating_sub(own.0)));
    // No machine has what cannot be counted.
    let more = match need {
        Bytes::MOST => String::new(),
        need => format!(", or say `--memory {}` where there is so much", rounded_up(need)),
    };
    let piece = estimate.pieces.iter().max_by_key(|piece| piece.bytes);
    let largest = piece.map_or(Bytes(0), |piece| piece.bytes);
    let (path, what, help) = match piece {
        Some(piece) if largest >= estimate.activations && largest >= estimate.data => {
            let fits = share(piece.parameters, room(largest), largest);
            let what = format!(
                "{} alone, a `{}` of {} numbers, takes {largest} with what training keeps of each",
                called(pipeline, piece),
                piece.kind,
                thousands(piece.parameters)
            );
            let help = match fits {
                0 => format!("make it and the other layers smaller{more}"),
                fits => format!("make it smaller, to at most {} numbers{more}", thousands(fits)),
            };
            (path(pipeline, &piece.part), what, help)
        }
        _ if estimate.data > estimate.activations => {
            let what = format!("the encoded data takes {}", estimate.data);
            let help = format!("read fewer rows or columns, such as by a `query`{more}");
            (Path::from_key("data"), what, help)
        }
        _ => {
            let what = format!(
                "what the layers keep of a batch of {} rows takes {}",
                thousands(estimate.rows),
                estimate.activations
            );
            let fits = share(estimate.rows, room(estimate.activations), estimate.activations);
            let help = match fits.checked_ilog2() {
                Some(power) => format!("write `batch_size: {}`{more}", 1_usize << power),
                None => format!("make the layers smaller{more}"),
            };
            (Path::from_key("train").key("batch_size"), what, help)
        }
    };
    let about = if need == Bytes::MOST { "" } else { "about " };
    let message = format!("training would need {about}{need} of memory, and {}: {what}", limit.describe());
    Some(Diagnostic::error("memory", path, message).help(help))
}

/// More weights than a network can have.
pub fn too_many(pipeline: &PipelineConfig, weight: &str, count: usize) -> Diagnostic {
    let message = format!(
        "the network would have more than {} weights; number {} is `{weight}`",
        thousands(count - 1),
        thousands(count)
    );
    let help = "write fewer layers, experts or levels here";
    Diagnostic::error("memory", path(pipeline, weight), message).help(help)
}

/// Of so many what fits into `room`, all of them taking `own`.
fn share(count: usize, room: Bytes, own: Bytes) -> usize {
    if own == Bytes(0) || own == Bytes::MOST {
        return 0;
    }
    (count as f64 * (room.0 as f64 / own.0 as f64)).floor() as usize
}

/// As one would write it: the next whole GB.
fn rounded_up(need: Bytes) -> String {
    format!("{}GB", need.0.div_ceil(1_000_000_000))
}

fn called(pipeline: &PipelineConfig, piece: &MemoryPart) -> String {
    let at = path(pipeline, &piece.part);
    match at.0.is_empty() {
        true => format!("`{}`", piece.part),
        false => format!("`{at}`"),
    }
}

/// Where the part of this name stands in the pipeline; the nearest that is known of it.
fn path(pipeline: &PipelineConfig, part: &str) -> Path {
    let (room, rest) = part.split_once('.').unwrap_or((part, ""));
    let numbered = |rest: &str| rest.split('.').find_map(|step| step.parse::<usize>().ok());
    // The longest: one name may begin with another and a point.
    fn longest<'a>(names: impl Iterator<Item = &'a str>, rest: &str) -> Option<&'a str> {
        let begins = |name: &&str| {
            rest.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        names.filter(begins).max_by_key(|name| name.len())
    }
    match room {
        "trunk" => match numbered(rest) {
            Some(index) => Path::from_key("trunk").index(index),
            None => Path::from_key("trunk"),
        },
        "input" => {
            let Some(name) = longest(pipeline.inputs.keys().map(|name| name.as_str()), rest) else {
                return Path::from_key("inputs");
            };
            let path = Path::from_key("inputs").key(name);
            let kind =
                pipeline.inputs.iter().find(|(own, _)| own.as_str() == name).map(|(_, input)| input.name());
            match (kind, numbered(&rest[name.len()..])) {
                (Some(kind), Some(index)) => path.key(kind).key("encoder").index(index),
                (Some(kind), None) => path.key(kind),
                (None, _) => path,
            }
        }
        "head" => {
            let Some(name) = longest(pipeline.tasks.keys().map(|name| name.as_str()), rest) else {
                return Path::from_key("tasks");
            };
            let path = Path::from_key("tasks").key(name);
            match numbered(rest[name.len()..].split(".output").next().unwrap_or_default()) {
                Some(index) => path.key("head").index(index),
                None => path.key("kind"),
            }
        }
        "decoder" => {
            let writes = pipeline.tasks.iter().find(|(_, task)| matches!(task.kind, TargetConfig::Text(_)));
            writes.map_or(Path::from_key("tasks"), |(name, _)| Path::from_key("tasks").key(name).key("kind"))
        }
        "sharing" => Path::from_key("sharing").key(pipeline.sharing.name()),
        _ => Path::root(),
    }
}

/// 1234567 -> 1,234,567
fn thousands(number: usize) -> String {
    crate::plan::render::thousands(number)
}

#[cfg(test)]
mod tests {
    use super::path;
    use crate::spec::PipelineConfig;

    #[test]
    fn parts_have_places() {
        let text = "data: {t: {source: {csv: x.csv}}}\n\
                    inputs: {a: number, a.b: {text: {encoder: [{embedding: 8}, {pool: mean}]}}}\n\
                    trunk: [{dense: 4}]\n\
                    tasks: {y: {kind: binary, target: y, head: [{dense: 4}]}}\n";
        let read = crate::spec::read(text, std::path::Path::new("x.yaml"), &[]);
        let (pipeline, _): (PipelineConfig, _) = read.expect("a pipeline");
        for (part, index) in [
            ("trunk.0.dense", "trunk[0]"),
            ("trunk.y.2.dense", "trunk[2]"),
            ("input.a", "inputs.a.number"),
            ("input.a.b.0.embedding", "inputs.a.b.text.encoder[0]"),
            ("head.y.0.dense", "tasks.y.head[0]"),
            ("head.y.output", "tasks.y.kind"),
            ("sharing.units", "sharing.hard"),
        ] {
            assert_eq!(path(&pipeline, part).to_string(), index, "{part}");
        }
    }
}
