//! Queries, and the part of each that can run on single rows.

use indexmap::IndexMap;
use polars::prelude::DataFrame;

use crate::data::source::query::run;
use crate::data::source::rowwise::{ColumnOrigin, RowQuery, row_query};
use crate::domain::table_schema::Expression;

fn table() -> DataFrame {
    let rows = "(1, 2.5, 'a'), (2, 0.5, 'b'), (3, 1.5, null), (4, 9.5, 'a')";
    run(DataFrame::default(), &format!("select * from (values {rows}) as t (n, x, k)")).unwrap()
}

fn computed(sql: &str, columns: &[&str]) -> ColumnOrigin {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    ColumnOrigin::Computed(Expression { sql: sql.to_owned(), columns })
}

fn row_query_of(query: &str) -> RowQuery {
    row_query(query, &table())
}

#[test]
fn row_wise_columns_and_conditions_are_extracted() {
    let query = row_query_of(
        "select *, x * n as area, self.k as name, 1 as one from self where k = 'a' and (n > 0) order by x \
         limit 1",
    );
    let plain = |name: &str| ColumnOrigin::Column(name.to_owned());
    let expected = [
        ("n", plain("n")),
        ("x", plain("x")),
        ("k", plain("k")),
        ("area", computed("x * n", &["x", "n"])),
        ("name", plain("k")),
        ("one", computed("1", &[])),
    ];
    let expected: IndexMap<String, ColumnOrigin> =
        expected.into_iter().map(|(name, origin)| (name.to_owned(), origin)).collect();
    assert_eq!(query.columns, expected);
    let filters: Vec<&str> = query.filters.iter().map(|filter| filter.sql.as_str()).collect();
    assert_eq!((filters, query.refused), (vec!["k = 'a'", "n > 0"], None));
    let aliased = row_query_of("select t.n, t.x * 2 as double from self as t where t.n > 1");
    assert_eq!((aliased.columns["double"].clone(), aliased.refused), (computed("x * 2", &["x"]), None));
}

#[test]
fn changes_to_a_wildcard_are_followed() {
    let query = row_query_of("select * exclude (k) from self");
    assert_eq!(query.columns.keys().collect::<Vec<_>>(), ["n", "x"]);
    let query = row_query_of("select * replace (x * 10 as x) from self");
    assert_eq!((query.columns["x"].clone(), query.refused), (computed("x * 10", &["x"]), None));
    let query = row_query_of("select * rename (x as y) from self");
    assert_eq!((query.columns["y"].clone(), query.refused), (ColumnOrigin::Column("x".to_owned()), None));
}

#[test]
fn expressions_over_several_rows_are_refused() {
    for (query, reason) in [
        ("select k, sum(x) as x from self group by k", "groups"),
        ("select distinct k from self", "duplicate"),
        ("select a.x from self as a join self as b on a.n = b.n", "joins"),
        ("with t as (select x from self) select x from t", "`with`"),
        ("select x from self union all select x from self", "several tables"),
        ("select n from self where x > (select avg(x) from self)", "is a subquery"),
    ] {
        let refused = row_query_of(query).refused.unwrap_or_default();
        assert!(refused.contains(reason), "{query}: {refused}");
    }
    // Row-wise columns are extracted beside others.
    for query in ["select n, x - avg(x) as x from self", "select n, lag(x) over (order by n) as x from self"]
    {
        let extracted = row_query_of(query);
        assert!(extracted.refused.is_some_and(|reason| reason.contains("several rows")), "{query}");
        assert_eq!(extracted.columns.keys().collect::<Vec<_>>(), ["n"], "{query}");
    }
}
