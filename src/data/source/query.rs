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

#[cfg(test)]
mod tests {
    use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};

    use crate::data::source::query::run;

    /// The streaming engine of polars, once part of the build, added up groups as its threads came.
    #[test]
    fn means_of_groups_have_the_same_digits_each_time() {
        let rows = 0..400_000_i64;
        let keys: Vec<i64> = rows.clone().map(|row| row % 12).collect();
        let values: Vec<f64> = rows.map(|row| (row as f64 * 0.754_877_666_246_692_7).fract() - 0.5).collect();
        let columns =
            vec![Series::new("k".into(), keys).into_column(), Series::new("x".into(), values).into_column()];
        let table = DataFrame::new_infer_height(columns).unwrap();
        let means = || -> Vec<u64> {
            let query = "select k, avg(x) as x from self group by k order by k";
            let result = run(table.clone(), query).unwrap();
            let column = result.column("x").unwrap().f64().unwrap().clone();
            column.into_no_null_iter().map(f64::to_bits).collect()
        };
        let first = means();
        assert_eq!(first.len(), 12);
        for _ in 0..8 {
            assert_eq!(means(), first);
        }
    }
}
