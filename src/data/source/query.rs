//! SQL over one file's rows, run by polars; the table is called `self`.

mod syntax;

use std::thread::{Builder, scope};

use polars::prelude::{DataFrame, IntoLazy};
use polars::sql::SQLContext;

use crate::data::error::DataError;
use crate::data::source::guard::panic_text;
pub(in crate::data) use crate::data::source::query::syntax::parse;

/// Parser and engine walk an expression by calling themselves. Its pages are taken only when they are used.
const STACK: usize = 1 << 28;

/// The query's result.
pub(in crate::data) fn run(table: DataFrame, query: &str) -> Result<DataFrame, DataError> {
    with_stack(|| {
        syntax::check(query)?;
        let mut context = SQLContext::new();
        context.register("self", table.lazy());
        let asked = context.execute(query).and_then(|asked| asked.collect());
        let mut table = asked.map_err(|cause| DataError::Query { reason: cause.to_string() })?;
        table.rechunk_mut_par();
        Ok(table)
    })
}

/// Refuses a query that reads other files than its table's, or is too deep.
pub(in crate::data) fn check(query: &str) -> Result<(), DataError> {
    with_stack(|| syntax::check(query))
}

/// Does work that goes deep into a query, on a stack that is large enough for it.
pub(in crate::data) fn with_stack<T: Send>(
    work: impl FnOnce() -> Result<T, DataError> + Send,
) -> Result<T, DataError> {
    scope(|scope| {
        let thread = Builder::new().name("query".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|cause| DataError::Query { reason: cause.to_string() })?;
        thread.join().unwrap_or_else(|panic| Err(DataError::Query { reason: panic_text(panic.as_ref()) }))
    })
}

/// Does the order of the result's rows change from run to run? Grouping and joining are free to.
pub(in crate::data) fn is_unordered(query: &str) -> bool {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let shuffles = ["group", "distinct", "join", "union", "intersect", "except"];
    words.iter().any(|word| shuffles.contains(word)) && !words.contains(&"order")
}
