//! What a query may not be: one that reads files besides its table's, or one so deep that no stack holds it.

use std::ops::ControlFlow;

use sqlparser::ast::{Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::data::error::DataError;

/// Words and signs that one expression may have, with those that it stands in: it is at most as deep. The
/// engine works out the types of a sum of a thousand terms in seconds, but of more with the cube of their
/// number.
const LONGEST: usize = 2_000;

/// How the engine reads SQL.
pub(in crate::data) fn parse(query: &str) -> Result<Vec<Statement>, ParserError> {
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    Parser::new(&GenericDialect).with_options(options).try_with_sql(query)?.parse_statements()
}

/// Refuses a query that reads other files, or is too deep. Other faults are the engine's to tell.
pub(in crate::data) fn check(query: &str) -> Result<(), DataError> {
    let longest = longest(query);
    if longest > LONGEST {
        let message =
            format!("an expression of the query has {longest} words and signs, more than {LONGEST}");
        return Err(DataError::QueryTooDeep { found: message });
    }
    let statements = match parse(query) {
        Ok(statements) => statements,
        Err(ParserError::RecursionLimitExceeded) => {
            let message = "brackets or queries of the query stand too many within another".to_owned();
            return Err(DataError::QueryTooDeep { found: message });
        }
        Err(_) => return Ok(()),
    };
    match statements.visit(&mut FileTableVisitor) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Looks for tables that are files. The names of polars' functions for them begin with `read_`.
struct FileTableVisitor;

impl Visitor for FileTableVisitor {
    type Break = DataError;

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<DataError> {
        let TableFactor::Table { name, args: Some(given), .. } = table else {
            return ControlFlow::Continue(());
        };
        let function = name.to_string().to_lowercase();
        let bare = function.trim_matches(['"', '`']);
        if !bare.starts_with("read_") && !bare.starts_with("scan_") {
            return ControlFlow::Continue(());
        }
        let given: Vec<String> = given.args.iter().map(ToString::to_string).collect();
        ControlFlow::Break(DataError::QueryReads { function: bare.to_owned(), file: given.join(", ") })
    }
}

/// The most words and signs that an expression has: those between two commas, with what stands around and
/// inside.
fn longest(query: &str) -> usize {
    // What is cut into no words is told by the engine.
    let Ok(words) = Tokenizer::new(&GenericDialect, query).tokenize() else { return 0 };
    let (mut outer, mut level): (Vec<BracketDepth>, BracketDepth) = (Vec::new(), BracketDepth::default());
    for word in words {
        match word {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => {
                let inner = BracketDepth { before: level.now, now: level.now, most: level.now };
                outer.push(std::mem::replace(&mut level, inner));
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                if let Some(around) = outer.pop() {
                    let inner = std::mem::replace(&mut level, around);
                    level.now = level.now.max(inner.most);
                    level.step();
                }
            }
            Token::Comma | Token::SemiColon => level.now = level.before,
            _ => level.step(),
        }
    }
    outer.iter().chain([&level]).map(|level| level.most).max().unwrap_or(0)
}

/// What was counted at one depth of brackets.
#[derive(Default)]
struct BracketDepth {
    before: usize,
    now: usize,
    most: usize,
}

impl BracketDepth {
    fn step(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }
}

#[cfg(test)]
mod tests {
    use crate::data::error::DataError;
    use crate::data::source::query::syntax::{check, longest};

    #[test]
    fn tables_that_are_files_are_found_wherever_they_stand() {
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
        assert_eq!(
            text,
            "the query reads the file 'a b.csv' by `read_csv`: it may read the table `self` alone"
        );
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
    fn the_length_of_an_expression_is_what_stands_between_commas() {
        assert_eq!(longest("select a"), 2);
        assert_eq!(longest("select a, b, c, d"), 2);
        // `select`, `f`, `g`, `x` and two brackets.
        assert_eq!(longest("select f(a, g(x), b)"), 6);
        // One chain, though brackets stand in it.
        assert_eq!(longest("((a + a) + a) + a"), 9);
        assert_eq!(longest("((((a))))"), 5);
        assert_eq!(longest("a )))"), 1);
        assert_eq!(longest(&format!("select {}", "c, ".repeat(5000))), 2);
        assert_eq!(longest(&format!("select {}a", "a + ".repeat(5000))), 10_002);
    }

    #[test]
    fn what_is_too_deep_is_refused() {
        let deep = format!("select {}a{} from self", "(".repeat(2000), ")".repeat(2000));
        assert!(matches!(check(&deep), Err(DataError::QueryTooDeep { .. })));
        let long = format!("select {}a from self", "a + ".repeat(100_000));
        let text = check(&long).unwrap_err().to_string();
        assert!(text.contains("has 200004 words and signs, more than 2000"), "{text}");
    }
}
