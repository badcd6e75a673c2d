//! Stage `train` of a pipeline with `train.merge`: the runs that are merged, and whether they began alike.

use crate::domain::name::RunId;
use crate::domain::signature::Signature;
use crate::domain::trial_address::TrialAddress;
use crate::onnx::bundle::{CARD, ModelCard};
use crate::plan::{self, Trial};
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::weights::{WEIGHTS, earlier, of_run};
use crate::spec::{self, PipelineText};
use crate::train::config::MergeConfig;
use crate::train::merged_network::MergeSource;

/// The runs, each checked: it began from the initial weights of `trial`, and encodes its inputs and targets
/// in the same way.
///
/// # Errors
/// There is no such run, its files are damaged, or it does not fit.
pub fn sources(
    context: &RunContext,
    trial: &Trial,
    signature: &Signature,
    config: &MergeConfig,
) -> Result<Vec<MergeSource>, RunError> {
    let source = |name: &String| {
        let misfit = |reason: String| RunError::Merge { run: name.clone(), reason };
        let folder = earlier(context.layout, &of_run(name))?;
        let other = trial_of(context, name).map_err(misfit)?;
        if let Some(difference) = difference(trial, &other) {
            return Err(misfit(format!("it did not begin from the same weights: its {difference} differs")));
        }
        let card = ModelCard::read(&folder.join(CARD))?;
        for input in &signature.inputs {
            match card.signature.inputs.iter().find(|own| own.name == input.name) {
                Some(own) if own == input => {}
                Some(_) => return Err(misfit(format!("it encodes the input `{}` otherwise", input.name))),
                None => return Err(misfit(format!("it has no input `{}`", input.name))),
            }
        }
        if let Some(input) = card.signature.inputs.iter().find(|own| !signature.inputs.contains(own)) {
            return Err(misfit(format!("it has one more input, `{}`", input.name)));
        }
        for own in &card.signature.tasks {
            if signature.task(&own.name).is_some_and(|task| task.target != own.target) {
                return Err(misfit(format!("it encodes the target of task `{}` otherwise", own.name)));
            }
        }
        let tasks = card.signature.tasks.into_iter().map(|task| task.name).collect();
        Ok(MergeSource { run: name.clone(), weights: folder.join(WEIGHTS), tasks })
    };
    config.runs.iter().map(source).collect()
}

/// The trial of a run, from the pipeline in its folder.
fn trial_of(context: &RunContext, name: &str) -> Result<Trial, String> {
    let (run, number) = TrialAddress::parts(name);
    let number: u32 = number.map_or(Ok(1), str::parse).map_err(|_| "it has no such trial".to_owned())?;
    let run = RunId::new(run).ok_or("it is no name of a run")?;
    let file = context.layout.pipeline(&run);
    let bytes = std::fs::read(&file).map_err(|error| format!("its pipeline cannot be read: {error}"))?;
    let mut pipeline = spec::read_source(&PipelineText::new(&bytes, &file, &[]))
        .map_err(|_| format!("its pipeline {} is not valid", file.display()))?;
    pipeline.read_models_from(context.base);
    let (plan, _) = plan::resolve(&pipeline, run.as_str()).map_err(|problems| {
        let reason = problems.first().map_or(String::new(), |problem| format!(": {}", problem.message));
        format!("its pipeline {} is not valid{reason}", file.display())
    })?;
    let trial = plan.trials.into_iter().find(|trial| trial.number == number);
    trial.ok_or_else(|| format!("it has no trial {number}"))
}

/// The setting on which initial weights depend, and in which two trials differ.
fn difference(one: &Trial, other: &Trial) -> Option<&'static str> {
    let (a, b) = (&one.pipeline, &other.pipeline);
    let run = |trial: &Trial| trial.pipeline.train.start_from.as_ref().map(|start| start.run.clone());
    let settings = [
        ("seed", one.seed == other.seed),
        ("inputs", a.inputs == b.inputs),
        ("trunk", a.trunk == b.trunk),
        ("sharing", a.sharing == b.sharing),
        ("train.start_from", run(one) == run(other)),
    ];
    settings.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| name)
}
