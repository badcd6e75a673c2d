//! The part of a query that can be run on new rows: what it computes of each row alone, and its conditions.
//!
//! `select *, price * 1.2 as gross from self where country = 'AT' order by day` computes `gross` of a row's
//! `price` and keeps every column; sorting is left out, since it changes no row. What looks at several rows
//! at once (grouping, joins, aggregates, windows) cannot be run on new rows. That what is found looks at
//! single rows only is proved on rows of the table: computed together and in two halves it must give the
//! same.

use std::ops::ControlFlow;

use indexmap::IndexMap;
use polars::prelude::{Column, DataFrame, DataType, PlSmallStr};
use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, RenameSelectItem, Select, SelectItem, SetExpr, Statement,
    TableFactor, WildcardAdditionalOptions, visit_expressions_mut,
};

use crate::data::error::DataError;
use crate::data::source::query::{parse, run, with_stack};
use crate::domain::reading::Expression;

/// What a query does to single rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::data) struct RowQuery {
    /// The columns of the result that are computed of one row: by name, how. A column of the table under
    /// another or the same name is `ColumnOrigin::Column`.
    pub columns: IndexMap<String, ColumnOrigin>,
    pub filters: Vec<Expression>,
    /// Why the query, or the columns not among these, cannot be had of single rows.
    pub refused: Option<String>,
}

/// Where a column of a query's result comes from.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) enum ColumnOrigin {
    Column(String),
    Computed(Expression),
}

/// Functions of polars' SQL that look at several rows, or give several.
const OVER_ROWS: [&str; 32] = [
    "avg",
    "corr",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "first",
    "last",
    "max",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "stddev",
    "stddev_samp",
    "stdev",
    "stdev_samp",
    "string_agg",
    "listagg",
    "group_concat",
    "sum",
    "total",
    "var",
    "var_samp",
    "variance",
    "array_agg",
    "unnest",
    "rank",
    "dense_rank",
    "row_number",
    "lag",
    "lead",
];

/// Rows that a proof is made on.
const PROOF: usize = 512;

/// What `query` does to single rows of `table`.
pub(in crate::data) fn row_query(query: &str, table: &DataFrame) -> RowQuery {
    let refused = |reason: &str| RowQuery { refused: Some(reason.to_owned()), ..RowQuery::default() };
    with_stack(|| Ok(found(query, table, &refused))).unwrap_or_else(|error| refused(&error.to_string()))
}

fn found(query: &str, table: &DataFrame, refused: &(dyn Fn(&str) -> RowQuery + Sync)) -> RowQuery {
    let (mut select, unsorted) = match select(query) {
        Ok(result) => result,
        Err(reason) => return refused(&reason),
    };
    let names: Vec<String> = table.get_column_names().into_iter().map(ToString::to_string).collect();
    let mut result = RowQuery::default();
    for condition in select.selection.take().into_iter().flat_map(conjuncts) {
        match row_expression(condition, &names) {
            (_, Some(reason)) => return refused(&reason),
            (condition, None) => result.filters.push(condition),
        }
    }
    let from = select.from.first().map_or_else(String::new, ToString::to_string);
    for item in std::mem::take(&mut select.projection) {
        if let Err(reason) = take(item, (table, &from), &names, &mut result) {
            result.refused.get_or_insert(reason);
        }
    }
    if !is_proved(&result, &unsorted, table) {
        return refused("what it gives for a row depends on other rows");
    }
    result
}

/// The query's one `select` over `self`, and the query without its order and limit; or why it has another
/// form.
fn select(query: &str) -> Result<(Select, String), String> {
    let parsed = parse(query).map_err(|error| error.to_string())?;
    let Ok([Statement::Query(mut query)]) = <[Statement; 1]>::try_from(parsed) else {
        return Err("it is not one `select`".to_owned());
    };
    (query.order_by, query.limit_clause, query.fetch) = (None, None, None);
    let unsorted = query.to_string();
    if query.with.is_some() {
        return Err("it has a `with`".to_owned());
    }
    let SetExpr::Select(select) = *query.body else {
        return Err("it puts several tables together".to_owned());
    };
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let [from] = select.from.as_slice() else { return Err("it reads several tables".to_owned()) };
    let is_self =
        matches!(&from.relation, TableFactor::Table { name, args: None, .. } if name.to_string() == "self");
    match () {
        () if grouped => Err("it groups rows".to_owned()),
        () if matches!(select.distinct, Some(Distinct::Distinct | Distinct::On(_))) => {
            Err("it drops rows that are the same".to_owned())
        }
        () if !from.joins.is_empty() => Err("it joins tables".to_owned()),
        () if !is_self => Err(format!("it reads `{}`", from.relation)),
        () if select.having.is_some() || select.qualify.is_some() => {
            Err("it chooses among groups".to_owned())
        }
        () => Ok((*select, unsorted)),
    }
}

/// The conditions that `and` puts together.
fn conjuncts(condition: Expr) -> Vec<Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            [conjuncts(*left), conjuncts(*right)].concat()
        }
        Expr::Nested(inner) => conjuncts(*inner),
        other => vec![other],
    }
}

/// Adds the columns that an item of the projection gives, or says why they cannot be had of single rows.
fn take(
    item: SelectItem,
    (table, from): (&DataFrame, &str),
    names: &[String],
    query: &mut RowQuery,
) -> Result<(), String> {
    let given = item_columns(&item, table, from)?;
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            for name in given {
                let made = of_wildcard(&name, &options, names)?;
                query.columns.insert(name, made);
            }
            Ok(())
        }
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            let [name] = given.as_slice() else { return Err(format!("`{expr}` gives several columns")) };
            query.columns.insert(name.clone(), made(expr, names)?);
            Ok(())
        }
        SelectItem::ExprWithAliases { expr, .. } => Err(format!("`{expr}` gives several columns")),
    }
}

/// The names of the columns that an item gives: polars itself says them.
fn item_columns(item: &SelectItem, table: &DataFrame, from: &str) -> Result<Vec<String>, String> {
    let result =
        run(table.head(Some(1)), &format!("select {item} from {from}")).map_err(|error| error.to_string())?;
    Ok(result.get_column_names().into_iter().map(ToString::to_string).collect())
}

/// Where a wildcard's column comes from: `replace` and `rename` may have changed it.
fn of_wildcard(
    name: &str,
    options: &WildcardAdditionalOptions,
    names: &[String],
) -> Result<ColumnOrigin, String> {
    let replaced = options.opt_replace.iter().flat_map(|replace| &replace.items);
    let replaced = replaced.into_iter().find(|item| item.column_name.value == name);
    if let Some(item) = replaced {
        return made(item.expr.clone(), names);
    }
    let renamed = match &options.opt_rename {
        Some(RenameSelectItem::Single(one)) => std::slice::from_ref(one),
        Some(RenameSelectItem::Multiple(several)) => several.as_slice(),
        None => &[],
    };
    let from = renamed.iter().find(|one| one.alias.value == name).map(|one| one.ident.value.clone());
    Ok(ColumnOrigin::Column(from.unwrap_or_else(|| name.to_owned())))
}

/// A column of the table, or what is computed of several; an error says why it cannot be of one row.
fn made(expr: Expr, names: &[String]) -> Result<ColumnOrigin, String> {
    let plain = match &expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()),
        _ => None,
    };
    match (plain.filter(|name| names.contains(name)), row_expression(expr, names)) {
        (Some(name), _) => Ok(ColumnOrigin::Column(name)),
        (None, (_, Some(reason))) => Err(reason),
        (None, (expression, None)) => Ok(ColumnOrigin::Computed(expression)),
    }
}

/// An expression by itself, and why it cannot be computed of one row, where it cannot. Names of the table
/// before those of its columns are left out.
fn row_expression(mut expr: Expr, names: &[String]) -> (Expression, Option<String>) {
    let (mut columns, mut reason): (Vec<String>, Option<String>) = (Vec::new(), None);
    let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |part| {
        let over_rows = match part {
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                function.over.is_some() || OVER_ROWS.contains(&name.as_str())
            }
            _ => false,
        };
        if over_rows {
            reason.get_or_insert(format!("`{part}` looks at several rows"));
        }
        if matches!(part, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. }) {
            // What it looks at inside says less.
            reason = Some(format!("`{part}` is a query of its own"));
        }
        if let Expr::CompoundIdentifier(parts) = part
            && let Some(last) = parts.pop()
        {
            *part = Expr::Identifier(last);
        }
        if let Expr::Identifier(name) = part
            && names.contains(&name.value)
            && !columns.contains(&name.value)
        {
            columns.push(name.value.clone());
        }
        ControlFlow::Continue(())
    });
    (Expression { sql: expr.to_string(), columns }, reason)
}

/// Do rows give the same as in the whole query, and the same again in two halves?
fn is_proved(matched: &RowQuery, query: &str, table: &DataFrame) -> bool {
    let table = table.head(Some(PROOF));
    let half = table.height() / 2;
    let (first, second) = (table.slice(0, half), table.slice(half as i64, table.height() - half));
    let names: Vec<&String> = matched.columns.keys().collect();
    let expected = run(table.clone(), query).ok().and_then(|result| result.select(names).ok());
    let (Some(expected), Some(whole), Some(mut first), Some(second)) =
        (expected, result(matched, &table), result(matched, &first), result(matched, &second))
    else {
        return false;
    };
    whole.equals_missing(&expected) && first.vstack_mut_owned(second).is_ok() && whole.equals_missing(&first)
}

/// The columns found, of the rows that the conditions leave.
fn result(query: &RowQuery, table: &DataFrame) -> Option<DataFrame> {
    let rows = kept_rows(table, &query.filters.iter().collect::<Vec<_>>()).ok()?;
    let picked: Option<Vec<Column>> =
        table.columns().iter().map(|column| column.take_slice(&rows).ok()).collect();
    let picked = DataFrame::new(rows.len(), picked?).ok()?;
    let computed = query.columns.iter().filter_map(|(name, made)| match made {
        ColumnOrigin::Computed(expression) => Some((name.clone(), expression)),
        ColumnOrigin::Column(_) => None,
    });
    let computed = compute(&picked, &computed.collect::<Vec<_>>()).ok()?;
    let column = |(name, made): (&String, &ColumnOrigin)| match made {
        ColumnOrigin::Column(from) => {
            Some(picked.column(from).ok()?.clone().with_name(PlSmallStr::from_str(name)))
        }
        ColumnOrigin::Computed(_) => computed.column(name).ok().cloned(),
    };
    let columns: Option<Vec<Column>> = query.columns.iter().map(column).collect();
    DataFrame::new(rows.len(), columns?).ok()
}

/// The rows for which all conditions are true, by their numbers.
pub(in crate::data) fn kept_rows(table: &DataFrame, filters: &[&Expression]) -> Result<Vec<u32>, DataError> {
    let mut rows: Vec<u32> = (0..table.height() as u32).collect();
    let named: Vec<(String, &Expression)> =
        filters.iter().enumerate().map(|(index, filter)| (format!("condition {index}"), *filter)).collect();
    let conditions = compute(table, &named)?;
    for condition in conditions.columns() {
        let is_true = condition.bool().map_err(|cause| DataError::Query { reason: cause.to_string() })?;
        rows.retain(|row| is_true.get(*row as usize) == Some(true));
    }
    Ok(rows)
}

/// The expressions' values for the rows of a table, a column each under its name.
pub(in crate::data) fn compute(
    table: &DataFrame,
    expressions: &[(String, &Expression)],
) -> Result<DataFrame, DataError> {
    if expressions.is_empty() || table.height() == 0 {
        let empty = expressions
            .iter()
            .map(|(name, _)| Column::new_empty(PlSmallStr::from_str(name), &DataType::Null));
        return DataFrame::new(0, empty.collect())
            .map_err(|cause| DataError::Query { reason: cause.to_string() });
    }
    let item = |(name, expression): &(String, &Expression)| {
        format!("({}) as \"{}\"", expression.sql, name.replace('"', "\"\""))
    };
    let items: Vec<String> = expressions.iter().map(item).collect();
    let result = run(table.clone(), &format!("select {} from self", items.join(", ")))?;
    // A result of constants alone has one row.
    match result.height() == table.height() {
        true => Ok(result),
        false => Ok(result.new_from_index(0, table.height())),
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use polars::prelude::DataFrame;

    use crate::data::source::query::run;
    use crate::data::source::rowwise::{ColumnOrigin, RowQuery, row_query};
    use crate::domain::reading::Expression;

    fn table() -> DataFrame {
        let rows = "(1, 2.5, 'a'), (2, 0.5, 'b'), (3, 1.5, null), (4, 9.5, 'a')";
        run(DataFrame::default(), &format!("select * from (values {rows}) as t (n, x, k)")).unwrap()
    }

    fn computed(sql: &str, columns: &[&str]) -> ColumnOrigin {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        ColumnOrigin::Computed(Expression { sql: sql.to_owned(), columns })
    }

    fn found(query: &str) -> RowQuery {
        row_query(query, &table())
    }

    #[test]
    fn what_is_computed_of_single_rows_is_found() {
        let query = found(
            "select *, x * n as area, self.k as name, 1 as one from self where k = 'a' and (n > 0) order by x limit 1",
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
            expected.into_iter().map(|(name, made)| (name.to_owned(), made)).collect();
        assert_eq!(query.columns, expected);
        let filters: Vec<&str> = query.filters.iter().map(|filter| filter.sql.as_str()).collect();
        assert_eq!((filters, query.refused), (vec!["k = 'a'", "n > 0"], None));
        let aliased =
            super::row_query("select t.n, t.x * 2 as double from self as t where t.n > 1", &table());
        assert_eq!((aliased.columns["double"].clone(), aliased.refused), (computed("x * 2", &["x"]), None));
    }

    #[test]
    fn a_wildcard_s_changes_are_followed() {
        let query = found("select * exclude (k) from self");
        assert_eq!(query.columns.keys().collect::<Vec<_>>(), ["n", "x"]);
        let query = super::row_query("select * replace (x * 10 as x) from self", &table());
        assert_eq!((query.columns["x"].clone(), query.refused), (computed("x * 10", &["x"]), None));
        let query = super::row_query("select * rename (x as y) from self", &table());
        assert_eq!((query.columns["y"].clone(), query.refused), (ColumnOrigin::Column("x".to_owned()), None));
    }

    #[test]
    fn what_looks_at_several_rows_is_refused() {
        for (query, reason) in [
            ("select k, sum(x) as x from self group by k", "groups"),
            ("select distinct k from self", "the same"),
            ("select a.x from self as a join self as b on a.n = b.n", "joins"),
            ("with t as (select x from self) select x from t", "`with`"),
            ("select x from self union all select x from self", "several tables"),
            ("select n from self where x > (select avg(x) from self)", "query of its own"),
        ] {
            let refused = found(query).refused.unwrap_or_default();
            assert!(refused.contains(reason), "{query}: {refused}");
        }
        // A column of single rows can be had beside one of several.
        for query in
            ["select n, x - avg(x) as x from self", "select n, lag(x) over (order by n) as x from self"]
        {
            let result = found(query);
            assert!(result.refused.is_some_and(|reason| reason.contains("several rows")), "{query}");
            assert_eq!(result.columns.keys().collect::<Vec<_>>(), ["n"], "{query}");
        }
    }
}
