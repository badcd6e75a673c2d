//! `mtl plot RUN...`: plots as SVG or PNG; reports why a plot is not available.

use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::json;

use crate::cli::arguments::{Arguments, ImageFormat, PlotArguments, PlotKind};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::domain::file_name::FileName;
use crate::report::Plots;
use crate::report::plot::figure::Figure;
use crate::report::plot::{FigureKind, NamedFigure, bitmap, svg};
use crate::run::publish;

pub fn perform(arguments: &Arguments, args: &PlotArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_for_reading(&layout)?;
    let named = run_selector::all(&store, &args.names)?;
    let mut kinds: Vec<FigureKind> = args.kind.iter().map(|kind| kind.figure()).collect();
    kinds.dedup();
    let plots = Plots::read(&store, &named, if kinds.is_empty() { &FigureKind::ALL } else { &kinds })?;
    let missing: Vec<String> =
        plots.missing.iter().map(|(kind, missing)| format!("{}: {}", kind.name(), missing.why)).collect();
    if plots.drawn.is_empty() {
        return Err(CliError::Failed(format!("nothing to plot\n  {}", missing.join("\n  "))));
    }
    let folder = args.to.clone().unwrap_or_else(|| match named.as_slice() {
        [(run, _)] => layout.run(run).join("plots"),
        _ => PathBuf::from("plots"),
    });
    if folder.is_file() {
        return Err(CliError::Usage(format!(
            "`{}` is a file; --to is the folder of the images",
            folder.display()
        )));
    }
    let write = |drawn: &NamedFigure| -> Result<(PathBuf, String), CliError> {
        let (extension, bytes) = image(&drawn.figure, args.format)?;
        let file = folder.join(FileName::from_text(&drawn.file, &format!(".{extension}")));
        publish::write(&file, &bytes)
            .map_err(|error| with_alternative(args.to.is_none(), error, "--to DIR"))?;
        Ok((file, drawn.figure.title.clone()))
    };
    let files: Vec<(PathBuf, String)> = plots.drawn.par_iter().map(write).collect::<Result<_, _>>()?;
    if args.json {
        let files = files.iter().map(|(file, title)| json!({"file": file, "title": title}));
        let missing =
            plots.missing.iter().map(|(kind, missing)| json!({"kind": kind.name(), "why": missing.why}));
        let rendered = json!({"files": files.collect::<Vec<_>>(), "missing": missing.collect::<Vec<_>>()});
        output::print_json(&rendered)?;
        return Ok(ExitStatus::Done);
    }
    let mut text: String = files.iter().map(|(file, _)| format!("{}\n", file.display())).collect();
    if !missing.is_empty() {
        text.push_str(&format!("not plotted:\n  {}\n", missing.join("\n  ")));
    }
    output::print(&text)?;
    Ok(ExitStatus::Done)
}

/// If the run's own folder cannot be written to, suggests another one.
pub fn with_alternative(is_own_folder: bool, error: crate::run::RunError, option: &str) -> CliError {
    match is_own_folder {
        true => CliError::Failed(format!("{}; write elsewhere with {option}", error.with_causes())),
        false => error.into(),
    }
}

fn image(figure: &Figure, format: ImageFormat) -> Result<(&'static str, Vec<u8>), CliError> {
    let scene = figure.scene();
    match format {
        ImageFormat::Svg => Ok(("svg", svg::write(&scene).into_bytes())),
        ImageFormat::Png => {
            let failed = |error| CliError::Failed(format!("cannot encode a plot as PNG: {error}"));
            bitmap::write(&scene).map(|bytes| ("png", bytes)).map_err(failed)
        }
    }
}

impl PlotKind {
    fn figure(self) -> FigureKind {
        match self {
            Self::Curves => FigureKind::Curves,
            Self::Confusions => FigureKind::Confusions,
            Self::Weights => FigureKind::Weights,
            Self::Gradients => FigureKind::Gradients,
            Self::Shares => FigureKind::Shares,
            Self::Relations => FigureKind::Relations,
            Self::Affinities => FigureKind::Affinities,
            Self::Gains => FigureKind::Gains,
            Self::Front => FigureKind::Front,
        }
    }
}
