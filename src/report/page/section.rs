//! The sections of the report page.

use crate::domain::event::RunState;
use crate::report::page::ReportPage;
use crate::report::page::html::{code, escape, facts, folded, heading, paragraph, table};
use crate::report::plot::svg;
use crate::report::preferences::{self, PreferenceReport};
use crate::report::style::TextTone;
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::report::trained::varied;
use crate::report::{Style, detail, gain, number, score};
use crate::store::record::{RunDetail, TrialRecord};

/// Anchor, title and body of a section.
pub type Section = (&'static str, &'static str, String);

/// Pipeline, data, seeds, machine, time and versions.
pub fn run(page: &ReportPage) -> Section {
    let record = &page.detail;
    let mut names_and_facts = detail::provenance(record);
    // The description is in the page's header, in full.
    names_and_facts.retain(|(name, _)| *name != "about");
    let seeds: Vec<String> = seeds(record).iter().map(u64::to_string).collect();
    if seeds.len() > 1 {
        names_and_facts.retain(|(name, _)| *name != "seed");
        names_and_facts.push(("seeds", seeds.join(", ")));
    }
    if let Some(end) = &record.finished_at {
        names_and_facts.push(("ended", format!("{} UTC", number::moment(end))));
    }
    names_and_facts.extend(record.fingerprint.clone().map(|fingerprint| ("fingerprint", fingerprint)));
    let mut body = facts(&names_and_facts);
    for (title, part) in [("Data", detail::data(record)), ("Tasks", detail::tasks(record))] {
        let part = table(&part);
        if !part.is_empty() {
            body.push_str(&heading(title, ""));
            body.push_str(&part);
        }
    }
    body.push_str(&folded("Stages", &table(&detail::stages(record))));
    ("run", "Run", body)
}

fn seeds(detail: &RunDetail) -> Vec<u64> {
    let mut seeds: Vec<u64> = detail.trials.iter().map(|trial| trial.seed.unwrap_or(detail.seed)).collect();
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}

/// Scores on every split; for a sweep first its groups, then the best trial.
pub fn scores(page: &ReportPage) -> Section {
    let mut body = String::new();
    if let Some(sweep) = &page.sweep {
        for (title, remark, part) in sweep.tables() {
            body.push_str(&heading(&title, &remark));
            body.push_str(&table(&part));
        }
        sweep.remarks().iter().for_each(|remark| body.push_str(&paragraph(remark)));
    }
    let shown = |trial: &&TrialRecord| page.sweep.is_none() || page.best == Some(trial.trial);
    for trial in page.detail.trials.iter().filter(shown) {
        let Some(part) = score::table(&page.detail, trial) else { continue };
        let epoch = match (trial.best_epoch, trial.epochs) {
            (Some(best), Some(epochs)) => format!("best epoch {best} of {epochs} · "),
            _ => String::new(),
        };
        let title = if page.sweep.is_some() {
            format!("Best trial #{}", trial.trial)
        } else {
            "All scores".to_owned()
        };
        body.push_str(&heading(&title, &format!("{epoch}{}", score::ARROWS)));
        body.push_str(&table(&part));
        for remark in score::remarks(&page.detail, trial) {
            body.push_str(&paragraph(&remark));
        }
        let whose = if page.sweep.is_some() { format!(" of trial #{}", trial.trial) } else { String::new() };
        if let Some((part, verdict)) = gain::table(&page.detail.gains, trial.trial, true, &Style::plain()) {
            body.push_str(&heading(&format!("{}{whose}", gain::TITLE), gain::REMARK));
            body.push_str(&table(&part));
            body.push_str(&paragraph(&verdict));
        }
        if let Some(front) = PreferenceReport::from_records(&trial.front) {
            body.push_str(&heading(preferences::TITLE, &front.remark()));
            body.push_str(&table(&front.table()));
            body.push_str(&paragraph(&front.verdict()));
        }
    }
    if body.is_empty() {
        body = paragraph("No scores: no trial has been evaluated yet.");
    }
    ("scores", "Scores", body)
}

/// All figures with data, and the reasons why others are missing.
pub fn plots(page: &ReportPage) -> Section {
    let mut body = String::new();
    for drawn in &page.plots.drawn {
        body.push_str(&format!("<figure>\n{}</figure>\n", svg::write(&drawn.figure.scene())));
    }
    let missing: String = page
        .plots
        .missing
        .iter()
        .map(|(kind, missing)| format!("<li>{}: {}</li>\n", kind.name(), escape(&missing.why)))
        .collect();
    if !missing.is_empty() {
        body.push_str(&format!("<p class=\"soft\">Not drawn:</p>\n<ul class=\"soft\">\n{missing}</ul>\n"));
    }
    ("plots", "Plots", body)
}

/// Settings and course of each trial.
pub fn trials(page: &ReportPage) -> Section {
    let varied = varied(&page.trained);
    let mut columns = vec![("trial", ColumnAlign::Right), ("seed", ColumnAlign::Right)];
    columns.extend(varied.iter().map(|address| (address.as_str(), ColumnAlign::Left)));
    columns.extend([
        ("objective", ColumnAlign::Right),
        ("epochs", ColumnAlign::Right),
        ("best epoch", ColumnAlign::Right),
        ("parameters", ColumnAlign::Right),
        ("time", ColumnAlign::Right),
        ("stopped because", ColumnAlign::Left),
    ]);
    let mut rows = TextTable::new(&columns);
    let count = |count: Option<usize>| count.map_or_else(|| "–".to_owned(), number::count);
    for (trial, record) in page.trained.iter().zip(&page.detail.trials) {
        let is_best = page.sweep.is_some() && page.best == Some(trial.number);
        let mut cells: Vec<TableCell> =
            vec![format!("{}#{}", if is_best { "★ " } else { "" }, trial.number).into()];
        cells.push(trial.seed.to_string().into());
        cells.extend(
            varied
                .iter()
                .map(|address| TableCell::new(TextTone::Strong, trial.named(address, &page.trained))),
        );
        cells.push(number::maybe(trial.objective).into());
        cells.extend(
            [count(record.epochs), count(record.best_epoch), count(record.weights)].map(TableCell::from),
        );
        cells.push(record.seconds.map_or_else(|| "–".to_owned(), number::duration).into());
        cells.push(record.stopped.as_deref().unwrap_or("training is not finished").into());
        rows.row(cells);
    }
    let mut body = table(&rows);
    if page.sweep.is_some() && page.best.is_some() {
        let text = "★ best trial by the objective on validation rows; export and predict use its model.";
        body.push_str(&paragraph(text));
    }
    let mut full: Vec<(String, String)> = Vec::new();
    for (trial, address) in
        page.trained.iter().flat_map(|trial| varied.iter().map(move |address| (trial, address)))
    {
        let (name, value) = (trial.named(address, &page.trained), trial.setting(address));
        let choice = (format!("{address} {name}"), value.clone());
        if value.starts_with('{') && value != name && !full.contains(&choice) {
            full.push(choice);
        }
    }
    if !full.is_empty() {
        let named: Vec<(&str, String)> =
            full.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        body.push_str(&heading("Choices in full", ""));
        body.push_str(&facts(&named));
    }
    body.push_str(&folded("All settings, with defaults", &table(&detail::settings(&page.detail))));
    ("trials", "Trials and settings", body)
}

/// The exported models, and their differences from the trained ones.
pub fn parity(page: &ReportPage) -> Section {
    let mut body = String::new();
    let mut rows = TextTable::new(&[
        ("trial", ColumnAlign::Right),
        ("model", ColumnAlign::Left),
        ("size", ColumnAlign::Right),
        ("compared with ONNX Runtime", ColumnAlign::Left),
    ]);
    for trial in &page.detail.trials {
        let mut files = page.detail.artifacts.iter();
        let model = files.find(|file| file.trial == Some(trial.trial) && file.kind == "onnx");
        let Some(model) = model else { continue };
        let parity = trial.parity.as_ref();
        let holds = parity.is_some_and(|parity| parity.holds() || parity.is_rounded());
        let path = model
            .detail
            .as_ref()
            .map_or_else(|| model.path.clone(), |detail| format!("{} ({detail})", model.path));
        rows.row(vec![
            format!("#{}", trial.trial).into(),
            path.into(),
            model.bytes.map_or_else(String::new, number::size).into(),
            TableCell::new(if holds { TextTone::Good } else { TextTone::Bad }, page.parity_text(trial)),
        ]);
    }
    body.push_str(&table(&rows));
    let mut outputs = TextTable::new(&[
        ("trial", ColumnAlign::Right),
        ("output", ColumnAlign::Left),
        ("max difference", ColumnAlign::Right),
    ]);
    for trial in &page.detail.trials {
        for output in trial.parity.iter().flat_map(|parity| &parity.outputs) {
            let cells = [format!("#{}", trial.trial), output.output.clone(), number::tiny(output.largest)];
            outputs.row(cells.map(TableCell::from).to_vec());
        }
    }
    body.push_str(&folded("By output: |a − b| / max(1, |b|)", &table(&outputs)));
    body.push_str(&exported_scores(page));
    if body.is_empty() {
        body = paragraph("No model has been exported.");
    }
    ("parity", "ONNX parity", body)
}

/// The scores of models with rounded weights, beside those of the trained networks; empty if there are none.
fn exported_scores(page: &ReportPage) -> String {
    let mut scores = TextTable::new(&[
        ("trial", ColumnAlign::Right),
        ("precision", ColumnAlign::Left),
        ("task", ColumnAlign::Left),
        ("metric", ColumnAlign::Left),
        ("rows", ColumnAlign::Left),
        ("trained", ColumnAlign::Right),
        ("exported", ColumnAlign::Right),
    ]);
    for trial in &page.detail.trials {
        let Some(parity) = &trial.parity else { continue };
        for score in &parity.scores {
            let cells = [
                format!("#{}", trial.trial),
                parity.precision.to_string(),
                score.task.clone(),
                score.metric.clone(),
                score.split.to_string(),
                number::maybe(score.trained),
                number::maybe(score.value),
            ];
            scores.row(cells.map(TableCell::from).to_vec());
        }
    }
    if scores.is_empty() { String::new() } else { table(&scores) }
}

/// Failed, skipped and interrupted stages, and notes.
pub fn remarks(page: &ReportPage) -> Section {
    let mut rows =
        TextTable::new(&[("", ColumnAlign::Left), ("stage", ColumnAlign::Left), ("what", ColumnAlign::Left)]);
    for stage in &page.detail.stages {
        let reason = stage.reason.as_deref().unwrap_or("no reason was recorded");
        let (tone, text) = match stage.state.as_str() {
            "failed" => (TextTone::Bad, reason.to_owned()),
            "skipped" => (TextTone::Caution, format!("not run, because {reason} failed")),
            "interrupted" => (TextTone::Caution, "interrupted".to_owned()),
            _ => continue,
        };
        rows.row(vec![TableCell::new(tone, &stage.state), (&stage.stage).into(), text.into()]);
    }
    for note in &page.detail.notes {
        let tone = if note.severity == "error" { TextTone::Bad } else { TextTone::Caution };
        rows.row(vec![TableCell::new(tone, &note.severity), (&note.stage).into(), (&note.text).into()]);
    }
    let body = if rows.is_empty() { paragraph("None.") } else { table(&rows) };
    ("warnings", "Warnings and failures", body)
}

/// The resolved pipeline.
pub fn pipeline(page: &ReportPage) -> Section {
    let text = format!("Read from {}, with defaults and changes from the command line.", page.detail.file);
    ("pipeline", "Pipeline", paragraph(&text) + &code(&page.detail.resolved))
}

/// The commands that reproduce the run, and the next ones.
pub fn reproduce(page: &ReportPage) -> Section {
    let detail = &page.detail;
    let mut lines: Vec<String> = Vec::new();
    if let Some(commit) = &detail.environment.git_commit {
        let dirty =
            if detail.environment.git_dirty == Some(true) { "  # with uncommitted changes" } else { "" };
        lines.push(format!("git checkout {commit}{dirty}"));
    }
    lines.push(detail.command.clone().unwrap_or_else(|| format!("mtl run {}", detail.file)));
    let mut body = paragraph(&format!(
        "With mtl {} and data files of the same content, this reproduces the numbers on the same kind of \
         machine:",
        detail.environment.mtl_version
    ));
    body.push_str(&code(&lines.join("\n")));
    body.push_str(&paragraph(&format!(
        "Or, without the changes from the command line: save the pipeline above beside {} (its paths are \
         relative to that folder), and run it.",
        detail.file
    )));
    let (name, run) = (page.name(), &detail.run);
    let mut next = vec![format!("mtl show {name}"), format!("mtl plot {name} --format png")];
    match detail.state {
        RunState::Finished => {
            next.push(format!("mtl export {name} --to model"));
            next.push(format!("mtl predict {name} rows.csv --to predictions.csv"));
        }
        RunState::Interrupted => next.push(format!("mtl resume {run}")),
        RunState::Failed => next.push(format!("mtl retry {run}")),
        RunState::Running => {}
    }
    body.push_str(&paragraph("Next commands:"));
    body.push_str(&code(&next.join("\n")));
    ("again", "Reproduce", body)
}
