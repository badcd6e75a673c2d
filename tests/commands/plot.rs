//! Plots and the HTML report: which plots a run has, which not and why, and invalid requests.

use super::{last, number};
use crate::support::Project;
use crate::support::markup::elements;
use crate::support::project::PIPELINE;

const SWEEP: &str = "\
sweep:
  space:
    weighting: [equal, {dwa: {temperature: 2.0}}]
    train.batch_size: [16, 32]
  seeds: [1, 2]
";

fn observed() -> Project {
    let text = PIPELINE.replace("name: small", "name: small\ndescription: 'a < b & \"c\"'");
    let project = Project::new().file("pipeline.yaml", text).with_rows("rows.csv", 200);
    let set = ["--set", "weighting=uncertainty", "--set", "train.gradients.observe=true"];
    project.mtl(&[&["run", "pipeline.yaml", "--quiet"], &set[..]].concat()).expect(0);
    project
}

#[track_caller]
fn picture(project: &Project, name: &str) -> String {
    let text = project.read(name);
    let names = elements(&text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
    assert_eq!(names[0], "svg");
    text
}

#[test]
fn a_run_is_plotted_and_missing_plots_are_explained() {
    let project = observed();
    let output = project.mtl(&["plot"]).expect(0).out();
    for why in
        ["shares: no shares were recorded", "relations: no relations", "front: a front needs several trials"]
    {
        assert!(output.contains(why), "{output}");
    }
    let folder = format!("runs/{}/plots", last(&project));
    for name in ["curves-rich", "curves-weeks", "weights", "gradients", "gradients-epochs"] {
        let text = picture(&project, &format!("{folder}/{name}.svg"));
        assert!(output.contains(&format!("{name}.svg")) && text.contains(&last(&project)), "{name}");
    }
    let curves = picture(&project, &format!("{folder}/curves-rich.svg"));
    assert!(curves.contains("learning curves of rich") && curves.contains(">epoch<"), "{curves}");
    let cosine = number(&project, "select avg(cosine) from gradients");
    let gradients = picture(&project, &format!("{folder}/gradients.svg"));
    assert!(gradients.contains(&format!("rich and weeks: cosine {cosine:.3}")), "{cosine}: {gradients}");

    // Plots are reproducible, byte for byte.
    project.mtl(&["plot", "last", "--to", "again", "--kind", "curves,gradients"]).expect(0);
    assert_eq!(project.read("again/curves-rich.svg"), curves);
    assert!(!project.path("again/weights.svg").exists(), "only the requested kinds");

    let output = project
        .mtl(&["plot", "--format", "png", "--to", "png", "--kind", "curves", "--json"])
        .expect(0)
        .out();
    let output: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(output["files"].as_array().map(Vec::len), Some(2));
    let bytes = std::fs::read(project.path("png/curves-rich.png")).expect("a picture");
    let whole = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && whole(16) > 600 && whole(20) > 400);
}

#[test]
fn a_sweep_is_plotted_by_groups() {
    let project =
        Project::new().file("pipeline.yaml", PIPELINE.to_owned() + SWEEP).with_rows("rows.csv", 200);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["plot", "last", "--to", "all"]).expect(0);
    let curves = picture(&project, "all/curves-rich.svg");
    for part in
        ["by weighting, train.batch_size", "mean over 2 seeds, band", ">dwa, 16<", ">equal, 32<", "<polygon"]
    {
        assert!(curves.contains(part), "{part}: {curves}");
    }
    let front = picture(&project, "all/front.svg");
    assert_eq!(front.matches("<circle").count(), 8 + 4, "a dot for every trial and every legend entry");
    // A single trial has no averages and no front.
    let output = project.mtl(&["plot", "last#2", "--to", "one"]).expect(0).out();
    assert!(output.contains("front: "), "{output}");
    assert!(picture(&project, "one/curves-rich.svg").contains("validation rows"));

    // Two runs side by side, named in the legend.
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "sweep=null", "--seed", "7"]).expect(0);
    project
        .mtl(&["run", "pipeline.yaml", "--quiet", "--set", "sweep=null", "--set", "train.batch_size=16"])
        .expect(0);
    let names: Vec<String> = super::runs(&project)
        .iter()
        .take(2)
        .map(|run| run["run"].as_str().expect("a name").to_owned())
        .collect();
    let output = project.mtl(&["plot", &names[0], &names[1], "--kind", "curves"]).expect(0).out();
    assert!(output.contains("plots/curves-rich.svg"), "{output}");
    let both = picture(&project, "plots/curves-rich.svg");
    assert!(names.iter().all(|name| both.contains(&format!(">{name}<"))), "{both}");
}

#[test]
fn impossible_plots_are_errors() {
    let project = Project::small();
    assert!(project.mtl(&["plot"]).expect(1).err().contains("no runs yet"));
    assert!(project.mtl(&["report"]).expect(1).err().contains("no runs yet"));
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let run = last(&project);
    let (rest, end) = run.split_at(run.len() - 1);
    let wrong = format!("{rest}{}", if end == "x" { "y" } else { "x" });
    for command in ["plot", "report"] {
        let output = project.mtl(&[command, &wrong]).expect(1).err();
        assert!(output.contains(&format!("did you mean `{run}`?")), "{output}");
    }
    assert!(project.mtl(&["plot", "last#9"]).expect(2).err().contains("has no trial `9`"));
    let output = project.mtl(&["plot", "--kind", "curve"]).expect(2).err();
    assert!(output.contains("'curve'") && output.contains("'curves'"), "{output}");
    let output = project.mtl(&["plot", "--kind", "gradients"]).expect(1).err();
    assert!(output.contains("nothing to plot") && output.contains("set train.gradients.observe"), "{output}");
    let project = project.file("taken", "a file, no folder");
    for arguments in [["plot", "last", "--to", "taken/deeper"], ["report", "last", "--to", "taken/page.html"]]
    {
        let output = project.mtl(&arguments).expect(1).err();
        assert!(output.contains("error: cannot create") && output.contains("taken"), "{output}");
    }
    assert_eq!(project.read("taken"), "a file, no folder");
}

#[test]
fn the_report_describes_a_run() {
    let project = observed();
    let output = project.mtl(&["report"]).expect(0).out();
    let file = format!("runs/{}/report.html", last(&project));
    assert!(output.trim().ends_with("report.html"), "{output}");
    let page = project.read(&file);
    let names = elements(&page).unwrap_or_else(|wrong| panic!("{wrong}\n{page}"));
    assert_eq!(names.iter().filter(|name| *name == "section").count(), 8);
    assert_eq!(names.iter().filter(|name| *name == "svg").count(), 6);
    assert!(
        !names.iter().any(|name| ["script", "link", "img", "iframe"].contains(&name.as_str())),
        "{names:?}"
    );
    let outside = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("http") && !page.contains("@import") && !page.contains("url("), "no network");
    let sql = "select printf('%.4g', value) from scores where task = 'weeks' and split = 'test' limit 1";
    let answer = project.mtl(&["query", sql, "--format", "csv"]).expect(0).out();
    let shown = answer.lines().nth(1).expect("a score");
    let text = project.mtl(&["show"]).expect(0).out();
    assert!(text.contains(shown) && page.contains(&format!(">{shown}<")), "{shown}");
    // The report has the result of the verification, not the state of this machine.
    let verified = number(&project, "select verified from parity") == 1.0;
    let proof = if verified { ">verified: max difference" } else { ">UNVERIFIED" };
    for part in [
        "a &lt; b &amp; &quot;c&quot;",
        "mtl run pipeline.yaml --quiet --set weighting=uncertainty",
        proof,
        "rows.csv",
        "observe: true",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    project.mtl(&["report", "last", "--to", "deep/page.html"]).expect(0);
    assert_eq!(project.read("deep/page.html"), page, "independent of the time and the folder");
}

#[test]
fn the_reports_of_a_failed_run_and_of_a_sweep() {
    let rows = Project::small().read("rows.csv").replace("age,", "agee,");
    let project = Project::new().file("pipeline.yaml", PIPELINE).file("rows.csv", rows);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(1);
    project.mtl(&["report", "last", "--to", "page.html"]).expect(0);
    let page = project.read("page.html");
    elements(&page).unwrap_or_else(|wrong| panic!("{wrong}"));
    for part in ["class=\"standing failed\"", "`age`", "No scores", "No model has been exported", "mtl retry"]
    {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    assert!(project.mtl(&["plot"]).expect(1).err().contains("curves: no epoch has been finished yet"));

    let project =
        Project::new().file("pipeline.yaml", PIPELINE.to_owned() + SWEEP).with_rows("rows.csv", 200);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["report", "last", "--to", "page.html"]).expect(0);
    let page = project.read("page.html");
    elements(&page).unwrap_or_else(|wrong| panic!("{wrong}"));
    for part in [
        "mean rank",
        "p against equal weights",
        "Best trial #",
        "★ #",
        "Pareto front",
        "±",
        "Choices in full",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
}
