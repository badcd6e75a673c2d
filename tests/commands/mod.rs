//! Every command, through the real binary, as a person would use it.

mod adapters;
mod answers;
mod attacked;
mod balancing;
mod bundle;
mod cosmos;
mod damage;
mod database;
mod decoders;
mod durability;
mod errors;
mod everything;
mod extensions;
mod fine_tuning;
mod frozen;
mod gains;
mod grouping;
mod kernels;
mod limits;
mod members;
mod merging;
mod model;
mod pareto;
mod pixel;
mod plot;
mod reading;
mod reading_only;
mod rounding;
mod running;
mod search;
mod sharing;
mod side_by_side;
mod sweep;
mod text;
mod text_pairs;
mod together;
mod transfer;
mod word_pieces;

use crate::support::Project;

/// The name of the newest run.
fn last(project: &Project) -> String {
    runs(project)[0]["run"].as_str().expect("a name").to_owned()
}

/// All runs, newest first.
fn runs(project: &Project) -> Vec<serde_json::Value> {
    let list: serde_json::Value =
        serde_json::from_str(&project.mtl(&["runs", "--json"]).expect(0).out()).expect("JSON");
    list["runs"].as_array().or_else(|| list.as_array()).expect("a list").clone()
}

/// One number from the database.
fn number(project: &Project, sql: &str) -> f64 {
    let answer = project.mtl(&["query", sql, "--format", "csv"]).expect(0).out();
    let value = answer.lines().nth(1).unwrap_or_else(|| panic!("no row: {sql}"));
    value.parse().unwrap_or_else(|_| panic!("not a number: {value}"))
}
