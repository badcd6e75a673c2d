//! Checks that an SQL expression of a card uses only the cells of its own row. A card may come from anywhere,
//! and SQL can read files: anything that contains a subquery, or is not exactly one expression, is refused
//! before it runs.

use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};
use sqlparser::tokenizer::Token;

use crate::data::error::DataError;
use crate::data::raw::ReadingError;
use crate::domain::table_schema::Expression;

/// Refuses anything but a single expression over the cells of one row.
pub(super) fn check_row_expression(expression: &Expression) -> Result<(), DataError> {
    let refused = |reason: &str| {
        let reason = format!("its expression `{}` {reason}", expression.sql);
        DataError::from(ReadingError::Card { reason })
    };
    // Whitespace tokens are not skipped: a comment could hide text behind the expression.
    let parser = Parser::new(&GenericDialect)
        .with_options(ParserOptions { trailing_commas: true, ..ParserOptions::default() })
        .try_with_sql(&expression.sql);
    let parsed =
        parser.and_then(|mut parser| Ok((parser.parse_expr()?, parser.next_token_no_skip().cloned())));
    let (parsed, next) = parsed.map_err(|_| refused("is not an expression"))?;
    if next.is_some_and(|next| next.token != Token::EOF) {
        return Err(refused("is more than one expression"));
    }
    match parsed.visit(&mut QueryVisitor) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(refused("reads more than the cells of one row")),
    }
}

/// Breaks at the first query or table.
struct QueryVisitor;

impl Visitor for QueryVisitor {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn pre_visit_relation(&mut self, _: &ObjectName) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

#[cfg(test)]
mod tests {
    use super::check_row_expression;
    use crate::domain::table_schema::Expression;

    #[test]
    fn an_expression_reads_no_file() {
        let refused =
            |sql: &str| check_row_expression(&Expression { sql: sql.to_owned(), columns: vec![] }).is_err();
        for fine in [
            "price * 1.2",
            "country = 'select' and not (x is null or y in (1, 2))",
            "case when x > 1 then 'a' else lower(k) end",
            "extract(year from day)",
            "concat_ws(' ', a, \"b c\")",
            "cast(x as double)",
        ] {
            assert!(!refused(fine), "{fine}");
        }
        for bad in [
            "(select column_1 from read_csv('/etc/passwd') limit 1)",
            "x in (select y from read_csv('/etc/passwd'))",
            "exists (select 1 from self)",
            "1) as a from read_csv('/etc/passwd') --",
            "1; drop table self",
            "1 -- and more",
            "1 /* more",
            "x, y",
            "",
        ] {
            assert!(refused(bad), "{bad}");
        }
    }
}
