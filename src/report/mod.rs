//! What came out? Reads the results database and says it in text for people and in JSON for programs.
//!
//! Every report is plain data read once, with `text(&Style)` and `json()`; nothing here prints.

pub mod affinity;
pub mod answer;
pub mod comparison;
pub mod detail;
pub mod epochs;
pub mod estimate;
pub mod evidence;
pub mod gain;
pub mod group;
pub mod grouping;
pub mod narration;
pub mod number;
pub mod page;
pub mod pareto;
pub mod plot;
pub mod preferences;
pub mod remaining;
pub mod roster;
pub mod runs;
pub mod score;
pub mod seeds;
pub mod student;
pub mod style;
pub mod summary;
pub mod sweep;
pub mod table;
pub mod trained;
pub mod trials;

#[cfg(test)]
mod tests;

pub use comparison::Comparison;
pub use detail::Detail;
pub use epochs::Epochs;
pub use grouping::Grouping;
pub use page::Page;
pub use plot::Plots;
pub use roster::Roster;
pub use runs::Runs;
pub use style::Style;
pub use summary::Summary;
pub use sweep::Sweep;
pub use trials::SweepStatus;
