//! Stage `verify`: checks that the exported model computes the same as the trained one.

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer, Parity};
use crate::onnx;
use crate::plan::{Stage, Work};
use crate::run::bundle::ModelBundle;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::{StageOutput, exported};

pub fn run(context: &RunContext, stage: &Stage, event_log: &dyn Observer) -> Result<StageOutput, RunError> {
    let trial = stage.trial.unwrap_or(1);
    let note = |text: &str| {
        let (stage, text) = (stage.clone().into(), text.to_owned());
        event_log.observe(&Event::Note { stage, severity: Severity::Warning, text });
    };
    let bundle = ModelBundle::read(&context.folder_of(&Stage::of_trial(Work::Export, trial))?)?;
    let mut parity = match bundle.verify(&note) {
        Ok(parity) => parity,
        Err(RunError::Onnx(error)) if error.is_absence() => {
            note(&format!("the exported model is NOT verified: {error}"));
            let mut parity = onnx::verify::unverified(&error, bundle.tolerance());
            parity.precision = bundle.precision();
            event_log.observe(&Event::Verified { trial, parity });
            return Ok(StageOutput::Discard);
        }
        Err(error) => return Err(error),
    };
    if parity.precision.is_reduced() && !parity.is_broken() {
        parity.scores = exported::scores(context, stage, &bundle, &note)?;
    }
    event_log.observe(&Event::Verified { trial, parity: parity.clone() });
    let worst = parity.worst().map(|worst| worst.output.clone()).unwrap_or_default();
    if parity.is_broken() {
        let Parity { largest, tolerance, .. } = parity;
        return Err(RunError::Parity { largest, tolerance, output: worst });
    }
    if !parity.holds() {
        note(&format!(
            "precision {}: output `{worst}` differs by {:.2e} from the trained network on sample rows \
             (tolerance {:.0e}); compare the scores of both",
            parity.precision, parity.largest, parity.tolerance
        ));
    }
    if let Some(text) = exported::warning(parity.precision, &parity.scores) {
        note(&text);
    }
    Ok(StageOutput::Keep)
}
