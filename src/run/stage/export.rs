//! The best weights as an ONNX model that takes raw values, with the card that explains it.

use std::path::Path;

use crate::domain::array::Filler;
use crate::domain::event::{Event, Observer};
use crate::domain::table::Dataset;
use crate::model::network::Network;
use crate::onnx::bundle::{CARD, Card, FORMAT, MODEL, Sample};
use crate::onnx::spec::ExportSpec;
use crate::plan::Stage;
use crate::run::bundle;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::generation;
use crate::run::place;
use crate::run::stage::{Keep, trained};

pub fn work(context: &Context, stage: &Stage, made: &Path, tape: &dyn Observer) -> Result<Keep, Error> {
    let dataset = context.dataset()?;
    let network = trained::network(context, stage, &dataset.signature)?;
    let ExportSpec::Onnx(spec) = &context.trial(stage)?.pipeline.export;
    let opset = spec.opset.get() as i64;
    let metadata = metadata(context, &dataset);
    let model = network.emit()?.finish(opset, &metadata)?;
    let path = made.join(MODEL);
    crate::onnx::write::save(&model, &path)?;
    for (task, decoder) in network.emit_decoders()? {
        let model = decoder.finish(opset, &metadata)?;
        crate::onnx::write::save(&model, &made.join(generation::file(&task)))?;
    }
    for (file, text) in bundle::tokenizers(&dataset.signature) {
        place::write(&made.join(file), text.as_bytes())?;
    }
    card(context, stage, &dataset, &network)?.write(&made.join(CARD))?;
    tape.observe(&Event::Exported {
        trial: stage.trial.unwrap_or(1),
        file: MODEL.into(),
        bytes: std::fs::metadata(&path).map_err(Error::io("read", &path))?.len(),
        opset,
    });
    Ok(Keep::Yes)
}

/// What a consumer finds inside the model itself.
fn metadata(context: &Context, dataset: &Dataset) -> Vec<(String, String)> {
    let mut metadata = vec![
        ("producer".to_owned(), format!("mtl {}", env!("CARGO_PKG_VERSION"))),
        ("pipeline".to_owned(), context.plan.name().to_string()),
    ];
    for task in &dataset.signature.tasks {
        let target = serde_json::to_string(&task.target).unwrap_or_default();
        metadata.push((format!("task.{}", task.name), target));
    }
    metadata
}

/// The card: signature, and sample rows with the answers candle gives for them.
fn card(context: &Context, stage: &Stage, dataset: &Dataset, network: &Network) -> Result<Card, Error> {
    let ExportSpec::Onnx(spec) = &context.trial(stage)?.pipeline.export;
    let trial = context.trial(stage)?;
    let (mut inputs, mut outputs, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    // Every table has every input, so the first one's rows are a sample for all tasks.
    if let Some(table) = dataset.tables.first() {
        let rows = &table.sample_rows;
        inputs = table.sample.iter().map(|(name, array)| (name.to_string(), array.clone())).collect();
        let tasks = dataset.signature.tasks.iter().enumerate();
        let (writing, answering): (Vec<_>, Vec<_>) =
            tasks.partition(|(_, task)| task.target.writes().is_some());
        let answering: Vec<usize> = answering.into_iter().map(|(index, _)| index).collect();
        let said = network.predict_tasks(table, rows, rows.len().max(1), &answering)?;
        for (index, prediction) in answering.into_iter().zip(said) {
            let signature = &dataset.signature.tasks[index];
            // Behind a row's end the model gives zeros.
            let zeros = Filler::F32(0.0);
            outputs.push((signature.logits_output(), prediction.logits.padded(&zeros)));
            outputs.push((signature.answer_output(), prediction.answers.padded(&zeros)));
        }
        let signals = network.signals(table, Some(rows))?;
        for (index, signature) in writing {
            // What was read, step by step, is too much to keep; the texts that are written prove it.
            let memory = network.memory(index, &signals)?.into_iter();
            outputs.extend(memory.filter(|(_, array)| array.shape.len() < 3));
            if let Some(tokens) = network.generate(index, &signals, 0..rows.len() as u64, 0)? {
                texts.push((signature.name.clone(), tokens));
            }
        }
    }
    Ok(Card {
        format: FORMAT,
        mtl: env!("CARGO_PKG_VERSION").to_owned(),
        pipeline: context.plan.name(),
        run: context.run.clone(),
        trial: trial.number,
        seed: trial.seed,
        opset: spec.opset.get() as i64,
        tolerance: spec.tolerance.get(),
        signature: dataset.signature.clone(),
        // Known to the database; written into the bundle by `mtl export`.
        metrics: Vec::new(),
        data: context.files()?,
        sample: Sample::new(&inputs, &outputs),
        transitions: network.transitions()?,
        texts,
    })
}
