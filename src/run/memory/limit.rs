//! Reports which part of a pipeline takes the most memory, and what to change.

use crate::data::free_memory;
use crate::domain::bytes::Bytes;
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::task::TargetConfig;
use crate::plan::render::thousands;
use crate::run::memory::{MemoryEstimate, MemoryPart};
use crate::spec::PipelineConfig;

/// The memory limit, and whether the user set it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryLimit {
    bytes: Bytes,
    configured: bool,
}

impl MemoryLimit {
    /// The setting, otherwise the free memory; `None` if that is unknown.
    pub fn from_setting(setting: Option<Bytes>) -> Option<Self> {
        let bytes = setting.or_else(free_memory::available)?;
        Some(Self { bytes, configured: setting.is_some() })
    }

    fn describe(self) -> String {
        match self.configured {
            true => format!("`--memory` allows {}", self.bytes),
            false => format!("this machine has {} free", self.bytes),
        }
    }
}

/// The diagnostic if the estimate exceeds the limit; it points at the largest part.
pub fn memory_error(
    pipeline: &PipelineConfig,
    estimate: &MemoryEstimate,
    limit: MemoryLimit,
) -> Option<Diagnostic> {
    let need = estimate.total();
    if need <= limit.bytes {
        return None;
    }
    // What one part may take if all others stay as they are.
    let room = |own: Bytes| Bytes(limit.bytes.0.saturating_sub(need.0.saturating_sub(own.0)));
    // An estimate beyond the range of numbers fits on no machine.
    let more = match need {
        Bytes::MAX => String::new(),
        need => format!(", or pass `--memory {}` if the machine has that much", rounded_up(need)),
    };
    let part = estimate.parts.iter().max_by_key(|part| part.bytes);
    let largest = part.map_or(Bytes(0), |part| part.bytes);
    let (path, what, help) = match part {
        Some(part) if largest >= estimate.activations && largest >= estimate.data => {
            let fits = share(part.parameters, room(largest), largest);
            let what = format!(
                "{}, a `{}` of {} parameters, takes {largest} with gradients and optimizer state",
                part_name(pipeline, part),
                part.kind,
                thousands(part.parameters)
            );
            let help = match fits {
                0 => format!("use smaller layers here and elsewhere{more}"),
                fits => format!("reduce it to at most {} parameters{more}", thousands(fits)),
            };
            (path(pipeline, &part.part), what, help)
        }
        _ if estimate.data > estimate.activations => {
            let what = format!("the encoded data takes {}", estimate.data);
            let help = format!("read fewer rows or columns, for example with a `query`{more}");
            (Path::from_key("data"), what, help)
        }
        _ => {
            let what = format!(
                "the activations of a batch of {} rows take {}",
                thousands(estimate.rows),
                estimate.activations
            );
            let fits = share(estimate.rows, room(estimate.activations), estimate.activations);
            let help = match fits.checked_ilog2() {
                Some(power) => format!("write `batch_size: {}`{more}", 1_usize << power),
                None => format!("use smaller layers{more}"),
            };
            (Path::from_key("train").key("batch_size"), what, help)
        }
    };
    let about = if need == Bytes::MAX { "" } else { "about " };
    let message = format!("training needs {about}{need} of memory, but {}: {what}", limit.describe());
    Some(Diagnostic::error("memory", path, message).help(help))
}

/// The diagnostic of a network with too many parameter tensors.
pub fn too_many(pipeline: &PipelineConfig, weight: &str, count: usize) -> Diagnostic {
    let message = format!(
        "too many parameter tensors: at most {} are supported, and number {} is `{weight}`",
        thousands(count - 1),
        thousands(count)
    );
    let help = "use fewer layers, experts or levels here";
    Diagnostic::error("memory", path(pipeline, weight), message).help(help)
}

/// How many of `count` items, which take `own` together, fit into `room`.
fn share(count: usize, room: Bytes, own: Bytes) -> usize {
    if own == Bytes(0) || own == Bytes::MAX {
        return 0;
    }
    (count as f64 * (room.0 as f64 / own.0 as f64)).floor() as usize
}

/// The next whole GB, as `--memory` takes it.
fn rounded_up(need: Bytes) -> String {
    format!("{}GB", need.0.div_ceil(1_000_000_000))
}

fn part_name(pipeline: &PipelineConfig, part: &MemoryPart) -> String {
    let at = path(pipeline, &part.part);
    match at.0.is_empty() {
        true => format!("`{}`", part.part),
        false => format!("`{at}`"),
    }
}

/// The path in the pipeline of a part of the network, as exact as its name allows.
fn path(pipeline: &PipelineConfig, part: &str) -> Path {
    let (room, rest) = part.split_once('.').unwrap_or((part, ""));
    let numbered = |rest: &str| rest.split('.').find_map(|step| step.parse::<usize>().ok());
    // The longest match: a name may be a prefix of another, followed by a dot.
    fn longest<'a>(names: impl Iterator<Item = &'a str>, rest: &str) -> Option<&'a str> {
        let is_prefix = |name: &&str| {
            rest.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        names.filter(is_prefix).max_by_key(|name| name.len())
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
                pipeline.inputs.iter().find(|(key, _)| key.as_str() == name).map(|(_, input)| input.name());
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
            let generates =
                pipeline.tasks.iter().find(|(_, task)| matches!(task.kind, TargetConfig::Text(_)));
            generates
                .map_or(Path::from_key("tasks"), |(name, _)| Path::from_key("tasks").key(name).key("kind"))
        }
        "sharing" => Path::from_key("sharing").key(pipeline.sharing.name()),
        _ => Path::root(),
    }
}

#[cfg(test)]
mod tests {
    use super::path;
    use crate::spec::PipelineConfig;

    #[test]
    fn parts_have_paths() {
        let text = "data: {t: {source: {csv: x.csv}}}\n\
                    inputs: {a: number, a.b: {text: {encoder: [{embedding: 8}, {pool: mean}]}}}\n\
                    trunk: [{dense: 4}]\n\
                    tasks: {y: {kind: binary, target: y, head: [{dense: 4}]}}\n";
        let read = crate::spec::read(text, std::path::Path::new("x.yaml"), &[]);
        let (pipeline, _): (PipelineConfig, _) = read.expect("a pipeline");
        for (part, expected) in [
            ("trunk.0.dense", "trunk[0]"),
            ("trunk.y.2.dense", "trunk[2]"),
            ("input.a", "inputs.a.number"),
            ("input.a.b.0.embedding", "inputs.a.b.text.encoder[0]"),
            ("head.y.0.dense", "tasks.y.head[0]"),
            ("head.y.output", "tasks.y.kind"),
            ("sharing.units", "sharing.hard"),
        ] {
            assert_eq!(path(&pipeline, part).to_string(), expected, "{part}");
        }
    }
}
