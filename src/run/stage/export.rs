//! The best weights as an ONNX model that takes raw values, with the card that explains it.

use std::path::Path;

use indexmap::IndexMap;

use crate::domain::array::{Array, Filler};
use crate::domain::event::{Event, Observer};
use crate::domain::name::TaskName;
use crate::domain::signature::PREFERENCE;
use crate::domain::table::Dataset;
use crate::domain::task::Target;
use crate::model::network::Network;
use crate::onnx::bundle::{CARD, Card, FORMAT, MODEL, Sample};
use crate::onnx::member::{Part, members, tokenizer};
use crate::onnx::seal;
use crate::onnx::spec::ExportSpec;
use crate::plan::preference::{along, simplex};
use crate::plan::{Stage, Trial};
use crate::run::answered::answered;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::own;
use crate::run::place;
use crate::run::stage::{Keep, trained};

pub fn work(context: &Context, stage: &Stage, made: &Path, tape: &dyn Observer) -> Result<Keep, Error> {
    let dataset = context.dataset()?;
    let mut network = trained::network(context, stage, &dataset.signature)?;
    let ExportSpec::Onnx(spec) = &context.trial(stage)?.pipeline.export;
    let opset = spec.opset.get() as i64;
    let metadata = metadata(context, &dataset);
    let model = network.emit()?.finish(opset, &metadata)?;
    let path = made.join(MODEL);
    crate::onnx::write::save(&model, &path)?;
    let decoders = network.emit_decoders()?;
    let mut files = members(&dataset.signature);
    for file in &mut files {
        let place = made.join(&file.name);
        let decoder = decoders.iter().find(|(task, _)| file.of.as_deref() == Some(task.as_str()));
        match (file.part, decoder) {
            (Part::Decoder, Some((_, decoder))) => {
                crate::onnx::write::save(&decoder.clone().finish(opset, &metadata)?, &place)?;
            }
            (Part::Tokenizer, _) => {
                let text = tokenizer(&dataset.signature, file).unwrap_or_default();
                place::write(&place, text.as_bytes())?;
            }
            _ => {}
        }
        (file.bytes, file.sha256) = seal::of_file(&place)?;
    }
    let mut card = card(context, stage, &dataset, &mut network)?;
    card.files = files;
    card.answers = answered(&card)?;
    card.write(&made.join(CARD))?;
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
    metadata.extend(own::metadata(&dataset.signature));
    metadata
}

/// The card: signature, and sample rows with the answers candle gives for them.
fn card(context: &Context, stage: &Stage, dataset: &Dataset, network: &mut Network) -> Result<Card, Error> {
    let ExportSpec::Onnx(spec) = &context.trial(stage)?.pipeline.export;
    let trial = context.trial(stage)?;
    let (mut inputs, mut outputs, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    // Every table has every input, so the first one's rows are a sample for all tasks.
    if let Some(table) = dataset.tables.first() {
        let rows = &table.sample_rows;
        inputs = table.sample.iter().map(|(name, array)| (name.to_string(), array.clone())).collect();
        let vectors = sample_preferences(dataset.signature.tasks.len(), rows.len());
        let prefers = network.prefer(&vectors);
        if prefers {
            let shares = vectors.iter().flatten().map(|share| *share as f32).collect();
            let told = Array::f32(&[rows.len(), dataset.signature.tasks.len()], shares);
            inputs.push((PREFERENCE.to_owned(), told));
        }
        let tasks = dataset.signature.tasks.iter().enumerate();
        let (writing, answering): (Vec<_>, Vec<_>) =
            tasks.partition(|(_, task)| task.target.writes().is_some());
        let answering: Vec<usize> = answering.into_iter().map(|(index, _)| index).collect();
        let said = network.predict_tasks(table, rows, rows.len().max(1), &answering)?;
        for (index, prediction) in answering.into_iter().zip(said) {
            let signature = &dataset.signature.tasks[index];
            // Behind a row's end the model gives zeros.
            let zeros = Filler::Float(0.0);
            outputs.push((signature.logits_output(), prediction.logits.padded(&zeros)));
            let answers = prediction.answers.with_floats(signature.target.answer_type());
            outputs.push((signature.answer_output(), answers.padded(&zeros)));
        }
        let signals = network.signals(table, Some(rows))?;
        for (index, signature) in writing {
            // What was read, step by step, is too much to keep; the texts that are written prove it.
            let memory = network.memory(index, &signals)?.into_iter();
            outputs.extend(memory.filter(|(_, array)| array.shape.len() < 3));
            // What goes on with texts is asked for some of them at a time; each would need its own row's preference.
            let written = match signature.target {
                Target::LanguageModel { .. } if prefers => None,
                _ => network.write(index, table, rows, 0)?,
            };
            if let Some(tokens) = written {
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
        files: Vec::new(),
        preference: default_preference(trial, dataset),
        transitions: network.transitions()?,
        texts,
        answers: Vec::new(),
    })
}

/// The preference of each sample row: evenly laid ones in turn, so that the proof is of many.
fn sample_preferences(tasks: usize, rows: usize) -> Vec<Vec<f64>> {
    let mut front = simplex(tasks, along(tasks));
    for vector in &mut front {
        let sum: f64 = vector.iter().sum();
        vector.iter_mut().for_each(|share| *share /= sum);
    }
    front.iter().cycle().take(rows).cloned().collect()
}

/// What the model is told where nobody says otherwise; empty where it reads no preference.
fn default_preference(trial: &Trial, dataset: &Dataset) -> IndexMap<TaskName, f64> {
    if !trial.network().preference {
        return IndexMap::new();
    }
    let tasks = &dataset.signature.tasks;
    tasks.iter().map(|task| (task.name.clone(), 1.0 / tasks.len() as f64)).collect()
}
