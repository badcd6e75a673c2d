//! Statistics over dependent trials: seeds times settings, cached runs, the tables and views that combine
//! them, and differences within the noise.

use serde_json::Value;

use crate::support::Project;
use crate::support::project::PIPELINE;

/// Two weightings, three learning rates, three seeds: 18 trials.
fn sweep(seeds: &str) -> Project {
    let sweep = format!(
        "sweep:\n  space:\n    weighting: [equal, uncertainty]\n    train.optimizer.adamw.rate: [0.001, \
         0.01, 0.1]\n  seeds: {seeds}\n"
    );
    Project::new().file("pipeline.yaml", PIPELINE.to_owned() + &sweep).with_rows("rows.csv", 200)
}

fn query(project: &Project, sql: &str) -> Vec<Value> {
    let out = project.mtl(&["query", sql, "--format", "json"]).expect(0).out();
    let rows: Value = serde_json::from_str(&out).expect("JSON");
    rows.as_array().expect("rows").clone()
}

fn one(project: &Project, sql: &str) -> Value {
    let rows = query(project, sql);
    rows[0].as_object().expect("columns").values().next().expect("a column").clone()
}

fn last(project: &Project) -> String {
    one(project, "SELECT run FROM runs ORDER BY started_at DESC, rowid DESC LIMIT 1")
        .as_str()
        .expect("a run")
        .to_owned()
}

fn compared(project: &Project, arguments: &[&str]) -> Value {
    let all = [&["compare"], arguments, &["--json"]].concat();
    serde_json::from_str(&project.mtl(&all).expect(0).out()).expect("JSON")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// scipy 1.17.1: stats.t.ppf(0.975, 2) -> 4.302652729749462, times stats.sem.
fn half_of_three(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    4.302652729749462 * (squares / 2.0 / 3.0).sqrt()
}

#[test]
fn only_seeds_count_as_independent_samples() {
    let project = sweep("[1, 2, 3]");
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let actual = compared(&project, &["last", "--group-by", "weighting"]);
    for group in actual["groups"].as_array().expect("groups") {
        assert_eq!((&group["seeds"], group["trials"].as_array().expect("trials").len()), (&3.into(), 9));
        let task =
            group["tasks"].as_array().expect("tasks").iter().find(|t| t["task"] == "weeks").expect("weeks");
        let metric = &task["metric"];
        for split in ["valid", "test"] {
            let sql = format!(
                "SELECT avg(s.value) AS value FROM scores s JOIN trials t USING (run, trial)
                   JOIN trial_parameters p USING (run, trial)
                  WHERE s.task = 'weeks' AND s.metric = {metric} AND s.split = '{split}' AND p.path = \
                  'weighting'
                    AND p.text = '{}' GROUP BY t.seed ORDER BY t.seed",
                group["settings"][0].as_str().expect("a weighting"),
                metric = metric.to_string().replace('"', "'"),
            );
            let seeds: Vec<f64> =
                query(&project, &sql).iter().map(|row| row["value"].as_f64().expect("a number")).collect();
            assert_eq!(seeds.len(), 3);
            let summary = &task[split];
            assert_eq!((&summary["count"], &summary["trials"]), (&3.into(), &9.into()));
            assert!(
                (summary["mean"].as_f64().expect("a mean") - mean(&seeds)).abs() < 1e-9,
                "{summary} {seeds:?}"
            );
            let half = summary["half"].as_f64().expect("an interval");
            assert!((half / half_of_three(&seeds) - 1.0).abs() < 1e-6, "{summary} {seeds:?}");
        }
    }
    // The report has the number of samples, what was averaged, and the split; ranks and p are per split.
    let output = |arguments: &[&str]| {
        project.mtl(&[&["compare", "last", "--group-by", "weighting"], arguments].concat()).expect(0).out()
    };
    let (test, valid) = (output(&[]), output(&["--split", "valid"]));
    for part in [
        "over 3 seeds (Student t)",
        "averaged within each seed first: train.optimizer.adamw.rate (3 values)",
        "mean rank, test rows",
        "p against equal weights, test rows",
        "paired by seed",
    ] {
        assert!(test.contains(part), "{part} is missing in\n{test}");
    }
    assert!(
        valid.contains("mean rank, validation rows") && valid.contains("equal weights, validation rows"),
        "{valid}"
    );
    assert!(!valid.contains("rank, test rows"), "{valid}");
    // Cached results that are counted again do not reduce the uncertainty.
    let first = last(&project);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let both = compared(&project, &[&first, "last", "--group-by", "weighting"]);
    for (one, two) in
        actual["groups"].as_array().expect("groups").iter().zip(both["groups"].as_array().expect("groups"))
    {
        assert_eq!((&one["objective"]["half"], &two["seeds"]), (&two["objective"]["half"], &3.into()));
    }
}

#[test]
fn one_seed_has_no_confidence_interval() {
    let project = sweep("[4]");
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let output = project.mtl(&["compare", "last", "--group-by", "weighting"]).expect(0).out();
    assert!(
        output.contains("one seed: no interval") && !output.contains('±') && !output.contains("p against"),
        "{output}"
    );
    assert!(output.contains("averaged within each seed first"), "{output}");
}

#[test]
fn cached_duplicates_are_not_counted_among_runs() {
    let project = sweep("[1, 2]");
    let grid = ["run", "pipeline.yaml", "--quiet"];
    project.mtl(&grid).expect(0);
    project.mtl(&grid).expect(0);
    let alone = |seed: &str| {
        let changes = ["--seed", seed, "--set", "sweep=null", "--set", "train.epochs=1"];
        project.mtl(&[&grid[..], &changes[..]].concat()).expect(0);
    };
    alone("5");
    alone("5");
    let queries = include_str!("../queries.sql");
    let second = queries.split("\n-- ").find(|part| part.starts_with("2.")).expect("the second query");
    let rows = query(&project, &format!("-- {second}"));
    let mut names: Vec<&str> = rows.iter().map(|row| row["run"].as_str().expect("a run")).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    names.dedup();
    assert_eq!(names.len(), 4, "{names:?}");
    // A sweep is represented by its best trial, as in `mtl sweep status`.
    let first = names[3].to_owned();
    let summary =
        query(&project, &format!("SELECT trial, trials, test_scores FROM run_summary WHERE run = '{first}'"));
    let status: Value =
        serde_json::from_str(&project.mtl(&["sweep", "status", &first, "--json"]).expect(0).out())
            .expect("JSON");
    assert_eq!(
        (summary.len(), &summary[0]["trial"], &summary[0]["trials"]),
        (1, &status["best"], &12.into())
    );
    assert!(summary[0]["test_scores"].as_str().expect("scores").starts_with("rich "), "{summary:?}");

    // One rank each: the earliest run has it, the second refers to it.
    let firsts = "SELECT count(*) AS n, count(DISTINCT task || metric) AS k FROM leaderboard WHERE place = 1 \
                  AND metric = 'rmse'";
    let counts = &query(&project, firsts)[0];
    assert_eq!(counts["n"], counts["k"], "no cached run ties for first place");
    let second = names[2];
    let holders = query(
        &project,
        &format!(
            "SELECT place, same_as, trial FROM leaderboard WHERE run = '{second}' AND metric = 'auroc' ORDER \
             BY trial"
        ),
    );
    assert_eq!(holders.len(), 12);
    for row in &holders {
        assert!(row["place"].is_null());
        assert_eq!(row["same_as"], format!("{first}#{}", row["trial"]));
    }
    let places = "SELECT count(*) FROM leaderboard WHERE metric = 'auroc' AND place IS NOT NULL";
    assert_eq!(one(&project, places), 13, "12 trials and one single run");
    assert_eq!(
        one(&project, "SELECT max(place) FROM leaderboard WHERE metric = 'auroc'").as_i64().map(|p| p <= 13),
        Some(true)
    );
    // Without the first run its duplicate has the ranks.
    project.mtl(&["rm", &first]).expect(0);
    assert_eq!(
        one(
            &project,
            &format!("SELECT count(place) FROM leaderboard WHERE run = '{second}' AND metric = 'auroc'")
        ),
        12
    );
}

#[test]
fn curves_of_nine_groups_have_bands() {
    let sweep = "sweep:\n  space:\n    weighting: [equal, uncertainty, {dwa: {temperature: \
                 2.0}}]\n    train.optimizer.adamw.rate: [0.001, 0.01, 0.1]\n  seeds: [1, 2]\n";
    let project =
        Project::new().file("pipeline.yaml", PIPELINE.to_owned() + sweep).with_rows("rows.csv", 200);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["plot", "last", "--kind", "curves", "--to", "drawn"]).expect(0);
    let picture = project.read("drawn/curves-rich.svg");
    assert!(picture.contains("band: 95 % confidence interval"), "no word of bands");
    // Three panels with nine bands each.
    assert_eq!(picture.matches("<polygon").count(), 27);
}

/// Runs that differ only by their seed are one group, also without a sweep.
#[test]
fn single_runs_of_several_seeds_are_one_curve() {
    let project = Project::small();
    let mut runs = Vec::new();
    for seed in ["1", "2", "2", "3"] {
        project.mtl(&["run", "pipeline.yaml", "--quiet", "--seed", seed]).expect(0);
        runs.push(last(&project));
    }
    let names: Vec<&str> = runs.iter().map(String::as_str).collect();
    project.mtl(&[&["plot"], &names[..], &["--kind", "curves", "--to", "drawn"]].concat()).expect(0);
    let picture = project.read("drawn/curves-rich.svg");
    assert!(picture.contains("mean over 3 seeds, band"), "{picture}");
    assert_eq!(picture.matches("<polygon").count(), 3);
    // Other settings are separate groups.
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "train.batch_size=16"]).expect(0);
    let other = last(&project);
    project.mtl(&[&["plot"], &names[..], &[&other, "--kind", "curves", "--to", "drawn"]].concat()).expect(0);
    assert!(project.read("drawn/curves-rich.svg").contains(&other));
    let averaged = compared(&project, &[names[0], &other, "--group-by", "weighting"]);
    assert_eq!(averaged["averaged"][0]["address"], "train.batch_size");
}

/// Three tasks and few steps: the best grouping is not significantly better than all tasks together.
#[test]
fn a_grouping_within_the_noise_is_not_proposed() {
    let text = PIPELINE.replace(
        "  weeks: {target: weeks, kind: regression}\n",
        "  weeks: {target: weeks, kind: regression}\n  old: {target: old, kind: binary}\n",
    );
    let text = text.replace(
        "source: {csv: {path: rows.csv}}",
        "source: {csv: {path: rows.csv}}\n    query: \"select *, age > 40 as old from self\"",
    );
    let project = Project::new().file("pipeline.yaml", text).with_rows("rows.csv", 200);
    let measure = |changes: &[&str]| {
        let output = project.mtl(&[&["group", "pipeline.yaml", "--quiet"], changes].concat()).expect(0).out();
        let json: Value =
            serde_json::from_str(&project.mtl(&["group", "last", "--json"]).expect(0).out()).expect("JSON");
        (output, json["affinity"].clone())
    };
    // With one measurement the noise is unknown, so nothing is proposed.
    let (output, actual) = measure(&["--set", "train.epochs=1", "--set", "train.affinity.every=100"]);
    for part in
        ["training all tasks together", "measured over only 1 step", "pipeline.yaml  # all tasks together"]
    {
        assert!(output.contains(part), "{part} is missing in\n{output}");
    }
    assert!(!output.contains("pipeline.group-2.yaml"), "{output}");
    assert_eq!(
        (&actual["times"], actual["groups"].as_array().expect("groups").len()),
        (&1.into(), 1),
        "{actual}"
    );
    assert_eq!(actual["groups"][0]["tasks"].as_array().expect("tasks").len(), 3);
    assert!(actual["gain"]["held_out"].is_null(), "{actual}");

    let (output, actual) = measure(&["--set", "train.epochs=3", "--set", "train.affinity.every=2"]);
    assert!(
        output.contains("training all tasks together") && output.contains("measured over only 6 steps"),
        "{output}"
    );
    let gain = &actual["gain"]["held_out"];
    let sure = gain["mean"].as_f64().zip(gain["half"].as_f64()).is_some_and(|(mean, half)| mean > half);
    assert_eq!(actual["groups"].as_array().expect("groups").len() > 1, sure, "{actual}");
    let by_affinity = output.split("Gradient cosine").next().expect("the first part");
    assert_eq!(sure, by_affinity.contains("better than training all tasks together by"), "{output}");
    // All measurements are stored, and the means are over them.
    let run = last(&project);
    let steps = format!("SELECT count(DISTINCT step) FROM affinity_steps WHERE run = '{run}'");
    assert_eq!(one(&project, &steps), 6);
    let apart = "SELECT max(abs(a.value - s.mean)) FROM affinities a JOIN (SELECT run, trial, epoch, task, \
                 other, avg(value) AS mean
                 FROM affinity_steps GROUP BY 1, 2, 3, 4, 5) s USING (run, trial, epoch, task, other)";
    assert!(one(&project, apart).as_f64().expect("a number") < 1e-12);
}
