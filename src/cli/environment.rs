//! The environment of a run, recorded for reproducibility.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::pipeline::RunnablePipeline;
use crate::domain::choice_config::Choice;
use crate::domain::name::RunId;
use crate::plan::sweep::plain;
use crate::spec::objective::ObjectiveConfig;
use crate::spec::pipeline::PipelineConfig;
use crate::store::header::{Environment, RunHeader, TaskHeader, TrialHeader};
use crate::store::trial::SweepObjective;

/// Collects everything that is known before a run starts.
pub fn header(pipeline: &RunnablePipeline, file: &Path, run: &RunId) -> RunHeader {
    let plan = &pipeline.plan;
    let config = &plan.pipeline;
    let resolved = serde_json::to_value(config).unwrap_or_default();
    let tasks = config.tasks.iter().map(|(name, task)| TaskHeader {
        task: name.clone(),
        data: task.data.as_ref().map(ToString::to_string).unwrap_or_default(),
        kind: task.kind.name().to_owned(),
        targets: task.target.0.iter().map(ToString::to_string).collect(),
        loss: task.loss.as_ref().map(|loss| loss.name().to_owned()),
    });
    let trials = plan.trials.iter().map(|trial| TrialHeader {
        trial: trial.number,
        seed: trial.seed,
        // The choices of the sweep; the pipeline's own settings are recorded once, above.
        parameters: trial
            .choices
            .iter()
            .map(|choice| (choice.address.clone(), plain(&choice.value)))
            .collect(),
    });
    RunHeader {
        run: run.clone(),
        pipeline: plan.name(),
        description: config.description.clone(),
        file: absolute(file),
        resolved: crate::spec::write(config),
        fingerprint: Some(plan.fingerprint().0),
        seed: config.seed.get(),
        command: Some(std::env::args().collect::<Vec<_>>().join(" ")),
        parameters: RunHeader::parameters_of(&resolved),
        tasks: tasks.collect(),
        trials: trials.collect(),
        direction: plan.direction(),
        objectives: objectives(config),
        environment: environment(&pipeline.base, crate::run::machine::device(config)),
    }
}

/// The objectives of a sweep.
fn objectives(config: &PipelineConfig) -> Vec<SweepObjective> {
    let objectives = config.sweep.iter().flat_map(|sweep| &sweep.objectives);
    let recorded = |objective: &ObjectiveConfig| {
        let metric = objective.metric.as_ref()?;
        Some(SweepObjective {
            task: objective.task.to_string(),
            metric: metric.label(),
            direction: metric.view().direction(),
            reference: objective.reference.map(|value| value.get()),
        })
    };
    objectives.filter_map(recorded).collect()
}

fn environment(base: &Path, device: String) -> Environment {
    let git = |arguments: &[&str]| {
        let folder = if base.as_os_str().is_empty() { Path::new(".") } else { base };
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    Environment {
        mtl_version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: git(&["rev-parse", "HEAD"]),
        git_dirty: git(&["status", "--porcelain", "--untracked-files=no"]).map(|changes| !changes.is_empty()),
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cpu: processor(),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        threads: crate::run::machine::threads(),
        device,
        onnx_runtime: None,
    }
}

/// The name of the processor, if available.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

fn absolute(file: &Path) -> String {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).to_string_lossy().into_owned()
}

/// Six letters and digits from the clock and the process id: for unique names, not for randomness.
pub fn six_letters(attempt: u32) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    // A multiplicative hash (Knuth), so that runs started close together look different.
    let mut mixed = (now ^ (u64::from(std::process::id()) << 40) ^ u64::from(attempt))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^= mixed >> 31;
    (0..6)
        .map(|_| {
            let letter = LETTERS[(mixed % LETTERS.len() as u64) as usize] as char;
            mixed /= LETTERS.len() as u64;
            letter
        })
        .collect()
}
