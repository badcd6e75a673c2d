//! `mtl plot RUN...`: pictures of runs, as SVG or PNG; what cannot be drawn is said with the reason.

use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::json;

use crate::cli::arguments::{Arguments, PictureFormat, PlotArguments, PlotKind};
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
    let mut kinds: Vec<FigureKind> = args.kind.iter().map(|kind| kind.meant()).collect();
    kinds.dedup();
    let plots = Plots::read(&store, &named, if kinds.is_empty() { &FigureKind::ALL } else { &kinds })?;
    let missing: Vec<String> =
        plots.missing.iter().map(|(kind, missing)| format!("{}: {}", kind.name(), missing.why)).collect();
    if plots.drawn.is_empty() {
        return Err(CliError::Failed(format!("there is nothing to draw\n  {}", missing.join("\n  "))));
    }
    let folder = args.to.clone().unwrap_or_else(|| match named.as_slice() {
        [(run, _)] => layout.run(run).join("plots"),
        _ => PathBuf::from("plots"),
    });
    if folder.is_file() {
        return Err(CliError::Usage(format!(
            "`{}` is a file; --to names the folder of the pictures",
            folder.display()
        )));
    }
    let write = |drawn: &NamedFigure| -> Result<(PathBuf, String), CliError> {
        let (ending, bytes) = picture(&drawn.figure, args.format)?;
        let file = folder.join(FileName::from_text(&drawn.file, &format!(".{ending}")));
        publish::write(&file, &bytes).map_err(|error| elsewhere(args.to.is_none(), error, "--to DIR"))?;
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
        text.push_str(&format!("not drawn:\n  {}\n", missing.join("\n  ")));
    }
    output::print(&text)?;
    Ok(ExitStatus::Done)
}

/// What has no place in the run's own folder, which may only be read or be full, may have one elsewhere.
pub fn elsewhere(own: bool, error: crate::run::RunError, by: &str) -> CliError {
    match own {
        true => CliError::Failed(format!("{}; name another place: {by}", error.with_causes())),
        false => error.into(),
    }
}

fn picture(figure: &Figure, format: PictureFormat) -> Result<(&'static str, Vec<u8>), CliError> {
    let scene = figure.scene();
    match format {
        PictureFormat::Svg => Ok(("svg", svg::write(&scene).into_bytes())),
        PictureFormat::Png => {
            let failed = |error| CliError::Failed(format!("a picture could not be written as PNG: {error}"));
            bitmap::write(&scene).map(|bytes| ("png", bytes)).map_err(failed)
        }
    }
}

impl PlotKind {
    fn meant(self) -> FigureKind {
        match self {
            Self::Curves => FigureKind::Curves,
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
