//! `mtl plot RUN...`: pictures of runs, as SVG or PNG; what cannot be drawn is said with the reason.

use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::json;

use crate::cli::arguments::{Arguments, PictureFormat, Plot, PlotKind};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::domain::file_name::FileName;
use crate::report::Plots;
use crate::report::plot::figure::Figure;
use crate::report::plot::{Drawn, Kind, bitmap, svg};
use crate::run::place;

pub fn perform(arguments: &Arguments, words: &Plot) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_for_reading(&layout)?;
    let named = named::all(&store, &words.names)?;
    let mut kinds: Vec<Kind> = words.kind.iter().map(|kind| kind.meant()).collect();
    kinds.dedup();
    let plots = Plots::read(&store, &named, if kinds.is_empty() { &Kind::ALL } else { &kinds })?;
    let missing: Vec<String> =
        plots.missing.iter().map(|(kind, missing)| format!("{}: {}", kind.name(), missing.why)).collect();
    if plots.drawn.is_empty() {
        return Err(Error::Failed(format!("there is nothing to draw\n  {}", missing.join("\n  "))));
    }
    let folder = words.to.clone().unwrap_or_else(|| match named.as_slice() {
        [(run, _)] => layout.run(run).join("plots"),
        _ => PathBuf::from("plots"),
    });
    if folder.is_file() {
        return Err(Error::Usage(format!(
            "`{}` is a file; --to names the folder of the pictures",
            folder.display()
        )));
    }
    let write = |drawn: &Drawn| -> Result<(PathBuf, String), Error> {
        let (ending, bytes) = picture(&drawn.figure, words.format)?;
        let file = folder.join(FileName::of(&drawn.file, &format!(".{ending}")));
        place::write(&file, &bytes).map_err(|error| elsewhere(words.to.is_none(), error, "--to DIR"))?;
        Ok((file, drawn.figure.title.clone()))
    };
    let files: Vec<(PathBuf, String)> = plots.drawn.par_iter().map(write).collect::<Result<_, _>>()?;
    if words.json {
        let files = files.iter().map(|(file, title)| json!({"file": file, "title": title}));
        let missing =
            plots.missing.iter().map(|(kind, missing)| json!({"kind": kind.name(), "why": missing.why}));
        let said = json!({"files": files.collect::<Vec<_>>(), "missing": missing.collect::<Vec<_>>()});
        output::print_json(&said)?;
        return Ok(Exit::Done);
    }
    let mut text: String = files.iter().map(|(file, _)| format!("{}\n", file.display())).collect();
    if !missing.is_empty() {
        text.push_str(&format!("not drawn:\n  {}\n", missing.join("\n  ")));
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

/// What has no place in the run's own folder, which may only be read or be full, may have one elsewhere.
pub fn elsewhere(own: bool, error: crate::run::Error, by: &str) -> Error {
    match own {
        true => Error::Failed(format!("{}; name another place: {by}", error.with_causes())),
        false => error.into(),
    }
}

fn picture(figure: &Figure, format: PictureFormat) -> Result<(&'static str, Vec<u8>), Error> {
    let scene = figure.scene();
    match format {
        PictureFormat::Svg => Ok(("svg", svg::write(&scene).into_bytes())),
        PictureFormat::Png => {
            let failed = |error| Error::Failed(format!("a picture could not be written as PNG: {error}"));
            bitmap::write(&scene).map(|bytes| ("png", bytes)).map_err(failed)
        }
    }
}

impl PlotKind {
    fn meant(self) -> Kind {
        match self {
            Self::Curves => Kind::Curves,
            Self::Weights => Kind::Weights,
            Self::Gradients => Kind::Gradients,
            Self::Shares => Kind::Shares,
            Self::Relations => Kind::Relations,
            Self::Affinities => Kind::Affinities,
            Self::Gains => Kind::Gains,
            Self::Front => Kind::Front,
        }
    }
}
