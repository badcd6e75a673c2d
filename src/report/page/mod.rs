//! All about a run on one page of HTML: no network, no scripts, everything in one file.

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
use crate::store::record::RunDetail;
use crate::store::{ResultsDatabase, StoreError};

const STYLE: &str = include_str!("page.css");

/// A run, its trials together, and its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportPage {
    pub(crate) detail: RunDetail,
    pub(crate) trained: Vec<TrainedTrial>,
    /// What its trials say together, when it has several.
    pub(crate) sweep: Option<SweepReport>,
    /// The trial to use: of several the best one.
    pub(crate) best: Option<u32>,
    pub(crate) plots: Plots,
    /// The trial it is of, where one was named.
    only: Option<u32>,
}

impl ReportPage {
    /// Reads it from the database, also of a run that is at work or has failed.
    pub fn read(store: &ResultsDatabase, run: &RunId) -> Result<Self, StoreError> {
        Self::read_trial(store, run, None)
    }

    /// The same of one trial, where one is named.
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

    /// The file.
    pub fn html(&self) -> String {
        let sections = [
            section::run(self),
            section::scores(self),
            section::plots(self),
            section::trials(self),
            section::parity(self),
            section::remarks(self),
            section::pipeline(self),
            section::again(self),
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
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{name}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n<header>\n<h1>{name}</h1>\n{}{}<nav>{}</nav>\n</header>\n{body}</body>\n</html>\n",
            self.standing(),
            detail.description.as_deref().map_or_else(String::new, paragraph),
            links.join(" "),
            name = escape(&self.name()),
        )
    }

    /// How it ended, and loudly if it has not ended well.
    fn standing(&self) -> String {
        let detail = &self.detail;
        let state = detail.state.name();
        let time = detail.seconds.filter(|_| detail.state != RunState::Running);
        let word = if detail.state == RunState::Finished { "in" } else { "after" };
        let time = time.map_or_else(String::new, |seconds| format!(" {word} {}", number::duration(seconds)));
        let text = match detail.state {
            RunState::Finished => format!("finished{time}"),
            RunState::Running => "still running: what follows is what there is so far".to_owned(),
            RunState::Interrupted => {
                format!(
                    "interrupted{time}: what follows is what there was by then; go on with: mtl resume {}",
                    detail.run
                )
            }
            RunState::Failed => format!("failed{time}: what follows is what there was by then"),
        };
        let failed = detail.stages.iter().filter(|stage| stage.state == "failed");
        let reasons: String = failed
            .map(|stage| {
                let reason = stage.reason.as_deref().unwrap_or("for no reason that was recorded");
                paragraph(&format!("{} failed: {reason}", stage.stage))
            })
            .collect();
        format!("<div class=\"standing {state}\">{}{reasons}</div>\n", paragraph(&text))
    }

    /// A trial's proof, as every report says it, without its label.
    fn proof(&self, number: u32) -> Option<String> {
        let trial = self.detail.trials.iter().find(|trial| trial.trial == number)?;
        let text = summary::proof(trial.parity.as_ref(), &Style::plain());
        Some(text.trim_start_matches("Parity").trim().to_owned())
    }
}
