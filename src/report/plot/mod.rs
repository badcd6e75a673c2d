//! Pictures of runs: what was recorded by epoch, per trial or over the seeds of a sweep, as SVG or PNG.
//!
//! A kind of plot reads a [`plot_subject::PlotSubject`] and gives [`figure::Figure`]s, or says why there is
//! nothing to draw; a figure lays out its panels as a [`scene::Scene`], which `svg` and `bitmap` write.
//! Nothing here depends on the time or the machine: the same run gives the same bytes.

pub mod affinities;
pub mod bars;
pub mod bitmap;
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

/// Panels for the groups of a sweep at most.
pub(crate) const MOST_PANELS: usize = 9;

/// A figure, and the name of its file without an ending.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedFigure {
    pub file: String,
    pub figure: Figure,
}

/// Why there is nothing to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NothingToDraw {
    pub why: String,
}

impl NothingToDraw {
    pub(crate) fn because(why: &str) -> Self {
        Self { why: why.to_owned() }
    }
}

/// The figures of runs, and of which kinds there are none.
#[derive(Clone, Debug, PartialEq)]
pub struct Plots {
    pub drawn: Vec<NamedFigure>,
    pub missing: Vec<(FigureKind, NothingToDraw)>,
}

impl Plots {
    /// Reads runs, or those of their trials that were named, and draws what there is of these kinds.
    pub fn read(
        store: &ResultsDatabase,
        named: &[RunTrial],
        kinds: &[FigureKind],
    ) -> Result<Self, StoreError> {
        Ok(Self::draw(&PlotSubject::read(store, named)?, kinds))
    }

    /// Draws what was read.
    pub fn draw(subject: &PlotSubject, kinds: &[FigureKind]) -> Self {
        let (mut drawn, mut missing) = (Vec::new(), Vec::new());
        let begun = subject.groups.iter().flat_map(|group| &group.trials).any(|trial| trial.last() > 0);
        for kind in kinds {
            let figures = match begun {
                true => kind.draw(subject),
                // What will be observed is not known yet.
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
