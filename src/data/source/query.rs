//! Runs SQL over the rows of one table, called `self`, with polars.

mod syntax;

use std::thread::{Builder, scope};

use polars::prelude::{DataFrame, IntoLazy};
use polars::sql::SQLContext;

use crate::data::error::DataError;
use crate::data::source::guard::panic_text;
pub(in crate::data) use crate::data::source::query::syntax::parse;

/// Parser and engine are recursive, so deep expressions need a large stack. Its pages are allocated on use.
const STACK: usize = 1 << 28;

/// Runs the query.
///
/// # Errors
///
/// Those of [`check`], and `DataError::Query` with the engine's message.
pub(in crate::data) fn run(table: DataFrame, query: &str) -> Result<DataFrame, DataError> {
    with_stack(|| {
        syntax::check(query)?;
        let mut context = SQLContext::new();
        context.register("self", table.lazy());
        let result = context.execute(query).and_then(|plan| plan.collect());
        let mut table = result.map_err(DataError::query)?;
        table.rechunk_mut_par();
        Ok(table)
    })
}

/// Checks a query before it runs.
///
/// # Errors
///
/// `DataError::QueryReads` if it reads files, `DataError::QueryTooDeep` if it is nested too deeply.
pub(in crate::data) fn check(query: &str) -> Result<(), DataError> {
    with_stack(|| syntax::check(query))
}

/// Runs recursive work on a query in a thread with a large stack. A panic becomes `DataError::Query`.
pub(in crate::data) fn with_stack<T: Send>(
    work: impl FnOnce() -> Result<T, DataError> + Send,
) -> Result<T, DataError> {
    scope(|scope| {
        let thread = Builder::new().name("query".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(DataError::query)?;
        thread.join().unwrap_or_else(|panic| Err(DataError::Query { reason: panic_text(panic.as_ref()) }))
    })
}

/// May the order of the result's rows change from run to run? Grouping and joining do not guarantee one.
pub(in crate::data) fn is_unordered(query: &str) -> bool {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let shuffles = ["group", "distinct", "join", "union", "intersect", "except"];
    words.iter().any(|word| shuffles.contains(word)) && !words.contains(&"order")
}
