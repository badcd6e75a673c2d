//! The list of runs, newest first.

use serde_json::{Value, json};

use crate::domain::event::RunState;
use crate::report::number;
use crate::report::score;
use crate::report::style::{Style, TextTone};
use crate::report::summary::tone;
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::store::record::RunListItem;
use crate::store::{ResultsDatabase, StoreError};

/// All runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunList {
    /// The runs, newest first.
    pub lines: Vec<RunListItem>,
}

impl RunList {
    /// Reads all runs from the database.
    pub fn read(store: &ResultsDatabase) -> Result<Self, StoreError> {
        Ok(Self { lines: store.runs()? })
    }

    /// The list as text.
    pub fn text(&self, style: &Style) -> String {
        if self.lines.is_empty() {
            return "no runs yet; start one with `mtl run FILE`\n".to_owned();
        }
        let columns = [
            ("run", ColumnAlign::Left),
            ("state", ColumnAlign::Left),
            ("started (UTC)", ColumnAlign::Left),
            ("took", ColumnAlign::Right),
            ("on test rows", ColumnAlign::Left),
        ];
        let mut table = TextTable::new(&columns);
        for line in &self.lines {
            let headline: Vec<String> = line
                .headline
                .iter()
                .map(|s| {
                    format!("{} {} {}", s.task, score::metric(&s.metric, s.direction), number::maybe(s.value))
                })
                .collect();
            let stages = match line.state {
                RunState::Finished => String::new(),
                _ if line.stages == 0 => String::new(),
                _ => format!(" {}/{} stages", line.stages_done, line.stages),
            };
            table.row(vec![
                TableCell::new(TextTone::Strong, line.run.as_str()),
                TableCell::new(tone(line.state), format!("{}{stages}", line.state.name())),
                number::minute(&line.started_at).into(),
                line.seconds.map_or_else(String::new, number::duration).into(),
                headline.join(", ").into(),
            ]);
        }
        table.text(style)
    }

    /// The list as JSON.
    pub fn json(&self) -> Value {
        json!(self.lines)
    }
}
