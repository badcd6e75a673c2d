//! Stage `verify`: checks that the exported model computes the same as the trained one.

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::onnx;
use crate::plan::{Stage, Work};
use crate::run::bundle::ModelBundle;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::StageOutput;

pub fn run(context: &RunContext, stage: &Stage, event_log: &dyn Observer) -> Result<StageOutput, RunError> {
    let trial = stage.trial.unwrap_or(1);
    let note = |text: &str| {
        let (stage, text) = (stage.clone().into(), text.to_owned());
        event_log.observe(&Event::Note { stage, severity: Severity::Warning, text });
    };
    let bundle = ModelBundle::read(&context.folder_of(&Stage::of_trial(Work::Export, trial))?)?;
    let parity = match bundle.verify(&note) {
        Ok(parity) => parity,
        Err(RunError::Onnx(error)) if error.is_absence() => {
            note(&format!("the exported model is NOT verified: {error}"));
            let parity = onnx::verify::unverified(&error, bundle.tolerance());
            event_log.observe(&Event::Verified { trial, parity });
            return Ok(StageOutput::Discard);
        }
        Err(error) => return Err(error),
    };
    event_log.observe(&Event::Verified { trial, parity: parity.clone() });
    if parity.largest > parity.tolerance {
        let worst = parity.outputs.iter().max_by(|a, b| a.largest.total_cmp(&b.largest));
        return Err(RunError::Parity {
            largest: parity.largest,
            tolerance: parity.tolerance,
            output: worst.map(|output| output.output.clone()).unwrap_or_default(),
        });
    }
    Ok(StageOutput::Keep)
}
