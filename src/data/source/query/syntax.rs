//! Refuses queries that read files, and queries nested too deeply for the stack.

use std::ops::ControlFlow;

use sqlparser::ast::{Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::data::error::DataError;

/// The maximum number of tokens in an expression, including the enclosing ones; it bounds the depth. The
/// engine infers the types of a sum of a thousand terms in seconds, but the time grows with the cube of their
/// number.
const MAX_TOKENS: usize = 2_000;

/// Parses SQL with the same options as the engine.
pub(in crate::data) fn parse(query: &str) -> Result<Vec<Statement>, ParserError> {
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    Parser::new(&GenericDialect).with_options(options).try_with_sql(query)?.parse_statements()
}

/// Refuses a query that reads files or is nested too deeply. The engine reports all other errors.
pub(in crate::data) fn check(query: &str) -> Result<(), DataError> {
    let tokens = longest_expression(query);
    if tokens > MAX_TOKENS {
        let found = format!("an expression of the query has {tokens} SQL tokens; the limit is {MAX_TOKENS}");
        return Err(DataError::QueryTooDeep { found });
    }
    let statements = match parse(query) {
        Ok(statements) => statements,
        Err(ParserError::RecursionLimitExceeded) => {
            let found = "brackets or subqueries of the query are nested too deeply".to_owned();
            return Err(DataError::QueryTooDeep { found });
        }
        Err(_) => return Ok(()),
    };
    match statements.visit(&mut FileTableVisitor) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Breaks at a table function that reads files; polars' begin with `read_` or `scan_`.
struct FileTableVisitor;

impl Visitor for FileTableVisitor {
    type Break = DataError;

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<DataError> {
        let TableFactor::Table { name, args: Some(arguments), .. } = table else {
            return ControlFlow::Continue(());
        };
        let function = name.to_string().to_lowercase();
        let bare = function.trim_matches(['"', '`']);
        if !bare.starts_with("read_") && !bare.starts_with("scan_") {
            return ControlFlow::Continue(());
        }
        let arguments: Vec<String> = arguments.args.iter().map(ToString::to_string).collect();
        ControlFlow::Break(DataError::QueryReads { function: bare.to_owned(), file: arguments.join(", ") })
    }
}

/// The number of tokens in the longest_expression expression: those between two commas, including enclosing
/// and nested ones.
fn longest_expression(query: &str) -> usize {
    // The engine reports text that is not SQL.
    let Ok(tokens) = Tokenizer::new(&GenericDialect, query).tokenize() else { return 0 };
    let (mut outer, mut level): (Vec<TokenCount>, TokenCount) = (Vec::new(), TokenCount::default());
    for token in tokens {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => {
                let inner = TokenCount { outer: level.current, current: level.current, max: level.current };
                outer.push(std::mem::replace(&mut level, inner));
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                if let Some(enclosing) = outer.pop() {
                    let inner = std::mem::replace(&mut level, enclosing);
                    level.current = level.current.max(inner.max);
                    level.step();
                }
            }
            Token::Comma | Token::SemiColon => level.current = level.outer,
            _ => level.step(),
        }
    }
    outer.iter().chain([&level]).map(|level| level.max).max().unwrap_or(0)
}

/// The token counts at one depth of brackets.
#[derive(Default)]
struct TokenCount {
    /// The tokens of the enclosing expression before the bracket.
    outer: usize,
    /// Since the last comma, including `outer`.
    current: usize,
    max: usize,
}

impl TokenCount {
    fn step(&mut self) {
        self.current += 1;
        self.max = self.max.max(self.current);
    }
}

#[cfg(test)]
mod tests {
    use crate::data::error::DataError;
    use crate::data::source::query::syntax::{check, longest_expression};

    #[test]
    fn file_tables_are_found_anywhere_in_a_query() {
        for query in [
            "select * from read_csv('lab.csv')",
            "select * from self join READ_PARQUET('lab.parquet') as t on self.id = t.id",
            "select x from self where x in (select y from read_json('lab.jsonl'))",
            "with t as (select * from \"read_ipc\"('lab.arrow')) select * from self, t",
            "select x, (select max(y) from read_csv('lab.csv')) as y from self",
            "select x from self union all select x from (select * from read_csv('lab.csv')) as t",
            "create table t as select * from read_csv('lab.csv')",
            "explain select * from read_csv('lab.csv')",
        ] {
            assert!(matches!(check(query), Err(DataError::QueryReads { .. })), "{query}");
        }
        let text = check("select * from self, read_csv('a b.csv')").unwrap_err().to_string();
        assert_eq!(text, "`query` may only read the table `self`; found `read_csv('a b.csv')`");
        for query in [
            "select read_csv, 'read_csv(1)' as x from self -- read_csv('lab.csv')",
            "select * from self as read_csv",
            "select no sql at all from (",
            "select * from (values (1, 2)) as t (a, b)",
        ] {
            assert!(check(query).is_ok(), "{query}");
        }
    }

    #[test]
    fn the_length_of_an_expression_counts_tokens_between_commas() {
        assert_eq!(longest_expression("select a"), 2);
        assert_eq!(longest_expression("select a, b, c, d"), 2);
        // `select`, `f`, `g`, `x` and two brackets.
        assert_eq!(longest_expression("select f(a, g(x), b)"), 6);
        // One chain, despite the brackets.
        assert_eq!(longest_expression("((a + a) + a) + a"), 9);
        assert_eq!(longest_expression("((((a))))"), 5);
        assert_eq!(longest_expression("a )))"), 1);
        assert_eq!(longest_expression(&format!("select {}", "c, ".repeat(5000))), 2);
        assert_eq!(longest_expression(&format!("select {}a", "a + ".repeat(5000))), 10_002);
    }

    #[test]
    fn queries_nested_too_deeply_are_refused() {
        let deep = format!("select {}a{} from self", "(".repeat(2000), ")".repeat(2000));
        assert!(matches!(check(&deep), Err(DataError::QueryTooDeep { .. })));
        let long = format!("select {}a from self", "a + ".repeat(100_000));
        let text = check(&long).unwrap_err().to_string();
        assert!(text.contains("has 200004 SQL tokens; the limit is 2000"), "{text}");
    }
}
