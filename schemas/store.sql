-- The results database runs/mtl.db, version 12. Generated; do not edit.
-- Names are natural keys, so most queries need no join. Times are UTC text, durations are
-- seconds, sizes are bytes, paths are relative to the runs folder; NaN is NULL.

CREATE TABLE runs (
  -- One execution of a pipeline.
  run          TEXT NOT NULL PRIMARY KEY, -- its name and the name of its folder: census_income-3f2a9c
  pipeline     TEXT NOT NULL,             -- the pipeline's name
  description  TEXT,                      -- the description in the pipeline
  file         TEXT NOT NULL,             -- the pipeline's file, as given on the command line
  resolved     TEXT NOT NULL,             -- the resolved pipeline (YAML), with defaults and overrides
  fingerprint  TEXT,                      -- content hash of the resolved pipeline: equal hashes mean the same experiment
  seed         INTEGER NOT NULL,          -- the seed of all random numbers
  command      TEXT,                      -- the command line that started the run
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'interrupted')),
                                          -- 'running' only while a process works on the run
  stages       INTEGER NOT NULL DEFAULT 0,-- number of stages in the plan
  resumes      INTEGER NOT NULL DEFAULT 0,-- how often the run was resumed
  started_at   TEXT NOT NULL,             -- when it was first started
  updated_at   TEXT NOT NULL,             -- time of the last activity
  finished_at  TEXT,                      -- when it ended; NULL while running
  seconds      REAL                       -- total time of all executions that ended; NULL before the first ends
, direction TEXT NOT NULL DEFAULT 'lower' CHECK (direction IN ('higher', 'lower' -- which objective values are better
))) STRICT;

CREATE TABLE environments (
  -- The machine and software of a run; for a resumed run, of its last execution.
  run          TEXT NOT NULL PRIMARY KEY REFERENCES runs ON DELETE CASCADE, -- the run
  mtl_version  TEXT NOT NULL,             -- version of mtl
  git_commit   TEXT,                      -- git commit of the pipeline's folder; NULL outside git
  git_dirty    INTEGER CHECK (git_dirty IN (0, 1)), -- 1: there were uncommitted changes
  host         TEXT NOT NULL,             -- the machine's name
  os           TEXT NOT NULL,             -- operating system and architecture: linux x86_64
  cpu          TEXT,                      -- the processor's name, if known
  cpus         INTEGER NOT NULL,          -- number of processors of the machine
  threads      INTEGER NOT NULL,          -- number of threads used
  device       TEXT NOT NULL,             -- device of the tensors: cpu, cuda:0, metal
  onnx_runtime TEXT                       -- version of the ONNX Runtime that verified the model; NULL: not verified
) STRICT;

CREATE TABLE stages (
  -- The stages of a run's plan that started or were skipped.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  stage        TEXT NOT NULL,             -- its key: load:census, fit, train#1
  kind         TEXT NOT NULL,             -- load, split, fit, train, evaluate, export, verify
  trial        INTEGER,                   -- the stage's trial; NULL: shared by all trials
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'skipped', 'interrupted')),
                                          -- 'skipped': not run because another stage failed
  cached       INTEGER NOT NULL DEFAULT 0 CHECK (cached IN (0, 1)), -- 1: its result was in the cache
  fingerprint  TEXT,                      -- content hash of its settings and inputs
  started_at   TEXT,                      -- when it started
  seconds      REAL,                      -- duration; of a cached stage, of reading the cache
  bytes        INTEGER,                   -- size of its result on disk
  reason       TEXT,                      -- why it failed or was skipped
  PRIMARY KEY (run, stage)
) STRICT;

CREATE TABLE parameters (
  -- The resolved pipeline, flattened: one row per leaf, so that SQL can filter by any setting.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  path         TEXT NOT NULL,             -- the setting's path: train.optimizer.adamw.rate, trunk[0].dense.units
  text         TEXT,                      -- its value as text; NULL when the pipeline says null
  number       REAL,                      -- its value as a number, when it is one (true is 1, false is 0)
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE trials (
  -- One training within a run: one choice of settings, one seed.
  run             TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  trial           INTEGER NOT NULL,       -- counting from 1
  seed            INTEGER,                -- the seed of initialization, shuffling and dropout
  device          TEXT,                   -- device of its tensors
  rows            INTEGER,                -- number of training rows
  weights         INTEGER,                -- number of trainable parameters
  planned_epochs  INTEGER,                -- maximum number of epochs
  steps_per_epoch INTEGER,                -- batches per epoch
  epochs          INTEGER,                -- number of epochs trained; NULL until training ended
  best_epoch      INTEGER,                -- the epoch whose weights were kept
  stopped         TEXT,                   -- why training ended
  seconds         REAL,                   -- duration of the training
  checkpoint_epoch INTEGER,               -- epoch of the last checkpoint
  checkpoint_step INTEGER,                -- step of the last checkpoint
  PRIMARY KEY (run, trial)
) STRICT;

CREATE TABLE trial_parameters (
  -- Settings that a sweep chose for one trial; they override the run's own.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  path         TEXT NOT NULL,             -- the setting's path
  text         TEXT,                      -- its value as text
  number       REAL,                      -- its value as a number, when it is one
  PRIMARY KEY (run, trial, path),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE tasks (
  -- The tasks of a run.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  task         TEXT NOT NULL,             -- its name
  position     INTEGER NOT NULL,          -- zero-based position in the pipeline
  data         TEXT NOT NULL,             -- the table it is trained on
  kind         TEXT NOT NULL,             -- binary, multiclass, multilabel, ordinal, regression
  target       TEXT NOT NULL,             -- its target columns, joined by ', '
  loss         TEXT,                      -- its loss, if the pipeline or the plan sets one
  PRIMARY KEY (run, task)
) STRICT;

CREATE TABLE labels (
  -- Number of labels of each task on each split.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid, test
  rows         INTEGER NOT NULL,          -- rows of the split
  missing      INTEGER NOT NULL,          -- rows without the label; they train only the other tasks
  PRIMARY KEY (run, task, split)
) STRICT;

CREATE TABLE data_tables (
  -- The tables a run read, and the sizes of their splits.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  data         TEXT NOT NULL,             -- the table's name
  rows         INTEGER,                   -- rows read
  columns      INTEGER,                   -- columns read
  train        INTEGER,                   -- training rows
  valid        INTEGER,                   -- validation rows, by which the best epoch is chosen
  test         INTEGER,                   -- test rows
  PRIMARY KEY (run, data)
) STRICT;

CREATE TABLE data_files (
  -- The files of those tables, with content hashes.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  data         TEXT NOT NULL,             -- the table's name
  path         TEXT NOT NULL,             -- the file; absolute, or as given in the pipeline
  bytes        INTEGER NOT NULL,          -- its size
  hash         TEXT NOT NULL,             -- its content hash (blake3)
  PRIMARY KEY (run, data, path)
) STRICT;

CREATE TABLE epochs (
  -- One pass of a trial over the training rows.
  run             TEXT NOT NULL,          -- the run
  trial           INTEGER NOT NULL,       -- the trial
  epoch           INTEGER NOT NULL,       -- counting from 1
  step            INTEGER NOT NULL,       -- steps since the start of the trial
  joint_loss      REAL,                   -- mean of the minimized loss, including regularization
  rate            REAL,                   -- learning rate at the end of the epoch
  rows_per_second REAL,                   -- throughput
  seconds         REAL,                   -- duration
  objective       REAL,                   -- the value by which the best epoch is chosen; NULL without validation rows
  best            INTEGER NOT NULL CHECK (best IN (0, 1)), -- 1: the best epoch so far
  PRIMARY KEY (run, trial, epoch),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE losses (
  -- Mean training loss per task and epoch, before weighting.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the loss
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE weights (
  -- Mean effective weight of each task's loss per epoch.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the weight
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE metrics (
  -- Validation losses and metrics of each task after each epoch.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- auroc, f1, mae, loss ...
  value        REAL,                      -- the metric's value
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  PRIMARY KEY (run, trial, epoch, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE scores (
  -- The final scores: the best epoch's weights, on every split. Report those of 'test'.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  value        REAL,                      -- the metric's value
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  epoch        INTEGER NOT NULL, low REAL CHECK (typeof(low) IN ('real', 'null') -- lower bound of the 95 % bootstrap interval; NULL: not computed
), high REAL CHECK (typeof(high) IN ('real', 'null') -- upper bound of the 95 % bootstrap interval
),          -- the epoch whose weights were scored
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity (
  -- Comparison of the exported model with the trained one.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  verified     INTEGER NOT NULL CHECK (verified IN (0, 1)), -- 0: ONNX Runtime was not available, nothing was compared
  reason       TEXT,                      -- why it could not be verified
  largest      REAL,                      -- largest |a - b| / max(1, |b|) over all outputs and batches; NULL: not compared, or NaN
  tolerance    REAL NOT NULL,             -- the largest allowed value
  batches      TEXT NOT NULL,             -- batch sizes compared: 1, 7
  onnx_runtime TEXT, precision TEXT NOT NULL DEFAULT 'f32' CHECK (precision IN ('f32', 'f16', 'int8' -- of the exported model
)),                      -- version of ONNX Runtime
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity_outputs (
  -- The same for each output of the model.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  output       TEXT NOT NULL,             -- the output's name
  largest      REAL,                      -- largest |a - b| / max(1, |b|)
  PRIMARY KEY (run, trial, output),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE artifacts (
  -- The files that a run made for its user.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  trial        INTEGER,                   -- the trial; NULL: the whole run
  kind         TEXT NOT NULL,             -- onnx, card, weights, pipeline, report
  path         TEXT NOT NULL,             -- the file
  bytes        INTEGER,                   -- its size
  detail       TEXT,                      -- for onnx, the operator set version: opset 17
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE notes (
  -- Warnings and other notes about a run.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  stage        TEXT NOT NULL,             -- the stage that reported it
  severity     TEXT NOT NULL CHECK (severity IN ('error', 'warning', 'note')), -- severity
  text         TEXT NOT NULL,             -- the note
  noted_at     TEXT NOT NULL,             -- when it was reported
  PRIMARY KEY (run, stage, text)
) STRICT;

CREATE INDEX runs_by_start ON runs (started_at);

CREATE INDEX parameters_by_path ON parameters (path, number);

CREATE INDEX scores_by_metric ON scores (task, metric, split);

CREATE TABLE relations (
  -- The share of each task's part in what a task reads, per epoch, where the sharing learns it (relation).
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task that reads
  other        TEXT NOT NULL,             -- the task whose part is read
  value        REAL,                      -- in [0, 1]; the values of a task sum to 1
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE shares (
  -- The share of each source in what is read at a unit of the shared network, per epoch: a gate's mean over
  -- validation rows (mmoe, ple ...), or weights learned once for all rows (cross_stitch ...).
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  unit         TEXT NOT NULL,             -- the unit: `level 1`
  reader       TEXT NOT NULL,             -- a task, or `shared`
  source       TEXT NOT NULL,             -- an expert, such as `shared 2`, or a task
  value        REAL,                      -- its share
  PRIMARY KEY (run, trial, epoch, unit, reader, source),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE gradients (
  -- Gradient statistics of two tasks, per epoch, over the steps with labels of both. Recorded where the weighting is
  -- a gradient method or `train.gradients.observe` is set.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- one task
  other        TEXT NOT NULL,             -- a later task
  cosine       REAL,                      -- mean cosine similarity
  conflicts    REAL,                      -- fraction of the steps with a negative cosine
  similarity   REAL,                      -- mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of equal norm
  steps        INTEGER NOT NULL,          -- number of steps compared
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE gains (
  -- Gain of joint training over training each task alone with the trial's own seed (`evaluate.baselines`), for each
  -- metric. `task_gains` and `trial_gains` hold its means.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  direction    TEXT NOT NULL,             -- which values are better
  value        REAL,                      -- score of the joint training
  baseline     REAL,                      -- score of the task trained alone
  gain         REAL,                      -- relative improvement in percent: positive where joint training is better
  counts       INTEGER NOT NULL,          -- 1: counts towards the task's gain
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE affinities (
  -- Effect of one task's gradient step on the shared weights on another task's loss of the same batch, per epoch.
  -- Recorded where `train.affinity` is set (TAG; Fifty et al. 2021).
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task that takes the step
  other        TEXT NOT NULL,             -- the task whose loss is measured
  value        REAL,                      -- mean of 1 - loss after / loss before: positive where the step helps
  steps        INTEGER NOT NULL,          -- number of steps measured
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE objectives (
  -- The objectives of a multi-objective sweep.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  position     INTEGER NOT NULL,          -- zero-based position
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its metric
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  reference    REAL,                      -- component of the hypervolume's reference point; NULL: beyond the worst
  PRIMARY KEY (run, position)
) STRICT;

CREATE TABLE prunings (
  -- Trials that a sweep pruned before their last epoch. Their metrics so far are kept; nothing is exported.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- the last trained epoch
  reason       TEXT NOT NULL,             -- why it was pruned
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE fronts (
  -- Scores of a preference-conditioned network (`weighting: cosmos`) for each preference vector: the best epoch's
  -- weights, on validation and test rows. A preference vector is the `share` of each task at one `point`.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  point        INTEGER NOT NULL,          -- zero-based index of the preference vector
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- valid or test
  metric       TEXT NOT NULL,             -- loss, auroc, f1, mae ...
  share        REAL NOT NULL,             -- the task's component; the components of a point sum to 1
  value        REAL,                      -- the metric's value
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  PRIMARY KEY (run, trial, point, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE front_references (
  -- Reference point of the hypervolume of a network's front (`fronts`), if the pipeline sets one.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its first metric
  value        REAL NOT NULL,             -- the component of the reference point
  PRIMARY KEY (run, trial, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE affinity_steps (
  -- The single measurements behind `affinities`: their spread shows the uncertainty of the mean.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  step         INTEGER NOT NULL,          -- number of steps taken before it
  task         TEXT NOT NULL,             -- the task that takes the step
  other        TEXT NOT NULL,             -- the task whose loss is measured
  value        REAL,                      -- 1 - loss after / loss before: positive where the step helps
  PRIMARY KEY (run, trial, step, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE exported_scores (
  -- Scores of an exported model with rounded weights, computed by ONNX Runtime, beside those of the trained network.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- test, or valid if there are no test rows
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  value        REAL,                      -- the metric of the exported model
  trained      REAL,                      -- the same metric of the trained network; NULL: not scored there
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE confusions (
  -- How often a class was predicted to be another, of the network's final scores; cells that are not 0.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  label        TEXT NOT NULL,             -- the label of a multilabel task; empty for other tasks
  split        TEXT NOT NULL,             -- train, valid or test
  truth        TEXT NOT NULL,             -- the true class
  predicted    TEXT NOT NULL,             -- the predicted class
  rows         INTEGER NOT NULL,          -- number of rows, steps or pixels
  PRIMARY KEY (run, trial, task, label, split, truth, predicted),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE VIEW trial_objectives AS
  -- The objective of each trial: that of its best epoch, on validation rows.
  SELECT t.run, t.trial,
         (SELECT e.objective FROM epochs e
           WHERE e.run = t.run AND e.trial = t.trial AND e.best = 1 ORDER BY e.epoch DESC LIMIT 1) AS objective,
         r.direction, -- which objective values are better
         EXISTS (SELECT 1 FROM artifacts a
                  WHERE a.run = t.run AND a.trial = t.trial AND a.kind = 'onnx') AS exported -- 1: its model was exported
    FROM trials t JOIN runs r USING (run);

CREATE VIEW leaderboard AS
  -- One row per run, trial, task and metric on the test split. `place` 1 is the best of its pipeline, task and metric. A
  -- training that several runs share through the cache has one place, in the earliest of these runs; the others refer to
  -- it (`same_as`, such as census-3f2a#1). An undefined score has no place.
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
  -- One row per run: its state, and the duration, scores and parity of its best trial (by `trial_objectives`; among trials
  -- with an exported model, if there are any).
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
  -- Everything measured per epoch in one format: metrics, and the training loss as metric 'loss'.
  SELECT m.run, m.trial, m.epoch, m.task, m.split, m.metric, m.value, m.direction, e.best
    FROM metrics m JOIN epochs e USING (run, trial, epoch)
   UNION ALL
  SELECT l.run, l.trial, l.epoch, l.task, 'train', 'loss', l.value, 'lower', e.best
    FROM losses l JOIN epochs e USING (run, trial, epoch)
   WHERE NOT EXISTS (SELECT 1 FROM metrics m
                      WHERE m.run = l.run AND m.trial = l.trial AND m.epoch = l.epoch
                        AND m.task = l.task AND m.split = 'train' AND m.metric = 'loss');

CREATE VIEW settings AS
  -- Every setting of every trial. A sweep's choice for a trial overrides the run's own setting and all settings below its
  -- path: a chosen `weighting` also removes `weighting.cagrad.c`.
  SELECT t.run, t.trial, p.path, p.text, p.number
    FROM trials t JOIN parameters p USING (run)
   WHERE NOT EXISTS (SELECT 1 FROM trial_parameters o
                      WHERE o.run = t.run AND o.trial = t.trial
                        AND (p.path = o.path
                             OR substr(p.path, 1, length(o.path) + 1) IN (o.path || '.', o.path || '[')))
   UNION ALL
  SELECT run, trial, path, text, number FROM trial_parameters;

CREATE VIEW varied_settings AS
  -- Settings that differ between trials of their pipeline, with the number of trials of each value.
  SELECT r.pipeline, s.path, s.text AS value, count(*) AS trials
    FROM settings s JOIN runs r USING (run)
   GROUP BY r.pipeline, s.path, s.text
  HAVING count(*) < (SELECT count(*) FROM trials t JOIN runs q USING (run)
                      WHERE q.pipeline = r.pipeline);

CREATE VIEW generalization AS
  -- Final scores with the splits side by side. `gap` is how much better the training score is than the
  -- test score: a large gap means overfitting.
  SELECT run, trial, task, metric, direction,
         max(value) FILTER (WHERE split = 'train') AS train,
         max(value) FILTER (WHERE split = 'valid') AS valid,
         max(value) FILTER (WHERE split = 'test') AS test,
         (max(value) FILTER (WHERE split = 'train') - max(value) FILTER (WHERE split = 'test'))
           * CASE direction WHEN 'higher' THEN 1 ELSE -1 END AS gap
    FROM scores
   GROUP BY run, trial, task, metric;

CREATE VIEW task_gains AS
  -- Gain of each task over training it alone, in percent; negative where it is worse. NULL: undefined.
  SELECT run, trial, task, split, CASE WHEN count(gain) = count(*) THEN avg(gain) END AS gain,
         group_concat(metric, ', ') AS metrics
    FROM gains WHERE counts = 1
   GROUP BY run, trial, task, split;

CREATE VIEW trial_gains AS
  -- Mean gain over a trial's tasks (Maninis et al. 2019), and the number of tasks that are better than alone.
  SELECT run, trial, split, CASE WHEN count(gain) = count(*) THEN avg(gain) END AS gain,
         count(*) AS tasks, sum(coalesce(gain > 0, 0)) AS better
    FROM task_gains
   GROUP BY run, trial, split;

CREATE VIEW classes AS
  -- Precision, recall and F1 of every class, from the confusion matrices; 0 where a class was never predicted
  -- (precision) or never true (recall), as by scikit-learn with `zero_division=0`.
  SELECT run, trial, task, label, split, class, support, predicted,
         coalesce(1.0 * correct / nullif(predicted, 0), 0) AS precision,
         coalesce(1.0 * correct / nullif(support, 0), 0) AS recall,
         coalesce(2.0 * correct / nullif(support + predicted, 0), 0) AS f1
    FROM (SELECT run, trial, task, label, split, class, sum(support) AS support, sum(predicted) AS predicted,
                 sum(correct) AS correct
            FROM (SELECT run, trial, task, label, split, truth AS class, rows AS support, 0 AS predicted,
                         CASE WHEN truth = predicted THEN rows ELSE 0 END AS correct FROM confusions
                  UNION ALL
                  SELECT run, trial, task, label, split, predicted, 0, rows, 0 FROM confusions)
           GROUP BY run, trial, task, label, split, class);
