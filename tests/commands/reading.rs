//! Reading of data files: changed files are always noticed, and files that would block the program or exhaust
//! memory are refused.

use std::io::Write;
use std::time::{Duration, Instant};

use image::{GrayImage, ImageFormat, Luma};

use crate::commands::number;
use crate::support::{Project, Ran};

const PICTURES: &str = "\
name: pictures
seed: 1
data:
  rows:
    source: {images: {path: set/photos, labels: set/labels.csv, column: name, mask: mask}}
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  image: image
trunk:
  - conv2d: {filters: 2, kernel: 3, activation: relu}
tasks:
  shape: {target: mask, kind: {segmentation: {classes: [none, bar]}}}
train: {epochs: 1, batch_size: 16, device: cpu}
";

fn png(pixel: impl Fn(u32, u32) -> u8) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = GrayImage::from_fn(8, 8, |x, y| Luma([pixel(x, y)]));
    picture.write_to(&mut file, ImageFormat::Png).expect("a picture");
    file.into_inner()
}

/// Thirty images without a known extension, with masks in another folder.
fn pictures() -> Project {
    let mut project = Project::new().file("pipeline.yaml", PICTURES);
    let mut labels = String::from("name,mask\n");
    for number in 0..30u32 {
        labels += &format!("{number}.scan,../masks/{number}.png\n");
        let is_bar = move |y: u32| y == number % 8;
        project = project
            .file(&format!("set/photos/{number}.scan"), png(|_, y| if is_bar(y) { 255 } else { 0 }))
            .file(&format!("set/masks/{number}.png"), png(|_, y| u8::from(is_bar(y))));
    }
    project.file("set/labels.csv", labels)
}

fn run(project: &Project) -> Ran {
    project.mtl(&["run", "pipeline.yaml", "--only", "evaluate"]).expect(0)
}

fn trained(project: &Project) -> f64 {
    number(project, "select count(*) from stages where kind = 'train' and cached = 0")
}

fn loss(project: &Project) -> String {
    let sql = "select metric, split, value from scores where run = (select run from runs order by started_at \
               desc limit 1) order by metric, split";
    project.mtl(&["query", sql, "--format", "csv"]).expect(0).out()
}

#[test]
fn changed_masks_and_images_without_extension_are_noticed() {
    let project = pictures();
    run(&project);
    let (first, began) = (loss(&project), trained(&project));
    run(&project);
    assert_eq!(trained(&project), began, "nothing changed, so no stage runs again");
    // A mask outside the image folder.
    std::fs::write(project.path("set/masks/3.png"), png(|_, y| u8::from(y < 6))).unwrap();
    run(&project);
    assert_eq!(trained(&project), began + 1.0, "a changed mask is new data");
    assert_ne!(loss(&project), first);
    // An image without a known extension.
    std::fs::write(project.path("set/photos/3.scan"), png(|x, _| (x * 30) as u8)).unwrap();
    run(&project);
    assert_eq!(trained(&project), began + 2.0, "a changed picture is new data");
    let files = number(
        &project,
        "select count(*) from data_files where run = (select run from runs order by started_at desc limit 1)",
    );
    assert_eq!(files, 61.0, "labels, pictures and masks");
    // A file that is not in the table is not read.
    std::fs::write(project.path("set/photos/other.png"), "no picture").unwrap();
    run(&project);
    assert_eq!(trained(&project), began + 2.0);
}

#[test]
fn images_outside_the_folder_need_outside_true() {
    let project = pictures().file("elsewhere/a.png", png(|_, y| u8::from(y < 4)));
    let refused = |cell: &str, line: &str| {
        let labels = project.read("set/labels.csv").lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
        let text = format!("name,mask\n0.scan,{cell}\n{}\n", labels.join("\n"));
        std::fs::write(project.path("set/labels.csv"), text).unwrap();
        let output = project.mtl(&["run", "pipeline.yaml", "--only", "load"]).expect(1).err();
        assert!(output.contains(&format!("`{cell}` in")) && output.contains(line), "{output}");
        assert!(output.contains("is outside ") && output.contains("`outside: true`"), "{output}");
    };
    refused("../../elsewhere/a.png", "line 2");
    refused(&project.path("elsewhere/a.png").to_string_lossy(), "line 2");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(project.path("elsewhere/a.png"), project.path("set/masks/link.png"))
            .unwrap();
        refused("../masks/link.png", "line 2");
    }
    let meant = PICTURES.replace("mask: mask}", "mask: mask, outside: true}");
    let project = project.file("pipeline.yaml", meant);
    project.mtl(&["run", "pipeline.yaml", "--only", "evaluate"]).expect(0);
    let began = trained(&project);
    std::fs::write(project.path("elsewhere/a.png"), png(|_, y| u8::from(y > 4))).unwrap();
    run(&project);
    assert_eq!(trained(&project), began + 1.0, "files outside the folder are noticed too");
}

/// The command ends quickly with these errors.
#[track_caller]
fn refused_at_once(project: &Project, parts: &[&str]) {
    let began = Instant::now();
    let output = project.mtl(&["run", "pipeline.yaml", "--only", "load"]).expect(1).err();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    for part in parts {
        assert!(output.contains(part), "{part} is missing: {output}");
    }
    project.mtl(&["plan", "pipeline.yaml"]).expect(0);
}

#[test]
#[cfg(unix)]
fn pipes_devices_and_loops_are_refused_at_once() {
    let pipe = |project: &Project, name: &str| {
        let made = std::process::Command::new("mkfifo").arg(project.path(name)).status().expect("mkfifo");
        assert!(made.success());
    };
    let project = pictures();
    std::fs::remove_file(project.path("set/photos/7.scan")).unwrap();
    pipe(&project, "set/photos/7.scan");
    refused_at_once(&project, &["7.scan", "it is a pipe, not a file"]);
    let project = Project::small();
    for (path, what) in
        [("/dev/zero", "it is a device, not a file"), ("pipe.csv", "it is a pipe, not a file")]
    {
        if path == "pipe.csv" {
            pipe(&project, path);
        }
        let text = project.read("pipeline.yaml").replace("rows.csv", path).replace("/dev/zero", path);
        std::fs::write(project.path("pipeline.yaml"), text).unwrap();
        refused_at_once(&project, &[path, what]);
    }
    // Classes by folders: a link to the folder itself, and an image that is a link to itself.
    let by_class = "\
name: classes
data:
  rows: {source: {images: photos}, split: {random: {valid: 0.2, test: 0.2}}}
inputs: {image: image}
trunk: [flatten]
tasks: {label: {target: label, kind: multiclass}}
train: {epochs: 1, batch_size: 16, device: cpu}
";
    let mut project = Project::new().file("pipeline.yaml", by_class);
    for number in 0..20 {
        let class = ["a", "b"][number % 2];
        let picture = png(|_, _| (number % 2 * 200) as u8);
        project = project.file(&format!("photos/{class}/{number}.png"), picture);
    }
    project.mtl(&["run", "pipeline.yaml", "--only", "load"]).expect(0);
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, project.path(name)).unwrap();
    link("../photos", "photos/again");
    refused_at_once(&project, &["photos/again", "points to its parent folder"]);
    std::fs::remove_file(project.path("photos/again")).unwrap();
    link("ring.png", "photos/a/ring.png");
    refused_at_once(&project, &["ring.png", "cannot be used"]);
}

fn queried(project: Project, query: &str) -> Project {
    let text = project.read("pipeline.yaml");
    let text = text.replace("    split:", &format!("    query: {query}\n    split:"));
    project.file("pipeline.yaml", text)
}

#[test]
fn a_query_can_only_read_its_own_table() {
    let query = "select self.* from self join read_csv('lab.csv') as lab on self.age = lab.age";
    let project = queried(Project::small().file("lab.csv", "age\n30\n"), query);
    for command in [&["check", "pipeline.yaml"][..], &["run", "pipeline.yaml"], &["plan", "pipeline.yaml"]] {
        let output = project.mtl(command).expect(3).err();
        assert!(output.contains("pipeline.yaml:6:"), "{output}");
        assert!(output.contains("found `read_csv('lab.csv')`"), "{output}");
        assert!(output.contains("join the tables into one file first"), "{output}");
    }
    assert!(!project.path("runs/cache").exists(), "no stage was started");
}

#[test]
fn deep_queries_work_or_are_refused() {
    let sum = |terms: usize| format!("select *, {}age as total from self", "age + ".repeat(terms - 1));
    queried(Project::small(), &sum(200)).mtl(&["run", "pipeline.yaml", "--only", "split"]).expect(0);
    for (query, arguments) in [
        (sum(2000), "has 4003 SQL tokens; the limit is 2000"),
        (sum(100_000), "has 200003 SQL tokens; the limit is 2000"),
        (format!("select * from self where {}true", "age > 0 and ".repeat(30_000)), "SQL tokens"),
        (format!("select {}age{} as age from self", "(".repeat(100), ")".repeat(100)), "nested too deeply"),
        (format!("select {} age from self", "not ".repeat(100_000)), "SQL tokens"),
    ] {
        let project = queried(Project::small(), &query);
        let began = Instant::now();
        let output = project.mtl(&["check", "pipeline.yaml"]).expect(3).err();
        assert!(output.contains(arguments), "{}", output.chars().take(600).collect::<String>());
        assert!(output.contains("pipeline.yaml:6:") && began.elapsed() < Duration::from_secs(10));
    }
}

/// A gigabyte of zeros is compressed to a megabyte; a constant column to almost nothing.
#[test]
fn decompression_bombs_are_refused() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![b'0'; 1 << 20];
    (0..1024).for_each(|_| bomb.write_all(&zeros).expect("packed"));
    let bomb = bomb.finish().expect("packed");
    assert!(bomb.len() < 16 << 20, "{}", bomb.len());
    let text = Project::small().read("pipeline.yaml").replace("rows.csv", "rows.csv.gz");
    let project = Project::small().file("pipeline.yaml", text).file("rows.csv.gz", bomb);
    let limited = |limit: &str| {
        let mut command = project.command(&["run", "pipeline.yaml", "--only", "load"]);
        Ran::of(command.env("MTL_DATA_MEMORY", limit)).expect(1).err()
    };
    let output = limited("64MB");
    assert!(output.contains("to more than 64 MB, the limit for one file"), "{output}");
    assert!(output.contains("rows.csv.gz") && output.contains("MTL_DATA_MEMORY=64GB"), "{output}");
    let output = limited("a lot");
    assert!(
        output.contains("MTL_DATA_MEMORY: `a lot` is not a memory size: write, for example, 8GB"),
        "{output}"
    );
    // A large uncompressed file.
    let output = Ran::of(
        Project::small().command(&["run", "pipeline.yaml", "--only", "load"]).env("MTL_DATA_MEMORY", "1kB"),
    );
    let output = output.expect(1).err();
    assert!(output.contains("needs") && output.contains("in memory, more than 1.0 kB"), "{output}");
}

#[test]
fn images_larger_than_memory_are_refused() {
    // A header of 100,000 x 100,000 pixels; the rest of the file is not read.
    let mut file = Vec::new();
    {
        let mut encoder = png::Encoder::new(&mut file, 100_000, 100_000);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]).expect("a chunk");
    }
    let project = pictures().file("set/photos/5.scan", file);
    let output = project.mtl(&["run", "pipeline.yaml", "--only", "load"]).expect(1).err();
    assert!(output.contains("its 100000 x 100000 pixels need 10 GB of memory"), "{output}");
    assert!(output.contains("MTL_DATA_MEMORY"), "{output}");
}
