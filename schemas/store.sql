-- The results database runs/mtl.db, version 10. Generated; do not edit.
-- Names are natural keys: a query mostly needs no join. Times are UTC text, durations seconds,
-- sizes bytes, paths relative to the runs folder; a number that was not a number is NULL.

CREATE TABLE runs (
  -- One execution of a pipeline.
  run          TEXT NOT NULL PRIMARY KEY, -- its name, also its folder's: census_income-3f2a9c
  pipeline     TEXT NOT NULL,             -- the pipeline's name
  description  TEXT,                      -- what the pipeline is about, in its author's words
  file         TEXT NOT NULL,             -- the pipeline's file, as it was given on the command line
  resolved     TEXT NOT NULL,             -- the pipeline as resolved (YAML), defaults and overrides filled in
  fingerprint  TEXT,                      -- the resolved pipeline's content hash: equal means the same experiment
  seed         INTEGER NOT NULL,          -- the seed of everything random
  command      TEXT,                      -- the command line that started it
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'interrupted')),
                                          -- how it stands or ended; 'running' only while a process works on it
  stages       INTEGER NOT NULL DEFAULT 0,-- how many stages its plan has
  resumes      INTEGER NOT NULL DEFAULT 0,-- how often it was gone on with after an interruption
  started_at   TEXT NOT NULL,             -- when it was first started
  updated_at   TEXT NOT NULL,             -- its last sign of life
  finished_at  TEXT,                      -- when it ended; NULL while running
  seconds      REAL                       -- time worked on it by all executions that ended; NULL until one has
, direction TEXT NOT NULL DEFAULT 'lower' CHECK (direction IN ('higher', 'lower' -- which objectives of its trials are better
))) STRICT;

CREATE TABLE environments (
  -- Where a run was executed; of a resumed run, where it was last.
  run          TEXT NOT NULL PRIMARY KEY REFERENCES runs ON DELETE CASCADE, -- whose
  mtl_version  TEXT NOT NULL,             -- version of mtl
  git_commit   TEXT,                      -- commit checked out beside the pipeline; NULL outside git
  git_dirty    INTEGER CHECK (git_dirty IN (0, 1)), -- 1: there were changes that were not committed
  host         TEXT NOT NULL,             -- the machine's name
  os           TEXT NOT NULL,             -- operating system and architecture: linux x86_64
  cpu          TEXT,                      -- the processor's name, where it is known
  cpus         INTEGER NOT NULL,          -- processors the machine has
  threads      INTEGER NOT NULL,          -- threads the run used
  device       TEXT NOT NULL,             -- where tensors lived: cpu, cuda:0, metal
  onnx_runtime TEXT                       -- version of the ONNX Runtime that checked the model; NULL: none did
) STRICT;

CREATE TABLE stages (
  -- One step of a run's plan.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  stage        TEXT NOT NULL,             -- its key: load:census, fit, train#1
  kind         TEXT NOT NULL,             -- what it does: load, split, fit, train, evaluate, export, verify
  trial        INTEGER,                   -- the trial it belongs to; NULL: shared by all
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'skipped', 'interrupted')),
                                          -- 'skipped': not done because another stage failed
  cached       INTEGER NOT NULL DEFAULT 0 CHECK (cached IN (0, 1)), -- 1: its result was there already
  fingerprint  TEXT,                      -- content hash of its words and of everything it reads
  started_at   TEXT,                      -- when
  seconds      REAL,                      -- how long it took; for a cached one, to fetch
  bytes        INTEGER,                   -- size of what it left on disk
  reason       TEXT,                      -- why it failed or was skipped
  PRIMARY KEY (run, stage)
) STRICT;

CREATE TABLE parameters (
  -- The resolved pipeline, flattened: one row per leaf, so that SQL can filter by any setting.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  path         TEXT NOT NULL,             -- the setting's address: train.optimizer.adamw.rate, trunk[0].dense.units
  text         TEXT,                      -- its value as text; NULL when the pipeline says null
  number       REAL,                      -- its value as a number, when it is one (true is 1, false is 0)
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE trials (
  -- One training within a run: one choice of settings, one seed.
  run             TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  trial           INTEGER NOT NULL,       -- counting from 1
  seed            INTEGER,                -- the seed of its initialisation, shuffling and dropout
  device          TEXT,                   -- where its tensors lived
  rows            INTEGER,                -- training rows
  weights         INTEGER,                -- trained numbers of the network
  planned_epochs  INTEGER,                -- passes over the training rows, at most
  steps_per_epoch INTEGER,                -- batches in an epoch
  epochs          INTEGER,                -- passes it made; NULL until training ended
  best_epoch      INTEGER,                -- the epoch whose weights were kept
  stopped         TEXT,                   -- why training ended
  seconds         REAL,                   -- how long training took
  checkpoint_epoch INTEGER,               -- epoch of the last checkpoint
  checkpoint_step INTEGER,                -- step of the last checkpoint
  PRIMARY KEY (run, trial)
) STRICT;

CREATE TABLE trial_parameters (
  -- Settings a sweep chose for one trial; they overrule the run's own.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  path         TEXT NOT NULL,             -- the setting's address
  text         TEXT,                      -- its value as text
  number       REAL,                      -- its value as a number, when it is one
  PRIMARY KEY (run, trial, path),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE tasks (
  -- What a run learns.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  task         TEXT NOT NULL,             -- its name
  position     INTEGER NOT NULL,          -- its place in the pipeline, from 0
  data         TEXT NOT NULL,             -- the table it learns from
  kind         TEXT NOT NULL,             -- binary, multiclass, multilabel, ordinal, regression
  target       TEXT NOT NULL,             -- its column, or several joined by ', '
  loss         TEXT,                      -- its loss, when the pipeline or the plan names it
  PRIMARY KEY (run, task)
) STRICT;

CREATE TABLE labels (
  -- How many rows of a split have a task's label.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid, test
  rows         INTEGER NOT NULL,          -- rows of the split
  missing      INTEGER NOT NULL,          -- rows without the label; they teach the other tasks only
  PRIMARY KEY (run, task, split)
) STRICT;

CREATE TABLE data_tables (
  -- The tables a run read, and how their rows were divided.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  data         TEXT NOT NULL,             -- the table's name
  rows         INTEGER,                   -- rows read
  columns      INTEGER,                   -- columns read
  train        INTEGER,                   -- rows learned from
  valid        INTEGER,                   -- rows the best epoch is chosen by
  test         INTEGER,                   -- rows reported on
  PRIMARY KEY (run, data)
) STRICT;

CREATE TABLE data_files (
  -- The files behind those tables, by content.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  data         TEXT NOT NULL,             -- the table's name
  path         TEXT NOT NULL,             -- the file; absolute, or as the pipeline gave it
  bytes        INTEGER NOT NULL,          -- its size
  hash         TEXT NOT NULL,             -- its content's hash (blake3)
  PRIMARY KEY (run, data, path)
) STRICT;

CREATE TABLE epochs (
  -- One pass of a trial over the training rows.
  run             TEXT NOT NULL,          -- whose
  trial           INTEGER NOT NULL,       -- whose
  epoch           INTEGER NOT NULL,       -- counting from 1
  step            INTEGER NOT NULL,       -- steps since the trial's beginning
  joint_loss      REAL,                   -- mean of the loss that was minimised, regularization and all
  rate            REAL,                   -- learning rate at the epoch's end
  rows_per_second REAL,                   -- throughput
  seconds         REAL,                   -- how long it took
  objective       REAL,                   -- what the best epoch is chosen by; NULL without validation rows
  best            INTEGER NOT NULL CHECK (best IN (0, 1)), -- 1: the best so far, when it ended
  PRIMARY KEY (run, trial, epoch),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE losses (
  -- Mean training loss per task and epoch, before weighting.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the loss
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE weights (
  -- Mean effective weight of each task's loss per epoch, as the weighting gave it.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the weight
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE metrics (
  -- What was measured after each epoch: validation losses and metrics per task.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- which rows
  metric       TEXT NOT NULL,             -- auroc, f1, mae, loss ...
  value        REAL,                      -- what it said
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- rows whose label is present
  PRIMARY KEY (run, trial, epoch, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE scores (
  -- The final scores: the kept weights, on every split.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- which rows; 'test' is what to report
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  value        REAL,                      -- what it said
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- rows whose label is present
  epoch        INTEGER NOT NULL,          -- the epoch whose weights were scored
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity (
  -- Does the exported model answer like the trained one?
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  verified     INTEGER NOT NULL CHECK (verified IN (0, 1)), -- 0: ONNX Runtime could not be had, nothing was compared
  reason       TEXT,                      -- why it could not be verified
  largest      REAL,                      -- largest |a - b| / max(1, |b|) over all outputs and batches; NULL: not compared, or not a number
  tolerance    REAL NOT NULL,             -- the largest that is allowed
  batches      TEXT NOT NULL,             -- batch sizes compared: 1, 7
  onnx_runtime TEXT,                      -- version of ONNX Runtime
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity_outputs (
  -- The same, per output of the model.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  output       TEXT NOT NULL,             -- the output's name
  largest      REAL,                      -- largest |a - b| / max(1, |b|)
  PRIMARY KEY (run, trial, output),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE artifacts (
  -- What a run left on disk for its user.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  trial        INTEGER,                   -- the trial; NULL: the run's own
  kind         TEXT NOT NULL,             -- onnx, card, weights, pipeline, report
  path         TEXT NOT NULL,             -- where
  bytes        INTEGER,                   -- its size
  detail       TEXT,                      -- for onnx, the operator set: opset 17
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE notes (
  -- What a person should know about a run.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  stage        TEXT NOT NULL,             -- the stage it came from
  severity     TEXT NOT NULL CHECK (severity IN ('error', 'warning', 'note')), -- how bad
  text         TEXT NOT NULL,             -- the note
  noted_at     TEXT NOT NULL,             -- when
  PRIMARY KEY (run, stage, text)
) STRICT;

CREATE INDEX runs_by_start ON runs (started_at);

CREATE INDEX parameters_by_path ON parameters (path, number);

CREATE INDEX scores_by_metric ON scores (task, metric, split);

CREATE TABLE relations (
  -- How much of what a task reads is each task's part, where the sharing learns it (relation), per epoch.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task that reads
  other        TEXT NOT NULL,             -- the task whose part it reads
  value        REAL,                      -- from 0 to 1; those of a task sum to 1
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE shares (
  -- How much of what is read at a place of the shared body comes from where, per epoch: the mean of a gate's
  -- shares over validation rows (mmoe, ple ...), or what is learned once for all rows (cross_stitch ...).
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  unit         TEXT NOT NULL,             -- the place: `level 1`
  reader       TEXT NOT NULL,             -- a task, or `shared`
  source       TEXT NOT NULL,             -- an expert, such as `shared 2`, or a task
  value        REAL,                      -- its share
  PRIMARY KEY (run, trial, epoch, unit, reader, source),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE gradients (
  -- How the gradients of two tasks stand to each other, per epoch, over the steps that had labels of both: where the
  -- weighting is a gradient method, or `train.gradients.observe` is set.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- one task
  other        TEXT NOT NULL,             -- a task after it
  cosine       REAL,                      -- mean cosine of their angle
  conflicts    REAL,                      -- share of the steps with a cosine below 0
  similarity   REAL,                      -- mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of one length
  steps        INTEGER NOT NULL,          -- that were compared
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE gains (
  -- What learning tasks together did to each metric, where `evaluate.baselines` had each task trained alone too, with
  -- the trial's own seed. `task_gains` and `trial_gains` are its means.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  task         TEXT NOT NULL,             -- of which task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- such as auroc
  direction    TEXT NOT NULL,             -- higher or lower is better
  value        REAL,                      -- of the joint training
  baseline     REAL,                      -- of the task trained alone
  gain         REAL,                      -- relative improvement in percent: above 0, joint training is better
  counts       INTEGER NOT NULL,          -- 1: the task's gain is made of it
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE affinities (
  -- What a plain step of one task along the shared weights does to another's loss of the same batch, per epoch: where
  -- `train.affinity` is set (TAG; Fifty et al. 2021).
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- whose step
  other        TEXT NOT NULL,             -- whose loss
  value        REAL,                      -- mean of 1 - loss after / loss before: above 0, the step helps
  steps        INTEGER NOT NULL,          -- that were measured
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE objectives (
  -- What the trials of a sweep are weighed by, where it names several objectives.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  position     INTEGER NOT NULL,          -- its place among them, from 0
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its metric
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  reference    REAL,                      -- up to where the hypervolume reaches; NULL: beyond the worst
  PRIMARY KEY (run, position)
) STRICT;

CREATE TABLE prunings (
  -- Trials of a sweep that were given up before their last epoch; their metrics so far are kept, and nothing is exported.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- the last epoch it was trained for
  reason       TEXT NOT NULL,             -- why
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE fronts (
  -- What a network that reads its preference (`weighting: cosmos`) scores for each of several: the kept weights, on
  -- validation and test rows. A preference is the `share` of each task at one `point`.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  point        INTEGER NOT NULL,          -- which preference, from 0
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- valid or test
  metric       TEXT NOT NULL,             -- loss, auroc, f1, mae ...
  share        REAL NOT NULL,             -- how much the task is preferred; over the tasks of a point they sum to 1
  value        REAL,                      -- what the metric said
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- rows whose label is present
  PRIMARY KEY (run, trial, point, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE front_references (
  -- Up to where the hypervolume of a network's front (`fronts`) reaches, where the pipeline says so.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its first metric
  value        REAL NOT NULL,             -- what it has at its worst
  PRIMARY KEY (run, trial, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE affinity_steps (
  -- Each measurement behind `affinities`: how much they differ from step to step says how sure their mean is.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  step         INTEGER NOT NULL,          -- steps taken before it, from 0
  task         TEXT NOT NULL,             -- whose step
  other        TEXT NOT NULL,             -- whose loss
  value        REAL,                      -- 1 - loss after / loss before: above 0, the step helps
  PRIMARY KEY (run, trial, step, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE VIEW trial_objectives AS
  -- What each trial is judged by: the objective of the epoch whose weights were kept, on validation rows.
  SELECT t.run, t.trial,
         (SELECT e.objective FROM epochs e
           WHERE e.run = t.run AND e.trial = t.trial AND e.best = 1 ORDER BY e.epoch DESC LIMIT 1) AS objective,
         r.direction, -- which objectives are better
         EXISTS (SELECT 1 FROM artifacts a
                  WHERE a.run = t.run AND a.trial = t.trial AND a.kind = 'onnx') AS exported -- 1: its model has been written
    FROM trials t JOIN runs r USING (run);

CREATE VIEW leaderboard AS
  -- One row per run, trial, task and metric on the test split. `place` 1 is the best of its pipeline, task and metric. What was
  -- trained once has one place, whatever runs found it in the cache: the earliest holds it, and the others say whose result
  -- theirs is (`same_as`, such as census-3f2a#1). An undefined score has no place.
  WITH scored AS (
    SELECT r.pipeline, s.task, s.metric, s.value, s.direction, s.run, s.trial, s.epoch, s.rows, r.started_at,
           s.run || '#' || s.trial AS own,
           first_value(s.run || '#' || s.trial) OVER (
             PARTITION BY r.pipeline, s.task, s.metric, s.value, coalesce(f.fingerprint, s.run || '#' || s.trial)
                 ORDER BY r.started_at, r.rowid, s.trial) AS holder
      FROM scores s JOIN runs r USING (run)
      LEFT JOIN stages f ON f.run = s.run AND f.stage = 'train#' || s.trial
     WHERE s.split = 'test')
  SELECT pipeline, task, metric, value,
         CASE WHEN value IS NOT NULL AND own = holder THEN
           rank() OVER (PARTITION BY pipeline, task, metric
                        ORDER BY value IS NULL OR own <> holder,
                                 CASE direction WHEN 'higher' THEN -value ELSE value END) END AS place,
         nullif(holder, own) AS same_as,
         direction, run, trial, epoch, rows, started_at
    FROM scored;

CREATE VIEW run_summary AS
  -- One row per run: how it ended, and of its best trial (by `trial_objectives`; of those whose model has been written, if there
  -- are any) what it took, what it scored and whether its model is proven.
  SELECT r.run, t.trial, (SELECT count(*) FROM trials n WHERE n.run = r.run) AS trials,
         r.pipeline, r.state, r.started_at, r.seconds,
         t.best_epoch, t.epochs, t.rows, t.weights, t.seconds AS train_seconds,
         t.rows * t.epochs / t.seconds AS rows_per_second,
         (SELECT count(*) FROM tasks k WHERE k.run = r.run) AS tasks,
         (SELECT group_concat(task || ' ' || metric || ' ' ||
                              CASE WHEN value IS NULL THEN 'undefined' ELSE printf('%.4g', value) END, ', ')
            FROM (SELECT s.task, s.metric, s.value, min(s.rowid) FROM scores s
                   WHERE s.run = r.run AND s.trial = t.trial AND s.split = 'test'
                   GROUP BY s.task ORDER BY min(s.rowid))) AS test_scores, -- each task's first metric
         p.verified, p.largest AS parity,
         (SELECT a.path FROM artifacts a
           WHERE a.run = r.run AND a.trial = t.trial AND a.kind = 'onnx') AS model,
         e.device, e.threads, e.host, e.git_commit, e.git_dirty, e.mtl_version
    FROM runs r
    LEFT JOIN trials t ON t.run = r.run
     AND t.trial = (SELECT o.trial FROM trial_objectives o
                     WHERE o.run = r.run
                     ORDER BY o.exported DESC, o.objective IS NULL,
                              CASE o.direction WHEN 'higher' THEN -o.objective ELSE o.objective END, o.trial LIMIT 1)
    LEFT JOIN parity p ON p.run = r.run AND p.trial = t.trial
    LEFT JOIN environments e ON e.run = r.run;

CREATE VIEW learning_curve AS
  -- Everything measured per epoch, in one shape: metrics, and the training loss as metric 'loss'.
  SELECT m.run, m.trial, m.epoch, m.task, m.split, m.metric, m.value, m.direction, e.best
    FROM metrics m JOIN epochs e USING (run, trial, epoch)
   UNION ALL
  SELECT l.run, l.trial, l.epoch, l.task, 'train', 'loss', l.value, 'lower', e.best
    FROM losses l JOIN epochs e USING (run, trial, epoch)
   WHERE NOT EXISTS (SELECT 1 FROM metrics m
                      WHERE m.run = l.run AND m.trial = l.trial AND m.epoch = l.epoch
                        AND m.task = l.task AND m.split = 'train' AND m.metric = 'loss');

CREATE VIEW settings AS
  -- Every setting of every trial; what a sweep chose for a trial overrules the run's own, with all that stands below its
  -- address: of a chosen `weighting` nothing is left of `weighting.cagrad.c`.
  SELECT t.run, t.trial, p.path, p.text, p.number
    FROM trials t JOIN parameters p USING (run)
   WHERE NOT EXISTS (SELECT 1 FROM trial_parameters o
                      WHERE o.run = t.run AND o.trial = t.trial
                        AND (p.path = o.path
                             OR substr(p.path, 1, length(o.path) + 1) IN (o.path || '.', o.path || '[')))
   UNION ALL
  SELECT run, trial, path, text, number FROM trial_parameters;

CREATE VIEW varied_settings AS
  -- Only settings that are not the same in all trials of their pipeline, with how often each value
  -- was tried.
  SELECT r.pipeline, s.path, s.text AS value, count(*) AS trials
    FROM settings s JOIN runs r USING (run)
   GROUP BY r.pipeline, s.path, s.text
  HAVING count(*) < (SELECT count(*) FROM trials t JOIN runs q USING (run)
                      WHERE q.pipeline = r.pipeline);

CREATE VIEW generalization AS
  -- Final scores with the splits side by side. `gap` is how much better the training rows do than
  -- the test rows: large means overfitted.
  SELECT run, trial, task, metric, direction,
         max(value) FILTER (WHERE split = 'train') AS train,
         max(value) FILTER (WHERE split = 'valid') AS valid,
         max(value) FILTER (WHERE split = 'test') AS test,
         (max(value) FILTER (WHERE split = 'train') - max(value) FILTER (WHERE split = 'test'))
           * CASE direction WHEN 'higher' THEN 1 ELSE -1 END AS gap
    FROM scores
   GROUP BY run, trial, task, metric;

CREATE VIEW task_gains AS
  -- How much better, in percent, each task is than trained alone; negative where it is worse. NULL: undefined.
  SELECT run, trial, task, split, CASE WHEN count(gain) = count(*) THEN avg(gain) END AS gain,
         group_concat(metric, ', ') AS metrics
    FROM gains WHERE counts = 1
   GROUP BY run, trial, task, split;

CREATE VIEW trial_gains AS
  -- The mean gain over a trial's tasks (Maninis et al. 2019), and how many of them are better than alone.
  SELECT run, trial, split, CASE WHEN count(gain) = count(*) THEN avg(gain) END AS gain,
         count(*) AS tasks, sum(coalesce(gain > 0, 0)) AS better
    FROM task_gains
   GROUP BY run, trial, split;
