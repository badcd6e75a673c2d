//! Reports: read the results database and format it as text for people and as JSON for programs.
//!
//! Every report is plain data that is read once, with `text(&Style)` and `json()`; nothing here prints.

pub mod affinity;
pub mod comparison;
pub mod detail;
pub mod epochs;
pub mod estimate;
pub mod gain;
pub mod group;
pub mod grouping;
pub mod narration;
pub mod number;
pub mod page;
pub mod pair_measurements;
pub mod pareto;
pub mod plot;
pub mod preferences;
pub mod query_output;
pub mod runs;
pub mod score;
pub mod seeds;
pub mod student;
pub mod style;
pub mod summary;
pub mod sweep;
pub mod sweep_progress;
pub mod table;
pub mod time_left;
pub mod trained;
pub mod trials;

#[cfg(test)]
mod tests;

pub use comparison::ComparisonReport;
pub use detail::RunReport;
pub use epochs::EpochPrinter;
pub use grouping::GroupingReport;
pub use page::ReportPage;
pub use plot::Plots;
pub use runs::RunList;
pub use style::Style;
pub use summary::RunSummary;
pub use sweep::SweepReport;
pub use sweep_progress::SweepProgress;
pub use trials::SweepStatus;
