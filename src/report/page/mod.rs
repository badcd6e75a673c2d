//! The report page of a run: one self-contained HTML file without scripts or network access.

mod html;
mod part;
mod section;

use crate::domain::event::RunState;
use crate::domain::name::RunId;
use crate::report::page::html::{escape, paragraph};
use crate::report::page::part::{narrow, shorten};
use crate::report::plot::{FigureKind, Plots};
use crate::report::sweep::SweepReport;
use crate::report::trained::TrainedTrial;
use crate::report::{Style, number, summary};
use crate::store::record::{RunDetail, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

const STYLE: &str = include_str!("page.css");

/// A run with its trials, sweep report and figures.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportPage {
    pub(crate) detail: RunDetail,
    pub(crate) trained: Vec<TrainedTrial>,
    /// The report over all trials, if there are several.
    pub(crate) sweep: Option<SweepReport>,
    /// The selected trial, or the best one.
    pub(crate) best: Option<u32>,
    pub(crate) plots: Plots,
    /// The selected trial, if one was.
    only: Option<u32>,
}

impl ReportPage {
    /// Reads a run from the database; it may be running or have failed.
    pub fn read(store: &ResultsDatabase, run: &RunId) -> Result<Self, StoreError> {
        Self::read_trial(store, run, None)
    }

    /// Reads a run, with only one trial if `only` is given.
    pub fn read_trial(store: &ResultsDatabase, run: &RunId, only: Option<u32>) -> Result<Self, StoreError> {
        let mut detail = store.run(run)?;
        let mut trained = TrainedTrial::read(store, run)?;
        if let Some(only) = only {
            trained.retain(|trial| trial.number == only);
            narrow(&mut detail, only);
        }
        let several = detail.trials.len() > 1;
        let mut sweep =
            several.then(|| SweepReport::read(store, std::slice::from_ref(run), &[], None)).transpose()?;
        sweep.iter_mut().for_each(|sweep| shorten(sweep, &trained));
        Ok(Self {
            trained,
            sweep,
            best: if only.is_some() { only } else { store.best_trial(run)? },
            plots: Plots::read(store, &[(run.clone(), only)], &FigureKind::ALL)?,
            only,
            detail,
        })
    }

    /// The page as HTML.
    pub fn html(&self) -> String {
        let sections = [
            section::run(self),
            section::scores(self),
            section::plots(self),
            section::trials(self),
            section::parity(self),
            section::remarks(self),
            section::pipeline(self),
            section::reproduce(self),
        ];
        let detail = &self.detail;
        let link = |(anchor, title, _): &(&str, &str, String)| format!("<a href=\"#{anchor}\">{title}</a>");
        let links: Vec<String> = sections.iter().map(link).collect();
        let body: String = sections
            .iter()
            .map(|(anchor, title, body)| {
                format!("<section id=\"{anchor}\">\n<h2>{title}</h2>\n{body}</section>\n")
            })
            .collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{name}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{name}</h1>\n{}{}<nav>{}</nav>\n\
             </header>\n{body}</body>\n</html>\n",
            self.status(),
            detail.description.as_deref().map_or_else(String::new, paragraph),
            links.join(" "),
            name = escape(&self.name()),
        )
    }

    /// The run's state, and the reasons of failures.
    fn status(&self) -> String {
        let detail = &self.detail;
        let state = detail.state.name();
        let seconds = detail.seconds.filter(|_| detail.state != RunState::Running);
        let word = if detail.state == RunState::Finished { "in" } else { "after" };
        let time =
            seconds.map_or_else(String::new, |seconds| format!(" {word} {}", number::duration(seconds)));
        let text = match detail.state {
            RunState::Finished => format!("finished{time}"),
            RunState::Running => "still running: this page has the results so far".to_owned(),
            RunState::Interrupted => format!(
                "interrupted{time}: this page has the results until then; continue with: mtl resume {}",
                detail.run
            ),
            RunState::Failed => format!("failed{time}: this page has the results until then"),
        };
        let failed = detail.stages.iter().filter(|stage| stage.state == "failed");
        let reasons: String = failed
            .map(|stage| {
                let reason = stage.reason.as_deref().unwrap_or("no reason was recorded");
                paragraph(&format!("{} failed: {reason}", stage.stage))
            })
            .collect();
        format!("<div class=\"standing {state}\">{}{reasons}</div>\n", paragraph(&text))
    }

    /// The text of a trial's parity, without its label.
    fn parity_text(&self, trial: &TrialRecord) -> String {
        let text = summary::parity_line(trial.parity.as_ref(), &Style::plain());
        text.trim_start_matches("Parity").trim().to_owned()
    }
}
