//! Figures of runs: the records of trials, or their means over the seeds of a sweep, as SVG or PNG.
//!
//! A kind of plot turns a [`plot_subject::PlotSubject`] into [`figure::Figure`]s, or says why there is
//! nothing to draw. A figure lays out its panels as a [`scene::Scene`], which `svg` and `bitmap` write. The
//! output does not depend on the time or the machine: the same run has the same bytes.

pub mod affinities;
pub mod bars;
pub mod bitmap;
pub mod confusions;
pub mod curves;
pub mod curves_by_key;
pub mod figure;
pub mod font;
pub mod front;
pub mod gains;
pub mod gradients;
pub mod kind;
pub mod lines;
pub mod matrix;
pub mod palette;
pub mod plot_subject;
pub mod relations;
pub mod scale;
pub mod scene;
pub mod series;
pub mod series_style;
pub mod shares;
pub mod signed_bars;
pub mod svg;
pub mod weights;

#[cfg(test)]
mod tests;

pub use crate::report::plot::kind::FigureKind;

use crate::report::plot::figure::Figure;
use crate::report::plot::plot_subject::{PlotSubject, RunTrial};
use crate::store::{ResultsDatabase, StoreError};

/// Maximum number of panels for the groups of a sweep.
pub(crate) const MOST_PANELS: usize = 9;

/// A figure, and its file name without extension.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedFigure {
    /// Name of the file.
    pub file: String,
    /// The figure.
    pub figure: Figure,
}

/// Why there is nothing to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NothingToDraw {
    /// The reason, for the user.
    pub why: String,
}

impl NothingToDraw {
    pub(crate) fn because(why: &str) -> Self {
        Self { why: why.to_owned() }
    }
}

/// The figures of runs, and the kinds that could not be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Plots {
    /// The figures.
    pub drawn: Vec<NamedFigure>,
    /// The kinds without a figure.
    pub missing: Vec<(FigureKind, NothingToDraw)>,
}

impl Plots {
    /// Reads runs, or single trials of them, and draws these kinds.
    pub fn read(
        store: &ResultsDatabase,
        named: &[RunTrial],
        kinds: &[FigureKind],
    ) -> Result<Self, StoreError> {
        Ok(Self::draw(&PlotSubject::read(store, named)?, kinds))
    }

    /// Draws these kinds.
    pub fn draw(subject: &PlotSubject, kinds: &[FigureKind]) -> Self {
        let (mut drawn, mut missing) = (Vec::new(), Vec::new());
        let has_epochs = subject.groups.iter().flat_map(|group| &group.trials).any(|trial| trial.last() > 0);
        for kind in kinds {
            let figures = match has_epochs {
                true => kind.draw(subject),
                // What will be recorded is not known yet.
                false => Err(NothingToDraw::because("no epoch has been finished yet")),
            };
            match figures {
                Ok(figures) => drawn.extend(figures),
                Err(why) => missing.push((*kind, why)),
            }
        }
        Self { drawn, missing }
    }
}
