//! Stage `export`: writes the best weights as an ONNX model of raw values, with its card.

use std::path::Path;

use indexmap::IndexMap;

use crate::domain::array::{Array, PaddingValue};
use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::domain::name::TaskName;
use crate::domain::signature::{Encoding, InputSignature, PREFERENCE, Signature, TokenPlane};
use crate::domain::table::Dataset;
use crate::domain::task::FittedTarget;
use crate::model::network::Network;
use crate::onnx::bundle::{CARD, FORMAT, MODEL, ModelCard, ModelSample};
use crate::onnx::bundle_file::{
    ADAPTER, BundleFile, BundleRole, adapter_members, data_member, members, tokenizer,
};
use crate::onnx::config::ExportConfig;
use crate::onnx::rounding::{SMALLEST, round};
use crate::onnx::seal;
use crate::onnx::write::{LARGEST, save_within};
use crate::plan::preference::{default_points, simplex};
use crate::plan::{Stage, Trial};
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::metadata;
use crate::run::publish;
use crate::run::sample_predictions::sample_predictions;
use crate::run::stage::{StageOutput, trained};

pub fn run(
    context: &RunContext,
    stage: &Stage,
    folder: &Path,
    event_log: &dyn Observer,
) -> Result<StageOutput, RunError> {
    let dataset = context.dataset()?;
    let mut network = trained::network(context, stage, &dataset.signature)?;
    let ExportConfig::Onnx(config) = &context.trial(stage)?.pipeline.export;
    let opset = config.opset.get() as i64;
    let metadata = metadata(context, &dataset);
    // Set by the tests: a smaller limit than that of a file shows what large models do.
    let limit = std::env::var("MTL_ONNX_LIMIT").ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(LARGEST);
    let mut model = network.to_onnx()?.finish(opset, &metadata)?;
    let path = folder.join(MODEL);
    let mut rounding = round(&mut model, config.precision, SMALLEST)?;
    save_within(&mut model, &path, limit)?;
    let decoders = network.decoders_to_onnx()?;
    let mut files = members(&dataset.signature);
    let adapter = if config.adapter { adapter_files(&network)? } else { Vec::new() };
    if config.adapter {
        files.extend(adapter_members());
    }
    for file in &mut files {
        let file_path = folder.join(&file.name);
        let decoder = decoders.iter().find(|(task, _)| file.owner.as_deref() == Some(task.as_str()));
        match (file.part, decoder) {
            (BundleRole::Decoder, Some((_, decoder))) => {
                let mut decoder = decoder.clone().finish(opset, &metadata)?;
                rounding = rounding.plus(&round(&mut decoder, config.precision, SMALLEST)?);
                save_within(&mut decoder, &file_path, limit)?;
            }
            (BundleRole::Tokenizer, _) => {
                let text = tokenizer(&dataset.signature, file).unwrap_or_default();
                publish::write(&file_path, text.as_bytes())?;
            }
            (BundleRole::Adapter, _) => {
                let content = adapter.iter().find(|(name, _)| *name == file.name.as_str());
                publish::write(
                    &file_path,
                    content.map(|(_, content)| content.as_slice()).unwrap_or_default(),
                )?;
            }
            _ => {}
        }
        (file.bytes, file.sha256) = seal::of_file(&file_path)?;
    }
    let data: Vec<BundleFile> = files.iter().filter_map(data_member).collect();
    for mut file in data.into_iter().filter(|file| folder.join(&file.name).is_file()) {
        (file.bytes, file.sha256) = seal::of_file(&folder.join(&file.name))?;
        files.push(file);
    }
    let bytes = files.iter().filter(|file| file.owner.is_none()).map(|file| file.bytes).sum();
    let mut card = card(context, stage, &dataset, &mut network)?;
    card.files = files;
    card.answers = sample_predictions(&card)?;
    card.write(&folder.join(CARD))?;
    if config.precision.is_reduced() && rounding.is_empty() {
        let text = format!(
            "precision {} rounds nothing: besides heads no matrix product has {SMALLEST} weights or more",
            config.precision
        );
        let severity = Severity::Warning;
        event_log.observe(&Event::Note { stage: stage.clone().into(), severity, text });
    }
    let is_rounded = config.precision.is_reduced();
    event_log.observe(&Event::Exported {
        trial: stage.trial.unwrap_or(1),
        file: MODEL.into(),
        bytes,
        opset,
        rounding: is_rounded.then(|| format!("{}: {rounding}", config.precision)),
    });
    Ok(StageOutput::Keep)
}

/// The names and contents of the files of the network's only adapter.
fn adapter_files(network: &Network) -> Result<Vec<(&'static str, Vec<u8>)>, RunError> {
    let adapters = network.weights().peft_files()?;
    match <[_; 1]>::try_from(adapters) {
        Ok([adapter]) => {
            let [config, weights] = ADAPTER;
            Ok(vec![(config, adapter.config.into_bytes()), (weights, adapter.weights)])
        }
        Err(adapters) => Err(RunError::Adapters { count: adapters.len() }),
    }
}

/// The metadata inside the ONNX files.
fn metadata(context: &RunContext, dataset: &Dataset) -> Vec<(String, String)> {
    let mut metadata = vec![
        ("producer".to_owned(), format!("mtl {}", env!("CARGO_PKG_VERSION"))),
        ("pipeline".to_owned(), context.plan.name().to_string()),
    ];
    metadata.extend(metadata::entries(&dataset.signature));
    metadata
}

/// The model card, with sample rows and the outputs that candle computes for them.
fn card(
    context: &RunContext,
    stage: &Stage,
    dataset: &Dataset,
    network: &mut Network,
) -> Result<ModelCard, RunError> {
    let ExportConfig::Onnx(config) = &context.trial(stage)?.pipeline.export;
    let trial = context.trial(stage)?;
    let (mut inputs, mut outputs, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    // Every table has every input, so the first one's rows are a sample for all tasks.
    if let Some(table) = dataset.tables.first() {
        let rows = &table.sample_rows;
        inputs = table.sample.iter().map(|(name, array)| (name.to_string(), array.clone())).collect();
        let vectors = sample_preferences(dataset.signature.tasks.len(), rows.len());
        let takes_preference = network.set_preference(&vectors);
        if takes_preference {
            let shares = vectors.iter().flatten().map(|share| *share as f32).collect();
            let preferences = Array::f32(&[rows.len(), dataset.signature.tasks.len()], shares);
            inputs.push((PREFERENCE.to_owned(), preferences));
        }
        let tasks = dataset.signature.tasks.iter().enumerate();
        let (generating, predicting): (Vec<_>, Vec<_>) =
            tasks.partition(|(_, task)| task.target.output_tokenizer().is_some());
        let predicting: Vec<usize> = predicting.into_iter().map(|(index, _)| index).collect();
        let predictions = network.predict_tasks(table, rows, rows.len().max(1), &predicting)?;
        for (index, prediction) in predicting.into_iter().zip(predictions) {
            let signature = &dataset.signature.tasks[index];
            // The model outputs zeros in padding, and for words as many steps as their pieces have.
            let zeros = PaddingValue::Float(0.0);
            let steps = steps_of_pieces(&dataset.signature, &inputs);
            outputs.push((signature.logits_output(), prediction.logits.padded_to(&zeros, steps)));
            let answers = prediction.answers.with_floats(signature.target.prediction_type());
            outputs.push((signature.prediction_output(), answers.padded_to(&zeros, steps)));
        }
        let signals = network.input_tensors(table, Some(rows))?;
        for (index, signature) in generating {
            // The encoded steps would be too large for the card; the generated texts depend on them.
            let memory = network.decoder_inputs(index, &signals)?.into_iter();
            outputs.extend(memory.filter(|(_, array)| array.shape.len() < 3));
            // A language model generates for a subset of rows at a time, so each would need its own row's
            // preference.
            let tokens = match signature.target {
                FittedTarget::LanguageModel { .. } if takes_preference => None,
                _ => network.generate_rows(index, table, rows, 0)?,
            };
            if let Some(tokens) = tokens {
                texts.push((signature.name.clone(), tokens));
            }
        }
    }
    Ok(ModelCard {
        format: FORMAT,
        mtl: env!("CARGO_PKG_VERSION").to_owned(),
        pipeline: context.plan.name(),
        run: context.run.clone(),
        trial: trial.number,
        seed: trial.seed,
        opset: config.opset.get() as i64,
        tolerance: config.tolerance(),
        precision: config.precision,
        signature: dataset.signature.clone(),
        // Known to the database; `mtl export` adds them.
        metrics: Vec::new(),
        data: context.files()?,
        sample: ModelSample::new(&inputs, &outputs),
        files: Vec::new(),
        preference: default_preference(trial, dataset),
        transitions: network.transitions()?,
        texts,
        answers: Vec::new(),
    })
}

/// The number of steps of an input of words in pieces, 0 if there is none.
fn steps_of_pieces(signature: &Signature, inputs: &[(String, Array)]) -> usize {
    let of_words = |input: &&InputSignature| {
        matches!(input.encoding, Encoding::Tokens { plane: Some(TokenPlane::Words { .. }), .. })
    };
    let name = signature.inputs.iter().find(of_words).map(|input| input.name.as_str());
    let array = inputs.iter().find(|(input, _)| Some(input.as_str()) == name);
    array.and_then(|(_, array)| array.shape.get(1).copied()).unwrap_or(0)
}

/// A preference for each sample row: an even grid of preferences in turn, so that verification covers many.
fn sample_preferences(tasks: usize, rows: usize) -> Vec<Vec<f64>> {
    let mut front = simplex(tasks, default_points(tasks));
    for vector in &mut front {
        let sum: f64 = vector.iter().sum();
        vector.iter_mut().for_each(|share| *share /= sum);
    }
    front.iter().cycle().take(rows).cloned().collect()
}

/// The card's default preference, equal weights; empty if the model takes none.
fn default_preference(trial: &Trial, dataset: &Dataset) -> IndexMap<TaskName, f64> {
    if !trial.network().preference {
        return IndexMap::new();
    }
    let tasks = &dataset.signature.tasks;
    tasks.iter().map(|task| (task.name.clone(), 1.0 / tasks.len() as f64)).collect()
}
