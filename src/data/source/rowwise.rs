//! Extracts the part of a query that can run on new rows: row-wise expressions and conditions.
//!
//! `select *, price * 1.2 as gross from self where country = 'AT' order by day` computes `gross` from a row's
//! `price` and keeps every column; sorting is dropped, since it changes no row. Anything that uses several
//! rows at once (grouping, joins, aggregates, windows) cannot run on new rows. A test on rows of the table
//! verifies that the extracted part is row-wise: computed on all rows and on two halves, it must give the
//! same result as the query.

use std::ops::ControlFlow;

use indexmap::IndexMap;
use polars::prelude::{Column, DataFrame, DataType, PlSmallStr};
use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, RenameSelectItem, Select, SelectItem, SetExpr, Statement,
    TableFactor, WildcardAdditionalOptions, visit_expressions_mut,
};

use crate::data::error::DataError;
use crate::data::source::query::{parse, run, with_stack};
use crate::domain::table_schema::Expression;

/// The row-wise part of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::data) struct RowQuery {
    /// The row-wise columns of the result, by name.
    pub columns: IndexMap<String, ColumnOrigin>,
    /// The conditions that a row must satisfy.
    pub filters: Vec<Expression>,
    /// Why the query, or its other columns, are not row-wise.
    pub refused: Option<String>,
}

/// Where a column of a query's result comes from.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) enum ColumnOrigin {
    /// A column of the table, perhaps under another name.
    Column(String),
    Computed(Expression),
}

/// The SQL functions of polars that use several rows, or produce several.
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

/// The number of rows used to verify that the extracted part is row-wise.
const VERIFIED_ROWS: usize = 512;

/// The row-wise part of `query` over `table`.
pub(in crate::data) fn row_query(query: &str, table: &DataFrame) -> RowQuery {
    with_stack(|| Ok(extract(query, table)))
        .unwrap_or_else(|error| Err(error.to_string()))
        .unwrap_or_else(|reason| RowQuery { refused: Some(reason), ..RowQuery::default() })
}

/// The row-wise part, or why there is none.
fn extract(query: &str, table: &DataFrame) -> Result<RowQuery, String> {
    let (mut select, unsorted) = single_select(query)?;
    let names: Vec<String> = table.get_column_names().into_iter().map(ToString::to_string).collect();
    let mut row_query = RowQuery::default();
    for condition in select.selection.take().into_iter().flat_map(conjuncts) {
        row_query.filters.push(row_expression(condition, &names)?);
    }
    let from = select.from.first().map_or_else(String::new, ToString::to_string);
    for item in std::mem::take(&mut select.projection) {
        if let Err(reason) = add_item(item, (table, &from), &names, &mut row_query) {
            row_query.refused.get_or_insert(reason);
        }
    }
    if !is_row_wise(&row_query, &unsorted, table) {
        return Err("its result for a row depends on other rows".to_owned());
    }
    Ok(row_query)
}

/// The query's only `select` over `self`, and the query's text without order and limit.
fn single_select(query: &str) -> Result<(Select, String), String> {
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
        return Err("it combines several tables".to_owned());
    };
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let [from] = select.from.as_slice() else { return Err("it reads several tables".to_owned()) };
    let is_self =
        matches!(&from.relation, TableFactor::Table { name, args: None, .. } if name.to_string() == "self");
    match () {
        () if grouped => Err("it groups rows".to_owned()),
        () if matches!(select.distinct, Some(Distinct::Distinct | Distinct::On(_))) => {
            Err("it drops duplicate rows".to_owned())
        }
        () if !from.joins.is_empty() => Err("it joins tables".to_owned()),
        () if !is_self => Err(format!("it reads `{}`", from.relation)),
        () if select.having.is_some() || select.qualify.is_some() => Err("it filters groups".to_owned()),
        () => Ok((*select, unsorted)),
    }
}

/// The conditions joined by `and`.
fn conjuncts(condition: Expr) -> Vec<Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            [conjuncts(*left), conjuncts(*right)].concat()
        }
        Expr::Nested(inner) => conjuncts(*inner),
        other => vec![other],
    }
}

/// Adds the columns of an item of the projection, or returns why they are not row-wise.
fn add_item(
    item: SelectItem,
    (table, from): (&DataFrame, &str),
    names: &[String],
    query: &mut RowQuery,
) -> Result<(), String> {
    let columns = item_columns(&item, table, from)?;
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            for name in columns {
                let origin = wildcard_origin(&name, &options, names)?;
                query.columns.insert(name, origin);
            }
            Ok(())
        }
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            let [name] = columns.as_slice() else {
                return Err(format!("`{expr}` produces several columns"));
            };
            query.columns.insert(name.clone(), column_origin(expr, names)?);
            Ok(())
        }
        SelectItem::ExprWithAliases { expr, .. } => Err(format!("`{expr}` produces several columns")),
    }
}

/// The names of an item's columns, as polars reports them.
fn item_columns(item: &SelectItem, table: &DataFrame, from: &str) -> Result<Vec<String>, String> {
    let result =
        run(table.head(Some(1)), &format!("select {item} from {from}")).map_err(|error| error.to_string())?;
    Ok(result.get_column_names().into_iter().map(ToString::to_string).collect())
}

/// The origin of a wildcard's column, which `replace` and `rename` may have changed.
fn wildcard_origin(
    name: &str,
    options: &WildcardAdditionalOptions,
    names: &[String],
) -> Result<ColumnOrigin, String> {
    let replaced = options.opt_replace.iter().flat_map(|replace| &replace.items);
    let replaced = replaced.into_iter().find(|item| item.column_name.value == name);
    if let Some(item) = replaced {
        return column_origin(item.expr.clone(), names);
    }
    let renamed = match &options.opt_rename {
        Some(RenameSelectItem::Single(item)) => std::slice::from_ref(item),
        Some(RenameSelectItem::Multiple(items)) => items.as_slice(),
        None => &[],
    };
    let from = renamed.iter().find(|item| item.alias.value == name).map(|item| item.ident.value.clone());
    Ok(ColumnOrigin::Column(from.unwrap_or_else(|| name.to_owned())))
}

/// A column of the table or a row-wise expression, or why it is neither.
fn column_origin(expr: Expr, names: &[String]) -> Result<ColumnOrigin, String> {
    let plain = match &expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()),
        _ => None,
    };
    match plain.filter(|name| names.contains(name)) {
        Some(name) => Ok(ColumnOrigin::Column(name)),
        None => row_expression(expr, names).map(ColumnOrigin::Computed),
    }
}

/// The expression without table names before its columns, or why it is not row-wise.
fn row_expression(mut expr: Expr, names: &[String]) -> Result<Expression, String> {
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
            reason.get_or_insert(format!("`{part}` uses several rows"));
        }
        if matches!(part, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. }) {
            // Overrides the reasons found inside the subquery.
            reason = Some(format!("`{part}` is a subquery"));
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
    reason.map_or_else(|| Ok(Expression { sql: expr.to_string(), columns }), Err)
}

/// Does the row-wise part give the same result as the query, on all rows and on two halves?
fn is_row_wise(row_query: &RowQuery, query: &str, table: &DataFrame) -> bool {
    let table = table.head(Some(VERIFIED_ROWS));
    let half = table.height() / 2;
    let (first, second) = (table.slice(0, half), table.slice(half as i64, table.height() - half));
    let names: Vec<&String> = row_query.columns.keys().collect();
    let expected = run(table.clone(), query).ok().and_then(|result| result.select(names).ok());
    let (Some(expected), Some(whole), Some(mut first), Some(second)) =
        (expected, apply(row_query, &table), apply(row_query, &first), apply(row_query, &second))
    else {
        return false;
    };
    whole.equals_missing(&expected) && first.vstack_mut_owned(second).is_ok() && whole.equals_missing(&first)
}

/// The row-wise columns of the rows that satisfy the conditions.
fn apply(query: &RowQuery, table: &DataFrame) -> Option<DataFrame> {
    let rows = kept_rows(table, &query.filters.iter().collect::<Vec<_>>()).ok()?;
    let picked: Option<Vec<Column>> =
        table.columns().iter().map(|column| column.take_slice(&rows).ok()).collect();
    let picked = DataFrame::new(rows.len(), picked?).ok()?;
    let computed = query.columns.iter().filter_map(|(name, origin)| match origin {
        ColumnOrigin::Computed(expression) => Some((name.clone(), expression)),
        ColumnOrigin::Column(_) => None,
    });
    let computed = compute(&picked, &computed.collect::<Vec<_>>()).ok()?;
    let column = |(name, origin): (&String, &ColumnOrigin)| match origin {
        ColumnOrigin::Column(from) => {
            Some(picked.column(from).ok()?.clone().with_name(PlSmallStr::from_str(name)))
        }
        ColumnOrigin::Computed(_) => computed.column(name).ok().cloned(),
    };
    let columns: Option<Vec<Column>> = query.columns.iter().map(column).collect();
    DataFrame::new(rows.len(), columns?).ok()
}

/// The indices of the rows for which all conditions are true.
pub(in crate::data) fn kept_rows(table: &DataFrame, filters: &[&Expression]) -> Result<Vec<u32>, DataError> {
    let mut rows: Vec<u32> = (0..table.height() as u32).collect();
    let named: Vec<(String, &Expression)> =
        filters.iter().enumerate().map(|(index, filter)| (format!("condition {index}"), *filter)).collect();
    let conditions = compute(table, &named)?;
    for condition in conditions.columns() {
        let is_true = condition.bool().map_err(DataError::query)?;
        rows.retain(|row| is_true.get(*row as usize) == Some(true));
    }
    Ok(rows)
}

/// Evaluates named expressions on a table: one column each.
pub(in crate::data) fn compute(
    table: &DataFrame,
    expressions: &[(String, &Expression)],
) -> Result<DataFrame, DataError> {
    if expressions.is_empty() || table.height() == 0 {
        let empty = expressions
            .iter()
            .map(|(name, _)| Column::new_empty(PlSmallStr::from_str(name), &DataType::Null));
        return DataFrame::new(0, empty.collect()).map_err(DataError::query);
    }
    let item = |(name, expression): &(String, &Expression)| {
        format!("({}) as \"{}\"", expression.sql, name.replace('"', "\"\""))
    };
    let items: Vec<String> = expressions.iter().map(item).collect();
    let result = run(table.clone(), &format!("select {} from self", items.join(", ")))?;
    // If all expressions are constants, the result has one row.
    match result.height() == table.height() {
        true => Ok(result),
        false => Ok(result.new_from_index(0, table.height())),
    }
}

#[cfg(test)]
mod tests;
