//! SQL over one file's rows, run by polars; the table is called `self`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::{DataFrame, IntoLazy};
use polars::sql::SQLContext;

use crate::data::error::Error;
use crate::data::source::guard::panic_text;

/// The query's result.
pub(in crate::data) fn run(table: DataFrame, query: &str) -> Result<DataFrame, Error> {
    let asked = catch_unwind(AssertUnwindSafe(|| {
        let mut context = SQLContext::new();
        context.register("self", table.lazy());
        context.execute(query)?.collect()
    }));
    match asked {
        Ok(Ok(mut table)) => {
            table.rechunk_mut_par();
            Ok(table)
        }
        Ok(Err(cause)) => Err(Error::Query { reason: cause.to_string() }),
        Err(panic) => Err(Error::Query { reason: panic_text(panic.as_ref()) }),
    }
}

/// Does the order of the result's rows change from run to run? Grouping and joining are free to.
pub(in crate::data) fn is_unordered(query: &str) -> bool {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let shuffles = ["group", "distinct", "join", "union", "intersect", "except"];
    words.iter().any(|word| shuffles.contains(word)) && !words.contains(&"order")
}
