//! The kinds of plots.

use crate::report::plot::plot_subject::PlotSubject;
use crate::report::plot::{
    NamedFigure, NothingToDraw, affinities, confusions, curves, front, gains, gradients, relations, shares,
    weights,
};

/// A kind of plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// Losses and scores per epoch.
    Curves,
    /// How often one class is predicted to be another.
    Confusions,
    /// Weights of the tasks per epoch.
    Weights,
    /// Relations of the tasks' gradients.
    Gradients,
    /// What each task reads of each expert.
    Shares,
    /// Learned relations of tasks.
    Relations,
    /// Effects of one task's step on another's loss.
    Affinities,
    /// Gains over training each task alone.
    Gains,
    /// The Pareto front of objectives.
    Front,
}

impl FigureKind {
    /// All kinds, in the order of a report.
    pub const ALL: [Self; 9] = [
        Self::Curves,
        Self::Confusions,
        Self::Weights,
        Self::Gradients,
        Self::Shares,
        Self::Relations,
        Self::Affinities,
        Self::Gains,
        Self::Front,
    ];

    /// The name, as in `--kind` and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Curves => "curves",
            Self::Confusions => "confusions",
            Self::Weights => "weights",
            Self::Gradients => "gradients",
            Self::Shares => "shares",
            Self::Relations => "relations",
            Self::Affinities => "affinities",
            Self::Gains => "gains",
            Self::Front => "front",
        }
    }

    pub(crate) fn draw(self, subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
        match self {
            Self::Curves => curves::draw(subject),
            Self::Confusions => confusions::draw(subject),
            Self::Weights => weights::draw(subject),
            Self::Gradients => gradients::draw(subject),
            Self::Shares => shares::draw(subject),
            Self::Relations => relations::draw(subject),
            Self::Affinities => affinities::draw(subject),
            Self::Gains => gains::draw(subject),
            Self::Front => front::draw(subject),
        }
    }
}
